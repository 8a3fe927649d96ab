#pragma once

#include "tls/openssl_ptr.h"

namespace gateway::tls {

// OpenSSL's default provider with eleven of its forty decoders: those of the keys that certificates and servers may
// have here, as SubjectPublicKeyInfo (RFC 5280) and PrivateKeyInfo (RFC 5208). OpenSSL 3.0 asks every decoder that a
// library context has whether it can help, each time a certificate's public key is parsed: that is more than half of
// what a parse costs. A key of another type stays undecoded, and no such certificate is accepted. Kinds of keys that
// neither certificates nor TLS have are left out for the same reason.
//
// The algorithms run in a library context of their own, which must outlive the one that they are offered to: declare it
// before.
class WorkerProvider {
 public:
  // For one library context. Offers nothing where OpenSSL is 3.2 or newer.
  WorkerProvider();

  // OpenSSL 3.2 and later remember the decoder that a kind of key needs.
  static bool is_of_use();

  // Null if it is of no use, or if `library` can't decode a public key or make random bytes with it: take a new library
  // context and the default provider then. To be unloaded before `library` is freed. Thread-safe.
  [[nodiscard]] ProviderPtr offer_to(OSSL_LIB_CTX* library) const;

 private:
  LibraryContextPtr context_;
  ProviderPtr default_;  // unloaded before its context is freed
};

}  // namespace gateway::tls
