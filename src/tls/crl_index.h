#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/peer_identity.h"
#include "tls/trust_set.h"

struct ossl_lib_ctx_st;  // OSSL_LIB_CTX
struct x509_st;          // X509

namespace gateway::tls {

struct ParsedCrl;                                               // tls/crl_file.h
using CrlFile = std::shared_ptr<const std::vector<ParsedCrl>>;  // the CRLs of one file; tls/crl_cache.h makes them

// The CRLs of one trust set (RFC 5280 section 5), parsed once into immutable sets of issuer and serial, shared by every
// worker and by every trust set that names the same files. It grows in one way only: by the issuers that it is shown,
// each of which claims the CRLs that its key signed.
class CrlIndex {
 public:
  struct Info {
    std::string issuer;  // RFC 4514
    std::string number;  // section 5.2.3, the INTEGER's content bytes; "" if it has none
    std::chrono::sys_seconds this_update{};
    std::chrono::sys_seconds next_update{};  // max() if the CRL has none
    std::size_t entries = 0;
    bool superseded = false;  // by a later CRL that the same key signed: nothing is looked up in it
  };

  struct BuildError {
    std::size_t file = 0;  // which of `files`; their number: none of them is at fault
    std::string detail;
  };
  // A CRL whose issuer is an anchor is verified here, by that anchor's key; one of an intermediate CA when a chain
  // shows that CA's key. A CRL that several files hold counts once. Error: a signature that is wrong.
  static std::expected<std::shared_ptr<const CrlIndex>, BuildError> build(std::span<const CrlFile> files,
                                                                          const std::vector<Der>& anchors);
  virtual ~CrlIndex() = default;

  [[nodiscard]] virtual std::vector<Info> describe() const = 0;

  // Whether a certificate is among the `anchors` that this was built with, by its fingerprint.
  [[nodiscard]] virtual bool is_anchor(const core::Sha256& fingerprint) const = 0;

  enum class Finding : std::uint8_t {
    good,
    revoked,
    crl_expired,
    no_crl,          // none of this issuer is configured that covers such a certificate
    unknown_issuer,  // not shown yet, while some CRL is unclaimed: it might be this issuer's
  };
  // Any thread, no lock. `issuer_key`, `serial` and `is_ca` as in ChainElement. A CRL counts until its nextUpdate; with
  // an `as_of` that lies back by a grace, so much longer.
  [[nodiscard]] virtual Finding look_up(const core::Sha256& issuer_key, std::string_view serial, bool is_ca,
                                        std::chrono::sys_seconds as_of) const = 0;

  // Shows an issuer of a chain that verified. Any thread; only the first time is there a lock and, if a CRL bears its
  // name, a signature check. `issuer_key` is the issuer's; `library` may be null (the default context).
  virtual void show_issuer(const x509_st* issuer, const core::Sha256& issuer_key, ossl_lib_ctx_st* library) const = 0;
  // Shows every issuer that `previous` was shown, so that after a reload resumed sessions and live connections, which
  // bring no certificates, are judged by the new CRLs. For the control thread.
  virtual void show_issuers_of(const CrlIndex& previous) const = 0;
};

// What stands in a file, in its order.
std::vector<CrlIndex::Info> infos_of(const CrlFile& file);

}  // namespace gateway::tls
