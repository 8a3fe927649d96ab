#include <fmt/format.h>

#include <algorithm>

#include "config/address.h"
#include "config/quote.h"
#include "config/sections.h"

namespace gateway::config {
namespace {

constexpr std::uint64_t kMostIdle = 65'536;
constexpr std::uint64_t kMostRetries = 10;
constexpr std::uint64_t kLongestStreak = 100;

void decode_endpoints(Decoder& decoder, const Node& node, UpstreamConfig& upstream) {
  for (const Text& text : decoder.words(node, "host:port or unix:/path")) {
    auto endpoint = parse_endpoint(text.value);
    if (!endpoint) {
      decoder.reject(text, endpoint.error());
      continue;
    }
    const bool is_double = std::ranges::any_of(
        upstream.endpoints, [&](const EndpointConfig& other) { return other.endpoint.address == endpoint->address; });
    if (is_double) {
      decoder.sink().error(text.at, text.value, fmt::format("endpoint {} is listed twice", in_quotes(text.value)));
      continue;
    }
    upstream.endpoints.push_back({text.at, std::move(*endpoint)});
  }
  if (node.is(Node::Kind::sequence) && node.items.empty()) {
    decoder.sink().error(node.at, "", "an upstream needs at least one endpoint");
  }
}

proxy::HealthCheck decode_health_check(Decoder& decoder, const Node& node) {
  const Fields fields(decoder, node, kHealthCheckKeys);
  proxy::HealthCheck check;
  if (const Node* interval = fields.find("interval")) assign(check.interval, decoder.duration(*interval));
  if (const Node* timeout = fields.find("timeout")) assign(check.timeout, decoder.duration(*timeout));
  const auto streak = [&](std::string_view key, unsigned& target) {
    if (const Node* node_of_key = fields.find(key)) {
      if (const auto number = decoder.number(*node_of_key, 1, kLongestStreak)) target = static_cast<unsigned>(*number);
    }
  };
  streak("fall", check.fall);
  streak("rise", check.rise);
  if (const Node* path = fields.find("path")) {
    if (auto text = decoder.word(*path, "a path such as /healthz")) {
      const bool is_plain = std::ranges::all_of(text->value, [](char c) { return c > 0x20 && c < 0x7F && c != '#'; });
      if (!text->value.starts_with('/') || !is_plain) {
        decoder.reject(*text, "a path such as /healthz");
      } else {
        check.path = std::move(text->value);
      }
    }
  }
  return check;
}

UpstreamConfig decode_upstream(Decoder& decoder, const Node& node, Text name) {
  Fields fields(decoder, node, kUpstreamKeys);
  UpstreamConfig upstream;
  upstream.name = std::move(name);
  if (const Node* endpoints = fields.require("endpoints", "such as [127.0.0.1:9000]")) {
    decode_endpoints(decoder, *endpoints, upstream);
  }
  if (const Node* pool = fields.find("pool")) {
    const Fields inner(decoder, *pool, kPoolKeys);
    if (const Node* idle = inner.find("max_idle")) {
      if (const auto number = decoder.number(*idle, 0, kMostIdle))
        upstream.max_idle = static_cast<std::uint32_t>(*number);
    }
  }
  if (const Node* retries = fields.find("retries")) {
    if (const auto number = decoder.number(*retries, 0, kMostRetries))
      upstream.retries = static_cast<std::uint32_t>(*number);
  }
  if (const Node* check = fields.find("health_check")) upstream.health_check = decode_health_check(decoder, *check);
  return upstream;
}

}  // namespace

void decode_upstreams(Decoder& decoder, const Node& node, Config& config) {
  for (const NodeEntry& entry :
       decoder.named_entries(node, "a mapping of upstreams ('legacy: {endpoints: [127.0.0.1:9000]}')")) {
    if (auto name = decoder.key_as_name(entry, "a name")) {
      config.upstreams.push_back(decode_upstream(decoder, entry.value, std::move(*name)));
    }
  }
}

}  // namespace gateway::config
