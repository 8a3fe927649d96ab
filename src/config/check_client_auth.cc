#include <fmt/format.h>

#include <algorithm>

#include "config/checks.h"
#include "config/quote.h"
#include "policy/matcher.h"

namespace gateway::config {
namespace {

bool looks_at_certificates(const policy::PolicySpec& policy) {
  return std::ranges::any_of(policy.rules, [](const policy::RuleSpec& rule) {
    return std::ranges::any_of(rule.when,
                               [](const policy::Condition& c) { return policy::needs_certificate(c.matcher); });
  });
}

void check_mode(const TlsConfig& tls, DiagnosticSink& sink) {
  const std::string_view mode = tls::to_string(tls.client_auth);
  if (tls.client_auth == tls::ClientAuth::off) {
    if (tls.on_refusal == tls::OnRefusal::http) {
      sink.warning(tls.on_refusal_at, "http", "'on_refusal' has no effect with 'client_auth: off'");
    }
    if (tls.trust) {
      sink.warning(tls.trust->at, tls.trust->value, "a trust set has no effect with 'client_auth: off'");
    }
  } else if (!tls.trust && tls.client_auth_is_stated) {
    sink.error(tls.client_auth_at, mode,
               fmt::format("'client_auth: {}' needs 'trust': a named set of client CAs", mode));
  } else if (!tls.trust) {
    sink.error(tls.at, "", "'tls' needs 'trust' (client_auth is strict unless stated) or 'client_auth: off'");
  }
}

// `require` can only ask for what the mode lets a client show, and can't take back what the mode demands.
void check_requirement(const VirtualHostConfig& host, const RouteSettings& settings, DiagnosticSink& sink) {
  if (!settings.requires_client) return;
  const Text& place = settings.requires_client_at;
  if (!host.tls || host.tls->client_auth == tls::ClientAuth::off) {
    if (*settings.requires_client == Requirement::none) return;
    sink.error(
        place.at, place.value,
        fmt::format("{} asks for no client certificates ({}), so 'require: authenticated' would refuse everybody",
                    in_quotes(host.name.value), host.tls ? "client_auth: off" : "no 'tls'"));
  } else if (host.tls->client_auth == tls::ClientAuth::strict && *settings.requires_client == Requirement::none) {
    sink.error(place.at, place.value,
               fmt::format("{} is 'client_auth: strict', which 'require: none' can't undo; 'optional' lets anonymous "
                           "clients in",
                           in_quotes(host.name.value)));
  }
}

}  // namespace

void check_client_auth(const Config& config, DiagnosticSink& sink) {
  for (const VirtualHostConfig& host : config.virtual_hosts) {
    if (host.tls) check_mode(*host.tls, sink);
    check_requirement(host, host.settings, sink);
    for (const RouteConfig& route : host.routes) check_requirement(host, route.settings, sink);
    const bool has_identity = host.tls && host.tls->client_auth != tls::ClientAuth::off;
    if (has_identity || !host.policy) continue;
    const auto policy =
        std::ranges::find(config.policies, host.policy->value, [](const PolicyConfig& p) { return p.name.value; });
    if (policy != config.policies.end() && looks_at_certificates(policy->spec)) {
      sink.warning(
          host.policy->at, host.policy->value,
          fmt::format("policy {} looks at client certificates, but {} asks for none: those rules never match there",
                      in_quotes(host.policy->value), in_quotes(host.name.value)));
    }
  }
  for (const TrustConfig& trust : config.trust) {
    if (trust.require_revocation && trust.crl.empty()) {
      sink.error(trust.revocation_at, "true",
                 "'revocation: {require: true}' needs 'crl': without one every client is refused");
    }
  }
}

}  // namespace gateway::config
