#pragma once
#include <openssl/ssl.h>

#include <cstddef>
#include <string>
#include <vector>

#include "bench/load/options.h"

namespace bench {

// Who a client is: a leaf with its key, and what it sends behind the leaf.
struct Identity {
  X509* leaf = nullptr;
  EVP_PKEY* key = nullptr;
  STACK_OF(X509) * chain = nullptr;
};

// The client's side of TLS. Lives as long as the program; one thread.
class ClientTls {
 public:
  // Ends the program with a message if a file can't be used.
  explicit ClientTls(const Options& options);

  // A connection of the next identity, in turn. `session` may be null; it is not taken over. The caller frees what it
  // gets.
  SSL* connect(int descriptor, SSL_SESSION* session, SSL_SESSION** latest);

  std::size_t identities() const { return identities_.size(); }

 private:
  void load(const CertificateFiles& files);
  void mint(const CertificateFiles& issuer, unsigned count);
  static int verify(X509_STORE_CTX* store, void* self);
  static int keep_session(SSL* ssl, SSL_SESSION* session);

  SSL_CTX* context_;
  std::string name_;
  std::vector<Identity> identities_;
  std::size_t next_ = 0;
  std::vector<unsigned char> verified_;  // DER of the server's leaf whose chain and name were found good
};

}  // namespace bench
