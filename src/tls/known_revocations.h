#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <variant>
#include <vector>

#include "core/peer_identity.h"
#include "tls/issuer_table.h"
#include "tls/ocsp_table.h"

namespace gateway::tls {

struct VerifiedChain;  // tls/judge.h

// Who issued a certificate that is named by its serial number.
struct IssuerName {
  std::string canonical;  // canonical_dn()
  friend bool operator==(const IssuerName&, const IssuerName&) = default;
};
struct IssuerCertificate {
  core::Sha256 fingerprint{};  // of the issuing CA's certificate
  friend bool operator==(const IssuerCertificate&, const IssuerCertificate&) = default;
};
using AnyIssuer = std::monostate;

// Names one certificate that its operator refuses from now on, whatever CRLs say.
struct RevokedCertificate {
  core::Sha256 fingerprint{};  // of the certificate, whatever place it has in a chain; if `serial` is empty
  std::string serial;          // canonical_serial() of a certificate that is no trust anchor
  std::variant<AnyIssuer, IssuerName, IssuerCertificate> issuer;
  friend bool operator==(const RevokedCertificate&, const RevokedCertificate&) = default;
};

// The digits of a serial number in hex, as openssl prints it (X.509's `serial=0A1B`, or with colons, or with 0x), as
// bytes without leading zeros (0 itself is one byte). nullopt: not hex, empty, or longer than kMaxSerialBytes.
std::optional<std::string> parse_serial(std::string_view hex);
// The same form of an INTEGER's content bytes.
std::string canonical_serial(std::string_view content);

// Certificates that are revoked by order of the operator: immutable, shared by all workers. A lookup costs the same
// however many there are.
class KnownRevocations {
 public:
  explicit KnownRevocations(std::span<const RevokedCertificate> certificates);
  // Shared, empty.
  static const std::shared_ptr<const KnownRevocations>& none();

  // Which element of the chain is revoked, counted from the leaf.
  [[nodiscard]] std::optional<std::size_t> find(const VerifiedChain& chain) const;
  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  struct Hash {
    std::size_t operator()(const core::Sha256& digest) const noexcept;
  };
  using Issuers = std::vector<std::variant<AnyIssuer, core::Sha256, IssuerCertificate>>;

  std::size_t size_ = 0;
  std::unordered_set<core::Sha256, Hash> fingerprints_;
  std::unordered_map<std::string, Issuers> serials_;
};

// What one worker knows of revoked certificates beside the CRLs of the trust sets; judge() asks it in every verdict.
// Owned by the worker's WorkerLibrary and, once its thread runs, used on that only.
struct RevocationKnowledge {
  std::shared_ptr<const KnownRevocations> ordered = KnownRevocations::none();  // gatewayctl revoke; never null
  OcspTable ocsp;       // what responders said, and their silence
  IssuerTable issuers;  // met in handshakes: whom to name to a responder
};

}  // namespace gateway::tls
