#include "proxy/field_rules.h"

#include <algorithm>

#include "proxy/forwarding_headers.h"
#include "proxy/http1_grammar.h"

namespace gateway::proxy {
namespace {

template <std::size_t kSize>
bool contains(const std::array<std::string_view, kSize>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// Proxy-Authorization is between client and first proxy; Trailer is announced anew by nobody, for trailers are
// filtered.
constexpr auto kHopByHopRequest = std::to_array<std::string_view>({
    "connection",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "http2-settings",
    "proxy-authorization",
    "proxy-authenticate",
    "host",
    "content-length",
    "expect",
});
constexpr auto kHopByHopResponse = std::to_array<std::string_view>({
    "connection",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "http2-settings",
    "proxy-authenticate",
    "content-length",
});
constexpr auto kIdentity =
    std::to_array<std::string_view>({"client-cert", "client-cert-chain", "x-forwarded-client-cert"});
constexpr auto kNeverInTrailers = std::to_array<std::string_view>({
    "age",
    "authorization",
    "cache-control",
    "content-encoding",
    "content-length",
    "content-range",
    "content-type",
    "cookie",
    "date",
    "expires",
    "location",
    "max-forwards",
    "origin",
    "pragma",
    "range",
    "retry-after",
    "set-cookie",
    "via",
    "vary",
    "warning",
    "www-authenticate",
    "x-request-id",
    "x-http-method-override",
    "x-http-method",
    "x-method-override",
});
// RFC 9110 section 7.6.1: options that a sender must not use, and what would change the request's meaning.
constexpr auto kNeverNominated = std::to_array<std::string_view>({
    "host",
    "content-length",
    "content-type",
    "content-encoding",
    "content-range",
    "authorization",
    "cookie",
    "cache-control",
    "origin",
    "range",
    "x-request-id",
    "forwarded",
    "via",
});

char fold(char c) noexcept {
  if (c >= 'A' && c <= 'Z') return static_cast<char>(c + ('a' - 'A'));
  return c == '_' || c == '.' ? '-' : c;
}

}  // namespace

FieldRule request_field_rule(std::string_view folded) noexcept {
  if (contains(kHopByHopRequest, folded)) return FieldRule::hop_by_hop;
  if (contains(kIdentity, folded)) return FieldRule::identity;
  if (folded.starts_with("x-forwarded-") || folded == "forwarded" || folded == "x-real-ip")
    return FieldRule::forwarding;
  return FieldRule::pass;
}

bool is_refused_in_trailers(std::string_view folded) noexcept {
  return request_field_rule(folded) != FieldRule::pass || contains(kHopByHopResponse, folded) ||
         contains(kNeverInTrailers, folded) || folded.starts_with("if-") || folded.starts_with("access-control-");
}

bool is_hop_by_hop_response(std::string_view lower) noexcept {
  return contains(kHopByHopResponse, lower);
}

void fold_into(std::string_view name, std::string& out) {
  out.resize(name.size());
  std::transform(name.begin(), name.end(), out.begin(), fold);
}

std::string fold_field_name(std::string_view name) {
  std::string folded;
  fold_into(name, folded);
  return folded;
}

bool equal_folded(std::string_view a, std::string_view b) noexcept {
  return a.size() == b.size() &&
         std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return fold(x) == fold(y); });
}

ConnectionOptions::ConnectionOptions(const Fields& fields) {
  for (const Field field : fields) {
    if (!equal_ignoring_case(field.name, "connection")) continue;
    std::string_view list = field.value;
    std::string_view option;
    while (next_list_element(list, option)) {
      const bool standard = equal_ignoring_case(option, "close") || equal_ignoring_case(option, "keep-alive") ||
                            equal_ignoring_case(option, "upgrade");
      // The parsers refuse a head with more options than fit.
      if (!option.empty() && !standard && count_ < options_.size()) options_[count_++] = option;
    }
  }
}

bool ConnectionOptions::name(std::string_view field_name) const {
  const auto* const end = options_.begin() + count_;
  const bool named = std::any_of(options_.begin(), end,
                                 [&](std::string_view option) { return equal_ignoring_case(option, field_name); });
  if (!named) return false;
  return std::none_of(kNeverNominated.begin(), kNeverNominated.end(),
                      [&](std::string_view name) { return equal_ignoring_case(name, field_name); });
}

}  // namespace gateway::proxy
