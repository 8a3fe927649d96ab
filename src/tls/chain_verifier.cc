#include "tls/chain_verifier.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>

#include "core/limits.h"
#include "tls/asn1_values.h"
#include "tls/chain_profile.h"
#include "tls/connection_state.h"
#include "tls/crl_index.h"
#include "tls/digest.h"
#include "tls/dn_text.h"
#include "tls/key_rules.h"
#include "tls/limits.h"
#include "tls/openssl_error.h"
#include "tls/path_finder.h"
#include "tls/peer_certificate.h"
#include "tls/reason_alert.h"

namespace gateway::tls {
namespace {

using core::Reason;

std::unexpected<core::Error> refused(Reason reason, std::string detail) {
  return core::fail(reason, core::Side::client, std::move(detail));
}

core::Result<ChainElement> element_of(X509* certificate, const X509* issuer, const EVP_MD* md) {
  ChainElement element;
  element.fingerprint = sha256(md, {der_of(certificate)});
  element.issuer_key = issuer_key_of(issuer, md);
  if (const auto name = canonical_dn(rfc4514_of(X509_get_issuer_name(certificate)))) {
    element.issuer_name = sha256(md, {*name});
  }
  element.serial = serial_bytes_of(X509_get0_serialNumber(certificate));
  const auto not_before = time_of(X509_get0_notBefore(certificate));
  const auto not_after = time_of(X509_get0_notAfter(certificate));
  if (!not_before || !not_after) return refused(Reason::malformed_certificate, "a validity that can't be read");
  if (element.serial.empty() || element.serial.size() > kMaxSerialBytes) {
    return refused(Reason::malformed_certificate, "a serial number that is too long");
  }
  element.not_before = *not_before;
  element.not_after = *not_after;
  element.is_ca = (X509_get_extension_flags(certificate) & EXFLAG_CA) != 0;
  return element;
}

// Null if nobody vouches for the leaf but the operator.
std::shared_ptr<const Der> issuer_of(const STACK_OF(X509) * path, const VerifiedChain& chain, IssuerTable& issuers) {
  if (chain.elements.size() < 2) return nullptr;
  const X509* issuer = sk_X509_value(path, 1);
  return issuers.meet(chain.elements.front().issuer_key, [issuer] { return der_of(issuer); });
}

// The anchor, last, stands for its own issuer.
const X509* issuer_at(const STACK_OF(X509) * path, int i) {
  return sk_X509_value(path, std::min(i + 1, sk_X509_num(path) - 1));
}

core::Result<ChainElements> elements_of(const STACK_OF(X509) * path, const EVP_MD* md) {
  const int count = sk_X509_num(path);
  if (count <= 0 || static_cast<std::size_t>(count) > kMaxChainElements) {
    return refused(Reason::chain_too_deep, "a chain of too many certificates");
  }
  std::vector<ChainElement> elements;
  for (int i = 0; i < count; ++i) {
    TRY(ChainElement element, element_of(sk_X509_value(path, i), issuer_at(path, i), md));
    elements.push_back(std::move(element));
  }
  return ChainElements(std::move(elements));
}

VerifiedChain chain_of(const VerifiedPath& path, const WorkerLibrary& library, const HostOptions& host) {
  VerifiedChain chain{.elements = path.elements, .session_start = library.now(), .session_deadline = {}};
  chain.session_deadline = chain.session_start + host.session_lifetime;
  for (const ChainElement& element : chain.elements) {
    chain.session_deadline = std::min(chain.session_deadline, element.not_after);
  }
  return chain;
}

void report_presented(const X509* leaf, HandshakeReport& report) {
  report.presented_subject = rfc4514_of(X509_get_subject_name(leaf)).substr(0, kMaxReportedBytes);
  report.presented_issuer = rfc4514_of(X509_get_issuer_name(leaf)).substr(0, kMaxReportedBytes);
}

// What an operator asks next: which certificate of the chain, and since or until when.
std::string describe(const Verdict& verdict, const VerifiedChain& chain) {
  const auto at = [&](std::string_view what, std::chrono::sys_seconds time) {
    return fmt::format("{} {:%FT%TZ} (certificate {})", what, fmt::gmtime(std::chrono::system_clock::to_time_t(time)),
                       verdict.element);
  };
  switch (verdict.reason) {
    case Reason::expired:
      return at("expired at", chain.elements[verdict.element].not_after);
    case Reason::not_yet_valid:
      return at("not valid before", chain.elements[verdict.element].not_before);
    case Reason::revoked:
      return fmt::format("revoked by {} (certificate {})", verdict.ordered ? "gatewayctl revoke" : "its issuer's CRL",
                         verdict.element);
    case Reason::crl_expired:
      return fmt::format("the issuer's CRL has expired (certificate {})", verdict.element);
    case Reason::crl_missing:
      return fmt::format("no CRL of the issuer (certificate {})", verdict.element);
    default:
      return std::string(to_string(verdict.reason));
  }
}

// All that is to be found out about the chain once and for all.
core::Result<VerifiedPath> verify_in_full(X509_STORE_CTX* context, const WorkerLibrary& library,
                                          const HostOptions& host, KnownIssuers& issuers) {
  const X509* leaf = X509_STORE_CTX_get0_cert(context);
  if (der_of(leaf).size() > kMaxLeafBytes)
    return refused(Reason::malformed_certificate, "the certificate is too large");
  TRY([[maybe_unused]] const bool bearable, check_key_sizes(X509_STORE_CTX_get0_untrusted(context)));
  VerifiedPath path;
  TRY(path.certificates, find_path(context, library.now(), library.context(), issuers));
  const STACK_OF(X509)* certificates = path.certificates.get();
  TRY([[maybe_unused]] const bool proper, check_profile(certificates, *host.trust, host.settings.min_rsa_bits));
  TRY(path.elements, elements_of(certificates, library.sha256()));
  TRY(core::PeerIdentity identity, identity_of(leaf, library.sha256()));
  path.identity = std::make_shared<const core::PeerIdentity>(std::move(identity));
  return path;
}

// What changes with time, in every handshake: CRLs that wait for their issuer, the deadline, the verdict.
core::Result<std::shared_ptr<const VerifiedPeer>> admit(const VerifiedPath& path, const ConnectionState& state) {
  const HostOptions& host = *state.host_options();
  const WorkerLibrary& library = state.contexts.library();
  for (std::size_t i = 0; i < path.elements.size(); ++i) {
    host.trust->crls->show_issuer(issuer_at(path.certificates.get(), static_cast<int>(i)), path.elements[i].issuer_key,
                                  library.context());
  }
  auto peer = std::make_shared<VerifiedPeer>();
  peer->identity = path.identity;
  peer->chain = chain_of(path, library, host);
  peer->issuer = issuer_of(path.certificates.get(), peer->chain, state.contexts.revocations().issuers);
  if (const Verdict verdict = judge_elements(peer->chain, library.now(), host, library.revocations());
      verdict.reason != Reason::none) {
    return refused(verdict.reason, describe(verdict, peer->chain));
  }
  return peer;
}

// Of the chain that was presented, what has a place in the path. The anchor is the trust store's.
void keep_certificates(const STACK_OF(X509) * presented, const STACK_OF(X509) * path,
                       SharedCertificates& certificates) {
  for (int i = 0; i < sk_X509_num(presented); ++i) {
    for (int j = 0; j < sk_X509_num(path); ++j) {
      if (sk_X509_value(presented, i) == sk_X509_value(path, j)) certificates.keep(sk_X509_value(path, j));
    }
  }
}

// The peer if this very chain was verified before and is still admitted. Whatever isn't goes the long way, which may
// find another path, and says why it refuses.
std::shared_ptr<const VerifiedPeer> known_peer(X509_STORE_CTX* context, ConnectionState& state, ChainCache& chains,
                                               const core::Sha256& key) {
  const VerifiedPath* path = chains.find(key);
  if (path == nullptr) return nullptr;
  auto peer = admit(*path, state);
  CertificateStackPtr certificates(peer ? X509_chain_up_ref(path->certificates.get()) : nullptr);
  if (!certificates) {
    chains.drop(key);
    return nullptr;
  }
  // As X509_verify_cert() would have left it.
  X509_STORE_CTX_set0_verified_chain(context, certificates.release());
  chains.count_hit();
  state.report.presented_subject = path->identity->subject_dn.substr(0, kMaxReportedBytes);
  state.report.presented_issuer = path->identity->issuer_dn.substr(0, kMaxReportedBytes);
  return std::move(*peer);
}

core::Result<std::shared_ptr<const VerifiedPeer>> verify(X509_STORE_CTX* context, ConnectionState& state) {
  const HostOptions* host = state.host_options();
  const X509* leaf = X509_STORE_CTX_get0_cert(context);
  const STACK_OF(X509)* presented = X509_STORE_CTX_get0_untrusted(context);
  if (host == nullptr || leaf == nullptr || presented == nullptr || !host->trust || !host->trust->crls) {
    return refused(Reason::internal, "a client certificate where none can be verified");
  }
  if (static_cast<std::size_t>(sk_X509_num(presented)) > kMaxPresentedCertificates) {
    report_presented(leaf, state.report);
    return refused(Reason::chain_too_deep, "too many certificates");
  }
  const WorkerLibrary& library = state.contexts.library();
  KnownClients& known = state.contexts.known_clients();
  const core::Sha256 key =
      ChainCache::key_of(state.host_context()->verification_context(), presented, known.certificates, library.sha256());
  if (auto peer = known_peer(context, state, known.chains, key)) return peer;
  known.chains.count_miss();
  report_presented(leaf, state.report);
  TRY(VerifiedPath path, verify_in_full(context, library, *host, known.issuers));
  TRY(auto peer, admit(path, state));
  keep_certificates(presented, path.certificates.get(), known.certificates);
  known.chains.put(key, std::move(path));
  return peer;
}

}  // namespace

core::Sha256 issuer_key_of(const X509* issuer, const EVP_MD* md) {
  return sha256(md, {name_der_of(X509_get_subject_name(issuer)), public_key_der_of(issuer)});
}

int verify_client_chain(X509_STORE_CTX* context, void*) noexcept {
  const int verdict = guarded(0, [context] {
    auto* ssl = static_cast<SSL*>(X509_STORE_CTX_get_ex_data(context, SSL_get_ex_data_X509_STORE_CTX_idx()));
    ConnectionState* state = state_of(ssl);
    const HostContext* host = state == nullptr ? nullptr : state->host_context();
    if (host == nullptr) return 0;
    auto peer = verify(context, *state);
    if (!peer) {
      const Reason reason = peer.error().reason;
      X509_STORE_CTX_set_error(context, certificate_alert(reason).error);
      state->refuse(reason, std::move(peer.error().detail));
      // Nothing was verified, and that error stays the connection's verify result: the handshake alone goes on.
      return state->tells_by_http(reason) && allow_tickets(ssl, *host, false) ? 1 : 0;
    }
    if (!allow_tickets(ssl, *host, true)) return 0;
    state->peer = std::move(*peer);
    X509_STORE_CTX_set_error(context, X509_V_OK);
    return 1;
  });
  // A refusal without a code, for want of memory, must not leave "OK" as the connection's verify result.
  if (verdict == 0 && X509_STORE_CTX_get_error(context) == X509_V_OK) return refuse_client_chain(context, nullptr);
  return verdict;
}

int refuse_client_chain(X509_STORE_CTX* context, void*) noexcept {
  X509_STORE_CTX_set_error(context, certificate_alert(Reason::internal).error);
  return 0;
}

int tolerate_times(int good, X509_STORE_CTX* context) noexcept {
  if (good == 1) return 1;
  const int error = X509_STORE_CTX_get_error(context);
  return error == X509_V_ERR_CERT_HAS_EXPIRED || error == X509_V_ERR_CERT_NOT_YET_VALID ? 1 : 0;
}

int refuse_verify_step(int, X509_STORE_CTX* context) noexcept {
  X509_STORE_CTX_set_error(context, certificate_alert(Reason::internal).error);
  return 0;
}

}  // namespace gateway::tls
