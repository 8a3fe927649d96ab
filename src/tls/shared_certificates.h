#pragma once

#include <openssl/x509.h>

#include <cstdint>
#include <string_view>
#include <unordered_map>

#include "core/peer_identity.h"
#include "tls/digest_map.h"
#include "tls/limits.h"
#include "tls/openssl_ptr.h"
#include "tls/trust_set.h"

namespace gateway::tls {

// The parsed certificates of clients that one worker knows, each for all its connections.
//
// Why: libssl parses a client's certificates anew in each full handshake. OpenSSL 3 decodes the public key at once,
// which costs more than the signatures that the handshake is about, and every connection keeps its own copy. libssl has
// no hook for it, but it calls d2i_X509() through the dynamic linker, which asks the program first: the program's own
// d2i_X509() (in the .cc file) hands out a certificate that is here already, and is OpenSSL's in all else.
//
// What keeps it harmless:
// - It is on for one thread at a time and only while a handshake runs there (Use), and only for a caller that brings an
//   X509 to be filled, as libssl does.
// - A certificate is found by all its bytes, and gets here only after a chain with it has verified: nobody without a
//   trusted certificate can fill the table or push others out. Bounded.
// - That it parses is all that is remembered: signatures, times, revocation and policies are judged elsewhere.
// - Nobody writes to a parsed certificate: libssl and libcrypto read it, under OpenSSL's own rules for sharing an X509.
//   It stays with its worker's thread and library context.
// - Where the dynamic linker does not put the program first (works()), libssl parses for itself as ever.
class SharedCertificates {
 public:
  struct Counts {
    std::uint64_t parsed = 0;  // by libssl in handshakes, because it wasn't known
    std::uint64_t shared = 0;
  };

  // `sha256` is a fetched digest and outlives this.
  explicit SharedCertificates(const EVP_MD* sha256, std::size_t capacity = kMaxSharedCertificates)
      : sha256_(sha256), certificates_(capacity) {}
  SharedCertificates(const SharedCertificates&) = delete;
  SharedCertificates& operator=(const SharedCertificates&) = delete;

  // Whether libssl's calls reach us: asked once, at start.
  static bool works();

  // While it lives, this thread's handshakes take certificates from `table`.
  class Use {
   public:
    explicit Use(SharedCertificates& table);
    ~Use();
    Use(const Use&) = delete;
    Use& operator=(const Use&) = delete;

   private:
    SharedCertificates* const before_;
  };

  // The certificate with exactly these bytes, or null.
  X509* find(std::string_view der);
  // Remembers a certificate of a chain that verified.
  void keep(X509* certificate);
  // SHA-256 of the certificate's DER, without encoding it again if it is kept here.
  [[nodiscard]] core::Sha256 fingerprint_of(const X509* certificate) const;

  [[nodiscard]] const Counts& counts() const { return counts_; }
  [[nodiscard]] std::size_t size() const { return certificates_.size(); }

 private:
  struct Kept {
    Der der;
    X509Ptr certificate;
  };

  const EVP_MD* sha256_;
  DigestMap<Kept> certificates_;
  std::unordered_map<const X509*, core::Sha256> fingerprints_;  // of what is kept
  Counts counts_;
};

}  // namespace gateway::tls
