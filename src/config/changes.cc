#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

#include "config/load.h"
#include "config/quote.h"
#include "tls/crl_index.h"
#include "tls/token_key.h"

namespace gateway::config {
namespace {

using Lines = std::vector<std::string>;
using PolicyPtr = std::shared_ptr<const policy::PolicySpec>;

template <typename Item>
std::string_view name_of(const Item& item) {
  return item.name;
}
std::string_view name_of(const PolicyPtr& policy) {
  return policy->name;
}

bool same_rule(const policy::RuleSpec& a, const policy::RuleSpec& b) {
  return a.effect == b.effect &&
         std::ranges::equal(a.when, b.when, [](const policy::Condition& x, const policy::Condition& y) {
           return x.matcher == y.matcher && x.patterns == y.patterns;
         });
}

// Calls `compare(line_prefix, old, new)` for what is in both, and adds a line for what is in one only. Elements have a
// name_of().
template <typename Items, typename Compare>
void by_name(std::string_view kind, const Items& before, const Items& after, Lines& lines, Compare compare) {
  using Item = typename Items::value_type;
  std::unordered_map<std::string_view, const Item*> old;
  for (const Item& item : before) old.emplace(name_of(item), &item);
  for (const Item& item : after) {
    const std::string prefix = fmt::format("{} {}", kind, escaped(name_of(item)));
    const auto found = old.find(name_of(item));
    if (found == old.end()) {
      lines.push_back(prefix + " added");
      continue;
    }
    compare(prefix, *found->second, item);
    old.erase(found);
  }
  for (const Item& item : before) {
    if (old.contains(name_of(item))) lines.push_back(fmt::format("{} {} removed", kind, escaped(name_of(item))));
  }
}

bool same_key(const tls::ServerCertificate& a, const tls::ServerCertificate& b) {
  if (!a.token_key || !b.token_key) {
    return !a.token_key && !b.token_key && a.private_key->view() == b.private_key->view();
  }
  return a.token_key->search == b.token_key->search && a.token_key->module == b.token_key->module;
}

// One certificate before and after is "the certificate", whatever its type; of several each goes by its own.
void compare_certificates(const std::string& prefix, const tls::HostOptions& before, const tls::HostOptions& after,
                          Lines& lines) {
  const bool single = before.certificates.size() == 1 && after.certificates.size() == 1;
  const auto line = [&](const std::string& type, std::string_view what) {
    lines.push_back(single ? fmt::format("{}: {}", prefix, what) : fmt::format("{}: {} {}", prefix, type, what));
  };
  const auto of_type = [&](const tls::HostOptions& options, const std::string& type) {
    const auto found = single ? options.certificates.begin()
                              : std::ranges::find(options.certificates, type, &tls::ServerCertificate::key_type);
    return found == options.certificates.end() ? nullptr : &*found;
  };
  for (const tls::ServerCertificate& now : after.certificates) {
    const tls::ServerCertificate* old = of_type(before, now.key_type);
    if (old == nullptr) {
      line(now.key_type, "certificate added");
      continue;
    }
    if (old->chain != now.chain) line(now.key_type, "certificate changed");
    if (!same_key(*old, now)) line(now.key_type, "key changed");
  }
  for (const tls::ServerCertificate& old : before.certificates) {
    if (of_type(after, old.key_type) == nullptr) line(old.key_type, "certificate removed");
  }
}

void compare_tls(const std::string& prefix, const proxy::VirtualHost& before, const proxy::VirtualHost& after,
                 Lines& lines) {
  const auto line = [&](std::string_view what) { lines.push_back(fmt::format("{}: {}", prefix, what)); };
  if (!before.tls || !after.tls) {
    if (before.tls != after.tls) line(after.tls ? "now answers on https" : "now answers on http");
    return;
  }
  const tls::HostOptions& a = *before.tls;
  const tls::HostOptions& b = *after.tls;
  if (a.client_auth != b.client_auth) {
    line(fmt::format("client_auth {} instead of {}", tls::to_string(b.client_auth), tls::to_string(a.client_auth)));
  }
  compare_certificates(prefix, a, b, lines);
  if (a.on_refusal != b.on_refusal) {
    line(b.on_refusal == tls::OnRefusal::http ? "on_refusal http instead of alert"
                                              : "on_refusal alert instead of http");
  }
  const auto is_stapled_alike = [](const tls::StapledCertificate& x, const tls::StapledCertificate& y) {
    return x.issuer == y.issuer && x.responder.text() == y.responder.text();
  };
  if (!std::ranges::equal(a.stapled, b.stapled, is_stapled_alike)) line("stapling changed");
  if (a.session_tickets != b.session_tickets || a.session_lifetime != b.session_lifetime ||
      a.session_store != b.session_store) {
    line("session changed");
  }
  if (a.settings.min_version != b.settings.min_version || a.settings.max_version != b.settings.max_version) {
    line("TLS versions changed");
  } else if (a.settings != b.settings || a.max_client_chain_bytes != b.max_client_chain_bytes) {
    line("TLS settings changed");
  }
  if (a.trust && b.trust && a.trust->name != b.trust->name) {
    line(fmt::format("trust {} instead of {}", escaped(b.trust->name), escaped(a.trust->name)));
  }
}

// With what is inherited from the top level left out: a change there is a line of its own, not one for each host.
core::Timeouts own_part(core::Timeouts timeouts, const core::Timeouts& inherited) {
  const auto keep_own = [](core::Milliseconds& own, core::Milliseconds top) {
    if (own == top) own = core::Milliseconds::zero();
  };
  keep_own(timeouts.handshake, inherited.handshake);
  keep_own(timeouts.request_headers, inherited.request_headers);
  keep_own(timeouts.body_idle, inherited.body_idle);
  keep_own(timeouts.keep_alive, inherited.keep_alive);
  keep_own(timeouts.upstream_connect, inherited.upstream_connect);
  keep_own(timeouts.upstream_response, inherited.upstream_response);
  keep_own(timeouts.drain, inherited.drain);
  return timeouts;
}

proxy::Route own_part(proxy::Route route, const proxy::Snapshot& snapshot) {
  route.timeouts = own_part(route.timeouts, snapshot.timeouts);
  if (route.body_bytes == snapshot.limits.body_bytes) route.body_bytes = 0;
  return route;
}

// Upstreams are compared by name: their indices may have moved.
bool same_route(const proxy::Snapshot& before, const proxy::Route& a, const proxy::Snapshot& after,
                const proxy::Route& b) {
  proxy::Route old = own_part(a, before);
  const proxy::Route now = own_part(b, after);
  if (old.action == proxy::RouteAction::upstream && now.action == proxy::RouteAction::upstream) {
    if (before.upstreams[old.upstream].name != after.upstreams[now.upstream].name) return false;
    old.upstream = now.upstream;
  }
  return old == now;
}

void compare_hosts(const LoadedConfig& before, const LoadedConfig& after, Lines& lines) {
  by_name("virtual host", before.snapshot->virtual_hosts, after.snapshot->virtual_hosts, lines,
          [&](const std::string& prefix, const proxy::VirtualHost& a, const proxy::VirtualHost& b) {
            const auto line = [&](std::string_view what) { lines.push_back(fmt::format("{}: {}", prefix, what)); };
            const auto policy_name = [](const proxy::VirtualHost& host) {
              return host.policy ? host.policy->name() : "none";
            };
            if (a.hosts != b.hosts || a.is_default != b.is_default) line("hosts changed");
            compare_tls(prefix, a, b, lines);
            if (policy_name(a) != policy_name(b)) {
              line(fmt::format("policy {} instead of {}", escaped(policy_name(b)), escaped(policy_name(a))));
            }
            const bool same_routes =
                std::ranges::equal(a.routes, b.routes, [&](const proxy::Route& x, const proxy::Route& y) {
                  return same_route(*before.snapshot, x, *after.snapshot, y);
                });
            if (!same_routes || a.merge_slashes != b.merge_slashes) line("routes changed");
          });
}

void compare_policies(const LoadedConfig& before, const LoadedConfig& after, Lines& lines) {
  by_name("policy", before.policies, after.policies, lines,
          [&](const std::string& prefix, const PolicyPtr& a, const PolicyPtr& b) {
            Lines rules;
            std::size_t changed = 0;
            by_name("", a->rules, b->rules, rules,
                    [&](const std::string&, const policy::RuleSpec& x, const policy::RuleSpec& y) {
                      if (!same_rule(x, y)) ++changed;
                    });
            const auto ending = [&](std::string_view word) {
              return std::ranges::count_if(rules, [&](const std::string& rule) { return rule.ends_with(word); });
            };
            const auto line = [&](auto count, std::string_view what) {
              if (count > 0)
                lines.push_back(fmt::format("{}: {} {} {}", prefix, count, count == 1 ? "rule" : "rules", what));
            };
            line(ending(" added"), "added");
            line(ending(" removed"), "removed");
            line(changed, "changed");
            if (a->default_effect != b->default_effect) lines.push_back(prefix + ": default changed");
          });
}

using TrustSets = std::vector<tls::TrustSet>;

// Those in use, each once, in the order of the hosts.
TrustSets trust_sets_of(const LoadedConfig& config) {
  TrustSets sets;
  std::unordered_set<const tls::TrustSet*> seen;
  for (const proxy::VirtualHost& host : config.snapshot->virtual_hosts) {
    if (host.tls && host.tls->trust && seen.insert(host.tls->trust.get()).second) sets.push_back(*host.tls->trust);
  }
  return sets;
}

// Issuer, dates and size tell two CRLs apart well enough for a message.
bool same_crls(const tls::TrustSet& before, const tls::TrustSet& after) {
  return before.crls_pending == after.crls_pending &&
         std::ranges::equal(before.crls->describe(), after.crls->describe(), [](const auto& a, const auto& b) {
           return a.issuer == b.issuer && a.this_update == b.this_update && a.next_update == b.next_update &&
                  a.entries == b.entries;
         });
}

bool same_ocsp(const tls::TrustSet& before, const tls::TrustSet& after) {
  if (!before.ocsp || !after.ocsp) return !before.ocsp && !after.ocsp;
  return before.ocsp->settings == after.ocsp->settings;
}

void compare_trust(const LoadedConfig& before, const LoadedConfig& after, Lines& lines) {
  by_name("trust set", trust_sets_of(before), trust_sets_of(after), lines,
          [&](const std::string& prefix, const tls::TrustSet& a, const tls::TrustSet& b) {
            if (a.anchors != b.anchors) lines.push_back(prefix + ": CA certificates changed");
            if (!same_crls(a, b)) lines.push_back(prefix + ": CRLs changed");
            if (!same_ocsp(a, b)) lines.push_back(prefix + ": OCSP settings changed");
            if (a.depth != b.depth || a.require_revocation != b.require_revocation ||
                a.revocation_scope != b.revocation_scope || a.crl_grace != b.crl_grace ||
                a.send_ca_names != b.send_ca_names || a.partial_chains != b.partial_chains ||
                a.require_client_purpose != b.require_client_purpose || a.strict_profile != b.strict_profile) {
              lines.push_back(prefix + ": settings changed");
            }
          });
}

// Their CAs are told of as the trust sets' own.
void compare_crl_sources(const LoadedConfig& before, const LoadedConfig& after, Lines& lines) {
  if (!std::ranges::equal(before.crl_sources, after.crl_sources, [](const CrlSource& a, const CrlSource& b) {
        return a.url == b.url && a.refresh == b.refresh;
      })) {
    lines.emplace_back("URLs of CRLs changed");
  }
}

// 0: sessions are tickets.
void compare_session_stores(std::size_t before, std::size_t after, Lines& lines) {
  if (before == after) return;
  if (after == 0) {
    lines.emplace_back("sessions are sealed tickets, no longer kept here");
  } else if (before == 0) {
    lines.push_back(fmt::format("sessions are kept here, {} of them, no longer sealed tickets", after));
  } else {
    lines.push_back(fmt::format("capacity for sessions {} instead of {}", after, before));
  }
}

void compare_settings(const LoadedConfig& before, const LoadedConfig& after, Lines& lines) {
  const proxy::Snapshot& a = *before.snapshot;
  const proxy::Snapshot& b = *after.snapshot;
  if (a.timeouts != b.timeouts) lines.emplace_back("timeouts changed");
  if (a.limits != b.limits) lines.emplace_back("limits changed");
  if (!std::ranges::equal(a.trusted_proxies, b.trusted_proxies, [](const core::Cidr& x, const core::Cidr& y) {
        return x.network == y.network && x.prefix_length == y.prefix_length;
      })) {
    lines.emplace_back("trusted proxies changed");
  }
  if (a.access_log != b.access_log) lines.emplace_back("access log changed");
  const auto& old_keys = before.ticket_keys;
  const auto& new_keys = after.ticket_keys;
  if (old_keys && new_keys ? !old_keys->same_as(*new_keys) : old_keys != new_keys) {
    lines.emplace_back("session ticket keys changed");
  }
  compare_session_stores(before.session_capacity, after.session_capacity, lines);
  if (before.watch != after.watch) {
    const bool switched = before.watch == Watch::off || after.watch == Watch::off;
    lines.push_back(switched ? fmt::format("watch turned {}", after.watch == Watch::off ? "off" : "on")
                             : fmt::format("watch {} instead of {}", to_string(after.watch), to_string(before.watch)));
  }
  if (before.admin.metrics != after.admin.metrics) lines.emplace_back("admin.metrics changed");
}

}  // namespace

std::vector<std::string> describe_changes(const LoadedConfig& before, const LoadedConfig& after) {
  Lines lines;
  by_name("listener", before.snapshot->listeners, after.snapshot->listeners, lines,
          [&](const std::string& prefix, const proxy::Listener& a, const proxy::Listener& b) {
            if (a.address != b.address || a.port != b.port)
              lines.push_back(fmt::format("{}: now bound to {}", prefix, b.bind));
            if (a.protocol != b.protocol || a.redirect_to_https != b.redirect_to_https) {
              lines.push_back(prefix + ": protocol changed");
            }
          });
  compare_hosts(before, after, lines);
  compare_trust(before, after, lines);
  compare_crl_sources(before, after, lines);
  compare_policies(before, after, lines);
  by_name("upstream", before.snapshot->upstreams, after.snapshot->upstreams, lines,
          [&](const std::string& prefix, const proxy::Upstream& a, const proxy::Upstream& b) {
            if (a != b) lines.push_back(prefix + " changed");
          });
  compare_settings(before, after, lines);
  return lines;
}

std::vector<std::string> restart_only_changes(const LoadedConfig& before, const LoadedConfig& after) {
  Lines lines;
  if (before.workers != after.workers) {
    lines.push_back(fmt::format("workers: {} instead of {} needs a restart", after.workers, before.workers));
  }
  if (before.admin.socket != after.admin.socket) {
    const auto shown = [](const std::string& path) { return path.empty() ? std::string("off") : in_quotes(path); };
    lines.push_back(fmt::format("admin.socket: {} instead of {} needs a restart", shown(after.admin.socket),
                                shown(before.admin.socket)));
  }
  if (before.state_directory != after.state_directory) {
    lines.push_back(fmt::format("state_directory: {} instead of {} needs a restart", in_quotes(after.state_directory),
                                in_quotes(before.state_directory)));
  }
  return lines;
}

}  // namespace gateway::config
