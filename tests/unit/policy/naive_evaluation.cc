#include "naive_evaluation.h"

#include <algorithm>
#include <cctype>
#include <map>
#include <regex>

namespace gateway::policy::testing {
namespace {

std::string lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

std::string hex(const core::Sha256& digest) {
  std::string text;
  for (const auto byte : digest) {
    text += "0123456789abcdef"[byte / 16];
    text += "0123456789abcdef"[byte % 16];
  }
  return text;
}

std::string no_colons(std::string text) {
  std::erase(text, ':');
  return text;
}

bool whole_regex(const std::string& expression, const std::string& value) {
  static std::map<std::string, std::regex> cache;
  const auto [entry, added] = cache.try_emplace(expression);
  if (added) entry->second = std::regex(expression);
  return std::regex_match(value, entry->second);
}

bool dns_match(std::string pattern, std::string value) {
  value = lower(value);
  if (value.ends_with('.')) value.pop_back();
  if (pattern.starts_with('~')) return whole_regex(lower(pattern.substr(1)), value);
  pattern = lower(pattern);
  if (pattern.ends_with('.')) pattern.pop_back();
  if (!pattern.starts_with("*.")) return pattern == value;
  const auto dot = value.find('.');
  return dot != std::string::npos && dot != 0 && value.substr(dot) == pattern.substr(1);
}

bool email_match(const std::string& pattern, const std::string& value) {
  const auto split = [](const std::string& text) {
    const auto at = text.rfind('@');
    return std::pair(text.substr(0, at), at == std::string::npos ? "" : lower(text.substr(at + 1)));
  };
  const auto [mailbox, domain] = split(value);
  if (pattern.starts_with('~')) return whole_regex(pattern.substr(1), mailbox + "@" + domain);
  const auto [wanted, wanted_domain] = split(pattern);
  return domain == wanted_domain && (wanted == "*" ? !mailbox.empty() : wanted == mailbox);
}

bool path_match(const std::string& pattern, const std::string& value) {
  if (pattern.starts_with('~')) return whole_regex(pattern.substr(1), value);
  if (!pattern.ends_with("/*")) return pattern == value;
  const std::string stem = pattern.substr(0, pattern.size() - 2);
  return value == stem || value.starts_with(stem + "/");
}

bool uri_match(const std::string& pattern, const std::string& value) {
  if (pattern.starts_with('~')) return whole_regex(pattern.substr(1), value);
  if (!pattern.ends_with('*')) return pattern == value;
  return value.starts_with(pattern.substr(0, pattern.size() - 1)) && value.size() >= pattern.size();
}

bool text_match(const std::string& pattern, const std::string& value) {
  return pattern.starts_with('~') ? whole_regex(pattern.substr(1), value) : pattern == value;
}

// Bit by bit, unlike the engine, which masks bytes.
bool network_match(const std::string& pattern, const core::IpAddress& address) {
  const auto slash = pattern.find('/');
  const auto network = core::IpAddress::parse(pattern.substr(0, slash)).value();
  if (network.is_v6() != address.is_v6()) return false;
  const unsigned length =
      slash == std::string::npos ? network.bit_length() : static_cast<unsigned>(std::stoul(pattern.substr(slash + 1)));
  const auto bit = [](const core::IpAddress& of, unsigned i) { return of.bytes()[i / 8] >> (7 - i % 8) & 1; };
  for (unsigned i = 0; i < length; ++i) {
    if (bit(network, i) != bit(address, i)) return false;
  }
  return true;
}

bool serial_match(const std::string& pattern, const std::string& value) {
  const auto number = [](const std::string& text) {
    const std::string digits = lower(no_colons(text));
    return digits.empty() ? digits : digits.substr(std::min(digits.find_first_not_of('0'), digits.size() - 1));
  };
  return number(pattern) == number(value);
}

bool fingerprint_match(const std::string& pattern, const core::PeerIdentity& identity) {
  const bool key = pattern.starts_with("spki-");
  const std::string wanted = lower(no_colons(pattern.substr(pattern.find(':') + 1)));
  return wanted == hex(key ? identity.spki_fingerprint : identity.fingerprint);
}

template <typename Values, typename Match>
bool any_of(const Values& values, Match match, const std::string& pattern) {
  return std::any_of(values.begin(), values.end(), [&](const auto& value) { return match(pattern, value); });
}

bool certificate_match(Matcher matcher, const std::string& pattern, const core::PeerIdentity& identity) {
  switch (matcher) {
    case Matcher::cn:
      return any_of(identity.common_names, text_match, pattern);
    case Matcher::ou:
      return any_of(identity.organizational_units, text_match, pattern);
    case Matcher::o:
      return any_of(identity.organizations, text_match, pattern);
    case Matcher::dns_san:
      return any_of(identity.dns_sans, dns_match, pattern);
    case Matcher::uri_san:
      return any_of(identity.uri_sans, uri_match, pattern);
    case Matcher::email_san:
      return any_of(identity.email_sans, email_match, pattern);
    case Matcher::ip_san:
      return any_of(identity.ip_sans, network_match, pattern);
    case Matcher::issuer_cn:
      return any_of(identity.issuer_common_names, text_match, pattern);
    case Matcher::serial:
      return serial_match(pattern, identity.serial);
    case Matcher::fingerprint:
      return fingerprint_match(pattern, identity);
    default:
      return false;
  }
}

bool pattern_match(Matcher matcher, const std::string& pattern, const core::PeerIdentity* identity,
                   const RequestFacts& request) {
  switch (matcher) {
    case Matcher::authenticated:
      return (pattern == "true") == (identity != nullptr);
    case Matcher::method:
      return text_match(pattern, std::string(request.method));
    case Matcher::path:
      return path_match(pattern, std::string(request.path));
    case Matcher::host:
      return dns_match(pattern, std::string(request.host));
    case Matcher::source_ip:
      return network_match(pattern, request.source_ip);
    default:
      return identity != nullptr && certificate_match(matcher, pattern, *identity);
  }
}

bool rule_match(const RuleSpec& rule, const core::PeerIdentity* identity, const RequestFacts& request) {
  return std::ranges::all_of(rule.when, [&](const Condition& condition) {
    return std::ranges::any_of(condition.patterns, [&](const std::string& pattern) {
      return pattern_match(condition.matcher, pattern, identity, request);
    });
  });
}

}  // namespace

Decision naive_judge(const PolicySpec& spec, const core::PeerIdentity* identity, const RequestFacts& request) {
  for (const Effect effect : {Effect::deny, Effect::allow}) {
    for (std::size_t i = 0; i < spec.rules.size(); ++i) {
      if (spec.rules[i].effect != effect || !rule_match(spec.rules[i], identity, request)) continue;
      const bool allow = effect == Effect::allow;
      return {.allow = allow,
              .rule = static_cast<std::uint32_t>(i),
              .reason = allow ? core::Reason::none : core::Reason::policy_denied};
    }
  }
  const auto none = static_cast<std::uint32_t>(spec.rules.size());
  if (spec.default_effect == Effect::allow) return {.allow = true, .rule = none, .reason = core::Reason::none};
  return {.allow = false,
          .rule = none,
          .reason = identity == nullptr ? core::Reason::not_authenticated : core::Reason::policy_denied};
}

}  // namespace gateway::policy::testing
