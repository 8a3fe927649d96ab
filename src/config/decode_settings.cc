#include <fmt/format.h>

#include <array>

#include "config/address.h"
#include "config/quote.h"
#include "config/scalar.h"
#include "config/sections.h"

namespace gateway::config {
namespace {

constexpr std::uint64_t kMostWorkers = 256;
constexpr std::uint64_t kMostConnections = 10'000'000;
constexpr std::uint64_t kSmallestHeadBytes = 256;
constexpr std::uint64_t kLargestHeadBytes = 16ULL << 20;
constexpr std::uint64_t kMostHeaders = 10'000;

constexpr std::array<std::pair<std::string_view, proxy::LogFormat>, 2> kFormats{
    {{"json", proxy::LogFormat::json}, {"text", proxy::LogFormat::text}}};

bool is_off(const Text& text) {
  return parse_boolean(text.value) == false;
}

void decode_log_path(Decoder& decoder, const Node& node, Text& target) {
  auto text = decoder.word(node, "off, stdout or the path of a file");
  if (!text) return;
  if (is_off(*text)) text->value = "off";
  if (text->value == "stderr" || parse_boolean(text->value) == true) {
    decoder.reject(*text, "off, stdout or the path of a file");
    return;
  }
  target = std::move(*text);
}

}  // namespace

TimeoutsConfig decode_timeouts(Decoder& decoder, const Node& node, const KeyTable& table) {
  TimeoutsConfig timeouts;
  const std::array<std::pair<std::string_view, std::optional<core::Milliseconds>*>, 7> targets{{
      {"handshake", &timeouts.handshake},
      {"request_headers", &timeouts.request_headers},
      {"body_idle", &timeouts.body_idle},
      {"keep_alive", &timeouts.keep_alive},
      {"upstream_connect", &timeouts.upstream_connect},
      {"upstream_response", &timeouts.upstream_response},
      {"drain", &timeouts.drain},
  }};
  const Fields fields(decoder, node, table);
  for (const auto& [key, target] : targets) {
    if (const Node* value = fields.find(key)) *target = decoder.duration(*value);
  }
  return timeouts;
}

ForwardingConfig decode_forwarding(Decoder& decoder, const Node& node) {
  ForwardingConfig forwarding;
  const std::array<std::pair<std::string_view, std::optional<bool>*>, 4> targets{
      {{"x_forwarded", &forwarding.x_forwarded},
       {"x_request_id", &forwarding.x_request_id},
       {"forwarded", &forwarding.forwarded},
       {"via", &forwarding.via}}};
  const Fields fields(decoder, node, kForwardingKeys);
  for (const auto& [key, target] : targets) {
    if (const Node* value = fields.find(key)) *target = decoder.boolean(*value);
  }
  return forwarding;
}

void decode_workers(Decoder& decoder, const Node& node, Config& config) {
  if (node.is(Node::Kind::scalar) && node.text == "auto") return;
  const std::string expected = fmt::format("auto or a number from 1 to {}", kMostWorkers);
  const auto text = decoder.word(node, expected);
  if (!text || text->value == "auto") return;
  const auto number = parse_whole_number(text->value);
  if (!number || *number == 0 || *number > kMostWorkers) {
    decoder.reject(*text, expected);
    return;
  }
  config.workers = static_cast<unsigned>(*number);
}

void decode_state_directory(Decoder& decoder, const Node& node, Config& config) {
  config.state_directory = decoder.word(node, "the path of a folder");
}

void decode_watch(Decoder& decoder, const Node& node, Config& config) {
  constexpr std::string_view kExpected = "files, all or off";
  const auto text = decoder.word(node, kExpected);
  if (!text) return;
  if (const auto is_on = parse_boolean(text->value)) {
    config.watch = *is_on ? Watch::all : Watch::off;
  } else if (text->value == "files" || text->value == "all") {
    config.watch = text->value == "all" ? Watch::all : Watch::files;
  } else {
    decoder.reject(*text, kExpected);
  }
}

void decode_limits(Decoder& decoder, const Node& node, Config& config) {
  const Fields fields(decoder, node, kLimitKeys);
  core::Limits& limits = config.limits;
  const auto head_size = [&](std::string_view key, std::uint64_t& target) {
    if (const Node* value = fields.find(key))
      assign(target, decoder.size(*value, kSmallestHeadBytes, kLargestHeadBytes));
  };
  head_size("request_line", limits.request_line_bytes);
  head_size("headers", limits.headers_bytes);
  if (const Node* value = fields.find("connections"))
    assign(limits.connections, decoder.number(*value, 1, kMostConnections));
  if (const Node* value = fields.find("header_count"))
    assign(limits.header_count, decoder.number(*value, 1, kMostHeaders));
  if (const Node* value = fields.find("body")) assign(limits.body_bytes, decoder.size(*value, 1, kLargestBodyBytes));
}

void decode_trusted_proxies(Decoder& decoder, const Node& node, Config& config) {
  constexpr std::string_view kExpected = "a network such as 10.0.0.0/8 or an IP address";
  for (const Text& text : decoder.words(node, kExpected)) {
    if (const auto network = core::Cidr::parse(text.value)) {
      config.trusted_proxies.push_back(*network);
    } else {
      decoder.reject(text, fmt::format("{} (without bits behind the prefix)", kExpected));
    }
  }
}

void decode_access_log(Decoder& decoder, const Node& node, Config& config) {
  if (node.is(Node::Kind::scalar)) {
    decode_log_path(decoder, node, config.access_log.path);
    return;
  }
  const Fields fields(decoder, node, kAccessLogKeys);
  if (const Node* path = fields.find("path")) decode_log_path(decoder, *path, config.access_log.path);
  if (const Node* format = fields.find("format")) {
    assign(config.access_log.format, decoder.choice<proxy::LogFormat>(*format, kFormats));
  }
}

void decode_admin(Decoder& decoder, const Node& node, Config& config) {
  const Fields fields(decoder, node, kAdminKeys);
  if (const Node* socket = fields.find("socket")) {
    if (auto text = decoder.word(*socket, "the path of a Unix socket, or off")) {
      if (is_off(*text)) text->value.clear();
      config.admin.socket = std::move(*text);
    }
  }
  if (const Node* metrics = fields.find("metrics")) {
    const auto text = decoder.word(*metrics, "an address and a port such as 127.0.0.1:9145, or off");
    if (!text || is_off(*text)) return;
    if (const auto address = parse_socket_address(text->value)) {
      config.admin.metrics = MetricsAddress{.host = address->host, .port = address->port};
      config.admin.metrics_at = text->at;
    } else {
      decoder.reject(*text, address.error());
    }
  }
}

}  // namespace gateway::config
