#include "policy/fact_matches.h"

#include <algorithm>

#include "policy/canonical_value.h"

namespace gateway::policy {
namespace {

std::span<const std::string> texts(const core::PeerIdentity& identity, Matcher matcher) {
  switch (matcher) {
    case Matcher::cn:
      return identity.common_names;
    case Matcher::ou:
      return identity.organizational_units;
    case Matcher::o:
      return identity.organizations;
    case Matcher::dns_san:
      return identity.dns_sans;
    case Matcher::uri_san:
      return identity.uri_sans;
    case Matcher::email_san:
      return identity.email_sans;
    case Matcher::issuer_cn:
      return identity.issuer_common_names;
    case Matcher::serial:
      return {&identity.serial, 1};
    default:
      return {};
  }
}

std::array<char, 1 + sizeof(core::Sha256)> digest_text(char tag, const core::Sha256& digest) {
  std::array<char, 1 + sizeof(core::Sha256)> text{tag};
  std::ranges::copy(digest, text.begin() + 1);
  return text;
}

}  // namespace

FactMatches::FactMatches(const PatternTables& tables, const core::PeerIdentity* identity, const RequestFacts& request)
    : tables_(tables), identity_(identity), request_(request) {
  found_.reserve(room_.size() / sizeof(PatternId) / 4);
}

FactMatches::Range FactMatches::plain(Matcher matcher) {
  return look_up(plain_, matcher, [&](const PatternTable& table) {
    for (const core::IpAddress& address : addresses(matcher)) table.find(address, found_);
    each_text(matcher, [&](std::string_view value) { table.find(value, found_); });
  });
}

FactMatches::Range FactMatches::regexes(Matcher matcher) {
  return look_up(regexes_, matcher, [&](const PatternTable& table) {
    each_text(matcher, [&](std::string_view value) {
      if (!table.find_regexes(value, found_)) failed_ = true;
    });
  });
}

template <typename Look>
FactMatches::Range FactMatches::look_up(Slots& slots, Matcher matcher, Look look) {
  Slot& slot = slots[index_of(matcher)];
  if (slot.known) return slot.range;
  slot.known = true;
  slot.range.begin = found_.size();
  if (identity_ != nullptr || !needs_certificate(matcher)) look(tables_[index_of(matcher)]);
  slot.range.end = found_.size();
  return slot.range;
}

template <typename See>
void FactMatches::each_text(Matcher matcher, See see) const {
  switch (matcher) {
    case Matcher::fingerprint: {
      const auto certificate = digest_text(kCertificateDigestTag, identity_->fingerprint);
      const auto key = digest_text(kKeyDigestTag, identity_->spki_fingerprint);
      see(std::string_view(certificate.data(), certificate.size()));
      see(std::string_view(key.data(), key.size()));
      return;
    }
    case Matcher::authenticated:
      return see(identity_ != nullptr ? "true" : "false");
    case Matcher::method:
      return see(request_.method);
    case Matcher::path:
      return see(request_.path);
    case Matcher::host:
      return see(CanonicalValue(matcher, request_.host).view());
    case Matcher::ip_san:
    case Matcher::source_ip:
      return;
    default:
      for (const std::string& text : texts(*identity_, matcher)) see(CanonicalValue(matcher, text).view());
  }
}

std::span<const core::IpAddress> FactMatches::addresses(Matcher matcher) const {
  if (matcher == Matcher::source_ip) return {&request_.source_ip, 1};
  if (matcher == Matcher::ip_san) return identity_->ip_sans;
  return {};
}

}  // namespace gateway::policy
