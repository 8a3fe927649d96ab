#include "proxy/field_rules.h"

#include <algorithm>
#include <cstdint>

#include "proxy/forwarding_headers.h"
#include "proxy/http1_grammar.h"

namespace gateway::proxy {
namespace {

// A set of names that tells most others apart by their length.
template <std::size_t kSize>
class Names {
 public:
  consteval explicit Names(const std::array<std::string_view, kSize>& names) : names_(names) {
    for (const std::string_view name : names) lengths_ |= std::uint64_t{1} << name.size();
  }
  [[nodiscard]] bool contain(std::string_view name) const {
    if (name.size() >= 64 || (lengths_ >> name.size() & 1) == 0) return false;
    return std::find(names_.begin(), names_.end(), name) != names_.end();
  }

 private:
  std::array<std::string_view, kSize> names_;
  std::uint64_t lengths_ = 0;
};

// Proxy-Authorization is between client and first proxy; Trailer is announced anew by nobody, for trailers are
// filtered.
constexpr auto kHopByHopRequest = Names(std::to_array<std::string_view>({
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
}));
constexpr auto kHopByHopResponse = Names(std::to_array<std::string_view>({
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
}));
constexpr auto kIdentity =
    Names(std::to_array<std::string_view>({"client-cert", "client-cert-chain", "x-forwarded-client-cert"}));
constexpr auto kNeverInTrailers = Names(std::to_array<std::string_view>({
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
}));
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

constexpr char folded(char c) noexcept {
  if (c >= 'A' && c <= 'Z') return static_cast<char>(c + ('a' - 'A'));
  return c == '_' || c == '.' ? '-' : c;
}

constexpr std::array<char, 256> kFolded = [] {
  std::array<char, 256> table{};
  for (unsigned c = 0; c < table.size(); ++c) table[c] = folded(static_cast<char>(c));
  return table;
}();

char fold(char c) noexcept {
  return kFolded.data()[static_cast<unsigned char>(c)];
}

}  // namespace

FieldRule request_field_rule(std::string_view folded) noexcept {
  if (kHopByHopRequest.contain(folded)) return FieldRule::hop_by_hop;
  if (kIdentity.contain(folded)) return FieldRule::identity;
  if (folded.starts_with("x-forwarded-") || folded == "forwarded" || folded == "x-real-ip")
    return FieldRule::forwarding;
  return FieldRule::pass;
}

bool is_refused_in_trailers(std::string_view folded) noexcept {
  return request_field_rule(folded) != FieldRule::pass || kHopByHopResponse.contain(folded) ||
         kNeverInTrailers.contain(folded) || folded.starts_with("if-") || folded.starts_with("access-control-");
}

bool is_hop_by_hop_response(std::string_view lower) noexcept {
  return kHopByHopResponse.contain(lower);
}

void fold_into(std::string_view name, std::string& out) {
  out.resize(name.size());
  char* at = out.data();
  for (const char c : name) *at++ = fold(c);
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

namespace {

// Calls `visit` with each option that is more than a word between the two ends of a connection, until it says true.
template <typename Visit>
bool any_option(const Fields& fields, Visit visit) {
  for (const Field field : fields) {
    if (!equal_ignoring_case(field.name, "connection")) continue;
    std::string_view list = field.value;
    std::string_view option;
    while (next_list_element(list, option)) {
      const bool standard = equal_ignoring_case(option, "close") || equal_ignoring_case(option, "keep-alive") ||
                            equal_ignoring_case(option, "upgrade");
      if (!option.empty() && !standard && visit(option)) return true;
    }
  }
  return false;
}

}  // namespace

ConnectionOptions::ConnectionOptions(const Fields& fields)
    : fields_(fields), any_(any_option(fields, [](std::string_view) { return true; })) {}

// The parsers refuse a head with more than kMaxConnectionOptions: what this costs is bounded.
bool ConnectionOptions::name(std::string_view field_name) const {
  if (!any_) return false;
  const bool named =
      any_option(fields_, [&](std::string_view option) { return equal_ignoring_case(option, field_name); });
  if (!named) return false;
  return std::none_of(kNeverNominated.begin(), kNeverNominated.end(),
                      [&](std::string_view name) { return equal_ignoring_case(name, field_name); });
}

}  // namespace gateway::proxy
