#include "tls/judge.h"

#include <algorithm>

#include "tls/crl_index.h"

namespace gateway::tls {
namespace {

using core::Reason;

Verdict judge_times(const VerifiedChain& chain, std::chrono::sys_seconds now) {
  for (std::size_t i = 0; i < chain.elements.size(); ++i) {
    if (now < chain.elements[i].not_before) return {Reason::not_yet_valid, i};
    if (now > chain.elements[i].not_after) return {Reason::expired, i};
  }
  return {};
}

Verdict judge_revocation(const VerifiedChain& chain, std::chrono::sys_seconds now, const TrustSet& trust) {
  // Whose clients the missing one speaks of, only it can say.
  if (trust.crls_pending) return {Reason::crl_missing, 0};
  // The anchor is trusted because the operator says so: it isn't revoked but removed.
  const std::size_t count = trust.revocation_scope == RevocationScope::leaf
                                ? std::min<std::size_t>(chain.elements.size(), 2)
                                : chain.elements.size();
  for (std::size_t i = 0; i + 1 < count; ++i) {
    const ChainElement& element = chain.elements[i];
    switch (trust.crls->look_up(element.issuer_key, element.serial, element.is_ca, now - trust.crl_grace)) {
      case CrlIndex::Finding::good:
        break;
      case CrlIndex::Finding::revoked:
        return {Reason::revoked, i};
      case CrlIndex::Finding::crl_expired:
        return {Reason::crl_expired, i};
      case CrlIndex::Finding::no_crl:
        if (trust.require_revocation) return {Reason::crl_missing, i};
        break;
      case CrlIndex::Finding::unknown_issuer:
        return {Reason::crl_missing, i};
    }
  }
  return {};
}

Reason judge_ocsp(const VerifiedChain& chain, std::chrono::sys_seconds now, const TrustSet& trust,
                  const OcspTable& answers) {
  if (!trust.ocsp || chain.elements.size() < 2) return Reason::none;
  const ChainElement& leaf = chain.elements.front();
  const OcspEntry* entry =
      answers.find({.authority = trust.ocsp->authority, .issuer_key = leaf.issuer_key, .serial = leaf.serial}, now);
  return entry == nullptr ? Reason::none : entry->judge(trust.ocsp->settings.mode);
}

}  // namespace

Verdict judge_elements(const VerifiedChain& chain, std::chrono::sys_seconds now, const HostOptions& host,
                       const RevocationKnowledge& known) {
  if (chain.elements.empty()) return {Reason::no_certificate, 0};
  const std::size_t anchor = chain.elements.size() - 1;
  if (!host.trust) return {Reason::unknown_ca, anchor};
  if (!host.trust->crls) return {Reason::internal, anchor};
  if (!host.trust->crls->is_anchor(chain.elements[anchor].fingerprint)) return {Reason::unknown_ca, anchor};
  if (!known.ordered) return {Reason::internal, 0};
  if (const auto element = known.ordered->find(chain)) return {Reason::revoked, *element, true};
  if (const Verdict verdict = judge_times(chain, now); verdict.reason != Reason::none) return verdict;
  return judge_revocation(chain, now, *host.trust);
}

Reason judge(const VerifiedChain& chain, std::chrono::sys_seconds now, const HostOptions& host,
             const RevocationKnowledge& known) {
  const Reason reason = judge_elements(chain, now, host, known).reason;
  return reason != Reason::none ? reason : judge_ocsp(chain, now, *host.trust, known.ocsp);
}

Reason judge_live(const VerifiedPeer* peer, std::chrono::sys_seconds now, const HostOptions& host,
                  const RevocationKnowledge& known) {
  if (peer != nullptr) return judge(peer->chain, now, host, known);
  return host.client_auth == ClientAuth::strict ? Reason::no_certificate : Reason::none;
}

Reason judge_stricter_host(const VerifiedPeer* peer, const HostOptions& before, const HostOptions& now) {
  // Without a trust set judge() refuses, whatever was asked before.
  if (peer == nullptr || !before.trust || !now.trust) return Reason::none;
  const TrustSet& old = *before.trust;
  const TrustSet& today = *now.trust;
  // Leaf and anchor are no intermediates.
  if (peer->chain.elements.size() > today.depth + std::size_t{2}) return Reason::chain_too_deep;
  if (old.partial_chains && !today.partial_chains) return Reason::unknown_ca;
  if (!old.require_client_purpose && today.require_client_purpose) return Reason::wrong_purpose;
  if (!old.strict_profile && today.strict_profile) return Reason::malformed_certificate;
  if (now.settings.min_rsa_bits > before.settings.min_rsa_bits) return Reason::weak_key;
  return Reason::none;
}

}  // namespace gateway::tls
