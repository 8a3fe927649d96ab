#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "config/checks.h"
#include "config/quote.h"
#include "proxy/forwarding_headers.h"

namespace gateway::config {

void check_fields_to_set(const RouteConfig& route, const proxy::Route& built, DiagnosticSink& sink) {
  struct Written {
    std::string_view field;  // folded
    bool is_on;
    std::string_view option;
  };
  const proxy::ForwardingOptions& forwarding = built.forwarding;
  const proxy::IdentityHeaders& identity = built.identity_headers;
  const std::array<Written, 9> written{{{"x-forwarded-for", forwarding.x_forwarded, "forwarding: x_forwarded"},
                                        {"x-forwarded-proto", forwarding.x_forwarded, "forwarding: x_forwarded"},
                                        {"x-forwarded-host", forwarding.x_forwarded, "forwarding: x_forwarded"},
                                        {"x-request-id", forwarding.x_request_id, "forwarding: x_request_id"},
                                        {"forwarded", forwarding.forwarded, "forwarding: forwarded"},
                                        {"via", forwarding.via, "forwarding: via"},
                                        {"client-cert", identity.client_cert, "identity_headers: client-cert"},
                                        {"client-cert-chain", identity.client_cert, "identity_headers: client-cert"},
                                        {"x-forwarded-client-cert", identity.xfcc, "identity_headers: xfcc"}}};
  for (const HeaderToSet& field : route.set) {
    const std::string folded = proxy::fold_field_name(field.name.value);
    const auto match = std::ranges::find(written, std::string_view(folded), &Written::field);
    if (match == written.end() || !match->is_on) continue;
    sink.error(field.name.at, field.name.value,
               fmt::format("{} is written by '{}' already; turn that off here or leave this out",
                           in_quotes(field.name.value), match->option));
  }
}

}  // namespace gateway::config
