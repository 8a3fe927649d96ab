#include <fmt/format.h>

#include <algorithm>
#include <expected>

#include "config/checks.h"
#include "config/quote.h"
#include "core/host_name.h"
#include "core/ip_address.h"

namespace gateway::config {
namespace {

bool is_ip_literal(std::string_view canonical) {
  return canonical.starts_with('[') || core::IpAddress::parse(canonical).has_value();
}

// The form that core::HostTable takes. Error: what was expected.
std::expected<std::string, std::string> canonical_pattern(std::string_view text) {
  if (text == "*") return std::unexpected("a host name; for every name there is 'default: true'");
  const bool is_wildcard = text.starts_with("*.");
  const std::string_view name = is_wildcard ? text.substr(2) : text;
  if (name.find('*') != std::string_view::npos) {
    return std::unexpected("a '*' only as the whole first label, as in \"*.example.com\"");
  }
  if (core::IpAddress::parse(name) && name.find(':') != std::string_view::npos) {
    return std::unexpected("an IPv6 address in brackets, as in \"[::1]\"");
  }
  if (std::ranges::any_of(name, [](char c) { return static_cast<unsigned char>(c) > 0x7F; })) {
    return std::unexpected("the ASCII form of an international name (xn--...)");
  }
  const auto canonical = core::canonical_host_name(name);
  if (!canonical) {
    return std::unexpected(core::canonical_host(name) ? "a host name without a port"
                                                      : "a host name such as api.example.com");
  }
  if (!is_wildcard) return *canonical;
  if (is_ip_literal(*canonical)) return std::unexpected("a host name behind the \"*.\"");
  return "*." + *canonical;
}

bool answers_by_protocol(const VirtualHostConfig& host, const ListenerConfig& listener) {
  const bool is_https = listener.protocol == proxy::Protocol::https;
  return host.tls.has_value() == is_https;
}

class HostTables {
 public:
  HostTables(const Config& config, DiagnosticSink& sink)
      : config_(config), sink_(sink), answers_(config.listeners.size()), defaults_(config.listeners.size()) {
    for (std::size_t i = 0; i < config.listeners.size(); ++i) tables_.push_back(std::make_shared<core::HostTable>());
  }

  void add(const VirtualHostConfig& host, std::uint32_t index) {
    const std::vector<std::string> patterns = patterns_of(host);
    if (host.hosts.empty() && !host.is_default) {
      sink_.error(host.at, "", "a virtual host needs 'hosts' (or 'default: true')");
    }
    bool answers = false;
    for (std::size_t i = 0; i < config_.listeners.size(); ++i) {
      if (!is_wanted(host, config_.listeners[i])) continue;
      if (!answers_by_protocol(host, config_.listeners[i])) continue;
      answers = answers_[i] = true;
      enter(host, index, patterns, i);
    }
    if (!answers && config_.listeners_are_complete) report_no_listener(host);
  }

  void check_defaults() {
    for (std::size_t i = 0; i < config_.listeners.size(); ++i) {
      if (defaults_[i] && config_.listeners[i].protocol == proxy::Protocol::https) check_default(i, *defaults_[i]);
    }
  }

  std::vector<std::shared_ptr<const core::HostTable>> take() {
    for (std::size_t i = 0; i < tables_.size(); ++i) {
      const ListenerConfig& listener = config_.listeners[i];
      if (!answers_[i] && !listener.redirect_to_https && config_.listeners_are_complete) {
        sink_.warning(listener.at, listener.name.value,
                      fmt::format("no virtual host answers on listener {}", in_quotes(listener.name.value)));
      }
    }
    return {tables_.begin(), tables_.end()};
  }

 private:
  static bool is_wanted(const VirtualHostConfig& host, const ListenerConfig& listener) {
    return host.listeners.empty() ||
           std::ranges::any_of(host.listeners, [&](const Text& name) { return name.value == listener.name.value; });
  }

  // In the order of host.hosts, "" for one that was reported.
  std::vector<std::string> patterns_of(const VirtualHostConfig& host) {
    std::vector<std::string> patterns;
    for (const Text& text : host.hosts) {
      auto pattern = canonical_pattern(text.value);
      if (!pattern) {
        sink_.error(text.at, text.value, fmt::format("expected {}, found {}", pattern.error(), in_quotes(text.value)));
      } else if (host.tls && !host.is_default && is_ip_literal(*pattern)) {
        sink_.warning(
            text.at, text.value,
            fmt::format(
                "clients name no IP address in TLS (RFC 6066), so only a 'default: true' host can answer for {}",
                in_quotes(text.value)));
      }
      patterns.push_back(pattern ? std::move(*pattern) : std::string());
    }
    return patterns;
  }

  void enter(const VirtualHostConfig& host, std::uint32_t index, const std::vector<std::string>& patterns,
             std::size_t listener) {
    core::HostTable& table = *tables_[listener];
    for (std::size_t i = 0; i < patterns.size(); ++i) {
      if (patterns[i].empty() || table.add(patterns[i], index)) continue;
      sink_.error(
          host.hosts[i].at, host.hosts[i].value,
          fmt::format("host {} is taken on listener {} by {}", in_quotes(host.hosts[i].value),
                      in_quotes(config_.listeners[listener].name.value), owner_of(patterns[i], index, listener)));
    }
    if (!host.is_default) return;
    if (const auto other = defaults_[listener]) {
      sink_.error(host.default_at, "true",
                  fmt::format("listener {} has a default already: virtual host {} in line {}",
                              in_quotes(config_.listeners[listener].name.value),
                              in_quotes(config_.virtual_hosts[*other].name.value),
                              config_.virtual_hosts[*other].default_at.line));
      return;
    }
    if (config_.listeners[listener].redirect_to_https) {
      sink_.warning(host.default_at, "true",
                    fmt::format("default host {} answers for every name, so listener {} never redirects to https",
                                in_quotes(host.name.value), in_quotes(config_.listeners[listener].name.value)));
    }
    table.set_default(index);
    defaults_[listener] = index;
  }

  std::string owner_of(const std::string& pattern, std::uint32_t index, std::size_t listener) const {
    for (std::uint32_t i = 0; i <= index; ++i) {
      const VirtualHostConfig& other = config_.virtual_hosts[i];
      if (!is_wanted(other, config_.listeners[listener]) || !answers_by_protocol(other, config_.listeners[listener]))
        continue;
      for (const Text& text : other.hosts) {
        if (canonical_pattern(text.value) != pattern) continue;
        return fmt::format("virtual host {} in line {}", in_quotes(other.name.value), text.at.line);
      }
    }
    return "another virtual host";
  }

  void report_no_listener(const VirtualHostConfig& host) {
    const std::string_view wanted = host.tls ? "https" : "http";
    for (const Text& name : host.listeners) {
      const auto listener =
          std::ranges::find(config_.listeners, name.value, [](const ListenerConfig& l) { return l.name.value; });
      if (listener == config_.listeners.end()) return;  // reported as unknown
      const std::string_view found = listener->protocol == proxy::Protocol::https ? "is https" : "is http";
      sink_.error(name.at, name.value,
                  fmt::format("listener {} {}, and a virtual host {} 'tls' answers on {} listeners only",
                              in_quotes(name.value), found, host.tls ? "with" : "without", wanted));
      return;
    }
    sink_.error(host.at, host.name.value,
                fmt::format("virtual host {} answers on no listener: {} 'tls' it needs one with 'protocol: {}'",
                            in_quotes(host.name.value), host.tls ? "with" : "without", wanted));
  }

  void check_default(std::size_t listener, std::uint32_t index) {
    const VirtualHostConfig& host = config_.virtual_hosts[index];
    if (host.allow_lax_default || !host.tls) return;
    for (const VirtualHostConfig& other : config_.virtual_hosts) {
      if (!other.tls || other.tls->client_auth <= host.tls->client_auth) continue;
      if (!is_wanted(other, config_.listeners[listener])) continue;
      sink_.error(
          host.default_at, "true",
          fmt::format(
              "default host {} ({}) is laxer than {} ({}) on the same listener, and whoever names no or an unknown "
              "host gets it; make it as strict, or say 'allow_lax_default: true'",
              in_quotes(host.name.value), tls::to_string(host.tls->client_auth), in_quotes(other.name.value),
              tls::to_string(other.tls->client_auth)));
      return;
    }
  }

  const Config& config_;
  DiagnosticSink& sink_;
  std::vector<std::shared_ptr<core::HostTable>> tables_;
  std::vector<bool> answers_;  // whether any virtual host does on that listener
  std::vector<std::optional<std::uint32_t>> defaults_;
};

static_assert(tls::ClientAuth::off < tls::ClientAuth::optional && tls::ClientAuth::optional < tls::ClientAuth::strict);

}  // namespace

std::vector<std::shared_ptr<const core::HostTable>> build_host_tables(const Config& config, DiagnosticSink& sink) {
  HostTables tables(config, sink);
  for (std::uint32_t i = 0; i < config.virtual_hosts.size(); ++i) tables.add(config.virtual_hosts[i], i);
  tables.check_defaults();
  return tables.take();
}

}  // namespace gateway::config
