#include "tls/judge.h"

#include "tls/crl_index.h"

namespace gateway::tls {
namespace {

using core::Reason;

Reason judge_times(const VerifiedChain& chain, std::chrono::sys_seconds now) {
  for (const ChainElement& element : chain.elements) {
    if (now < element.not_before) return Reason::not_yet_valid;
    if (now > element.not_after) return Reason::expired;
  }
  return Reason::none;
}

Reason judge_revocation(const VerifiedChain& chain, std::chrono::sys_seconds now, const TrustSet& trust) {
  // The anchor is trusted because the operator says so: it isn't revoked but removed.
  for (std::size_t i = 0; i + 1 < chain.elements.size(); ++i) {
    const ChainElement& element = chain.elements[i];
    switch (trust.crls->look_up(element.issuer_key, element.serial, now)) {
      case CrlIndex::Finding::good:
        break;
      case CrlIndex::Finding::revoked:
        return Reason::revoked;
      case CrlIndex::Finding::crl_expired:
        return Reason::crl_expired;
      case CrlIndex::Finding::no_crl:
        if (trust.require_revocation) return Reason::crl_missing;
        break;
      case CrlIndex::Finding::unknown_issuer:
        return Reason::crl_missing;
    }
  }
  return Reason::none;
}

}  // namespace

Reason judge(const VerifiedChain& chain, std::chrono::sys_seconds now, const HostOptions& host) {
  if (chain.elements.empty()) return Reason::no_certificate;
  if (!host.trust) return Reason::unknown_ca;
  if (!host.trust->crls) return Reason::internal;
  if (!host.trust->crls->is_anchor(chain.elements.back().fingerprint)) return Reason::unknown_ca;
  if (const Reason reason = judge_times(chain, now); reason != Reason::none) return reason;
  return judge_revocation(chain, now, *host.trust);
}

Reason judge_live(const VerifiedPeer* peer, std::chrono::sys_seconds now, const HostOptions& host) {
  if (peer != nullptr) return judge(peer->chain, now, host);
  return host.client_auth == ClientAuth::strict ? Reason::no_certificate : Reason::none;
}

}  // namespace gateway::tls
