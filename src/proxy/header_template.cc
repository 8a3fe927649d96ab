#include "proxy/header_template.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <utility>

#include "proxy/http1_grammar.h"
#include "proxy/text_encoding.h"

namespace gateway::proxy {
namespace {

using core::PeerIdentity;

using Append = void (*)(const RequestVariables& variables, std::string& out);

struct Variable {
  std::string_view name;
  Append append;
};

// Calls `append` with the identity, if there is one.
template <void (*append)(const PeerIdentity&, std::string&)>
void of_client(const RequestVariables& variables, std::string& out) {
  if (variables.identity != nullptr) append(*variables.identity, out);
}

// The first of several names.
template <std::vector<std::string> PeerIdentity::* names>
void first_name(const PeerIdentity& identity, std::string& out) {
  if (!(identity.*names).empty()) append_escaped_name((identity.*names).front(), out);
}

void append_fingerprint(const PeerIdentity& identity, std::string& out) {
  append_hex({reinterpret_cast<const char*>(identity.fingerprint.data()), identity.fingerprint.size()}, out);
}

constexpr auto kVariables = std::to_array<Variable>({
    {"client.verify",
     [](const RequestVariables& v, std::string& out) { out += v.identity != nullptr ? "SUCCESS" : "NONE"; }},
    {"client.subject_dn",
     of_client<[](const PeerIdentity& i, std::string& out) { append_escaped_dn(i.subject_dn, out); }>},
    {"client.issuer_dn", of_client<[](const PeerIdentity& i, std::string& out) { append_escaped_dn(i.issuer_dn, out); }>},
    {"client.cn", of_client<first_name<&PeerIdentity::common_names>>},
    {"client.serial", of_client<[](const PeerIdentity& i, std::string& out) { append_escaped_name(i.serial, out); }>},
    {"client.fingerprint", of_client<append_fingerprint>},
    {"client.not_after", of_client<[](const PeerIdentity& i, std::string& out) { append_timestamp(i.not_after, out); }>},
    {"client.cert",
     of_client<[](const PeerIdentity& i, std::string& out) { append_escaped_pem(i.certificate_der, out); }>},
    {"client.san.dns", of_client<first_name<&PeerIdentity::dns_sans>>},
    {"client.san.uri", of_client<[](const PeerIdentity& i, std::string& out) {
       if (!i.uri_sans.empty()) append_escaped_uri(i.uri_sans.front(), out);
     }>},
    {"client.san.email", of_client<first_name<&PeerIdentity::email_sans>>},
    {"client.san.ip", of_client<[](const PeerIdentity& i, std::string& out) {
       if (!i.ip_sans.empty()) out += i.ip_sans.front().to_string();
     }>},
    {"tls.version", [](const RequestVariables& v, std::string& out) { append_escaped_name(v.tls_version, out); }},
    {"tls.cipher", [](const RequestVariables& v, std::string& out) { append_escaped_name(v.tls_cipher, out); }},
    {"tls.sni", [](const RequestVariables& v, std::string& out) { append_escaped_name(v.tls_sni, out); }},
    {"tls.resumed", [](const RequestVariables& v, std::string& out) {
       if (!v.tls_version.empty()) out += v.tls_resumed ? "true" : "false";
     }},
    {"source_ip", [](const RequestVariables& v, std::string& out) { append_escaped_name(v.source_ip, out); }},
    {"request.id", [](const RequestVariables& v, std::string& out) { append_escaped_name(v.request_id, out); }},
    {"policy.rule", [](const RequestVariables& v, std::string& out) { append_escaped_name(v.policy_rule, out); }},
});

// Levenshtein distance, for the suggestion only.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), 0);
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i + 1);
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t substituted = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = std::exchange(row[j + 1], std::min({row[j + 1] + 1, row[j] + 1, substituted}));
    }
  }
  return row.back();
}

std::string unknown_variable(std::string_view name) {
  constexpr std::size_t kMaxNameBytes = 64;
  std::string message = "unknown variable \"${" + std::string(name.substr(0, kMaxNameBytes)) + "}\"";
  if (name.size() > kMaxNameBytes) return message;
  const auto nearest = std::min_element(
      kVariables.begin(), kVariables.end(),
      [&](const Variable& a, const Variable& b) { return edit_distance(name, a.name) < edit_distance(name, b.name); });
  return message + ", did you mean \"${" + std::string(nearest->name) + "}\"?";
}

}  // namespace

std::expected<HeaderTemplate, std::string> HeaderTemplate::parse(std::string_view text) {
  if (!is_field_value(text)) return std::unexpected("a header value can't hold control bytes");
  HeaderTemplate result;
  while (!text.empty()) {
    const std::size_t start = std::min(text.find("${"), text.size());
    if (start > 0) result.parts_.push_back({.literal = std::string(text.substr(0, start)), .variable = 0});
    if (start == text.size()) break;
    const std::size_t end = text.find('}', start);
    if (end == std::string_view::npos) return std::unexpected("\"${\" without its \"}\"");
    const std::string_view name = text.substr(start + 2, end - start - 2);
    const auto variable =
        std::find_if(kVariables.begin(), kVariables.end(), [&](const Variable& known) { return known.name == name; });
    if (variable == kVariables.end()) return std::unexpected(unknown_variable(name));
    result.parts_.push_back({.literal = {}, .variable = static_cast<std::uint8_t>(variable - kVariables.begin() + 1)});
    text.remove_prefix(end + 1);
  }
  return result;
}

void HeaderTemplate::render(const RequestVariables& variables, std::string& out) const {
  for (const Part& part : parts_) {
    if (part.variable == 0) {
      out += part.literal;
    } else {
      kVariables[part.variable - 1U].append(variables, out);
    }
  }
}

bool HeaderTemplate::has_variables() const {
  return std::any_of(parts_.begin(), parts_.end(), [](const Part& part) { return part.variable != 0; });
}

}  // namespace gateway::proxy
