#include "bench/load/client_tls.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <cstdlib>
#include <ctime>

namespace bench {
namespace {

[[noreturn]] void give_up(const std::string& what) {
  std::fprintf(stderr, "bench_load: %s\n", what.c_str());
  ERR_print_errors_fp(stderr);
  std::exit(2);
}

std::vector<X509*> read_certificates(const std::string& path) {
  std::vector<X509*> found;
  BIO* file = BIO_new_file(path.c_str(), "r");
  while (file != nullptr) {
    X509* certificate = PEM_read_bio_X509(file, nullptr, nullptr, nullptr);
    if (certificate == nullptr) {
      break;
    }
    found.push_back(certificate);
  }
  BIO_free(file);
  ERR_clear_error();
  if (found.empty()) {
    give_up("no certificate in " + path);
  }
  return found;
}

EVP_PKEY* read_key(const std::string& path) {
  BIO* file = BIO_new_file(path.c_str(), "r");
  EVP_PKEY* key = file == nullptr ? nullptr : PEM_read_bio_PrivateKey(file, nullptr, nullptr, nullptr);
  BIO_free(file);
  if (key == nullptr) {
    give_up("no key in " + path);
  }
  return key;
}

void add_extension(X509* certificate, X509* issuer, int kind, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, kind, value);
  if (extension == nullptr || X509_add_ext(certificate, extension, -1) != 1) {
    give_up("an extension of a client certificate");
  }
  X509_EXTENSION_free(extension);
}

X509* make_leaf(X509* issuer, EVP_PKEY* issuer_key, EVP_PKEY* key, unsigned number) {
  X509* leaf = X509_new();
  const std::string common_name = "client-" + std::to_string(number);
  X509_set_version(leaf, X509_VERSION_3);
  ASN1_INTEGER_set_uint64(X509_get_serialNumber(leaf), 0x100000ULL + number);
  X509_gmtime_adj(X509_getm_notBefore(leaf), -3600);
  X509_gmtime_adj(X509_getm_notAfter(leaf), 86400);
  X509_set_issuer_name(leaf, X509_get_subject_name(issuer));
  X509_NAME_add_entry_by_txt(X509_get_subject_name(leaf), "O", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>("Bench"), -1, -1, 0);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(leaf), "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(common_name.c_str()), -1, -1, 0);
  X509_set_pubkey(leaf, key);
  add_extension(leaf, issuer, NID_basic_constraints, "critical,CA:FALSE");
  add_extension(leaf, issuer, NID_key_usage, "critical,digitalSignature");
  add_extension(leaf, issuer, NID_ext_key_usage, "clientAuth");
  add_extension(leaf, issuer, NID_subject_alt_name, ("DNS:" + common_name + ".bench.test").c_str());
  add_extension(leaf, issuer, NID_subject_key_identifier, "hash");
  add_extension(leaf, issuer, NID_authority_key_identifier, "keyid:always");
  if (X509_sign(leaf, issuer_key, EVP_sha256()) == 0) {
    give_up("can't sign a client certificate");
  }
  return leaf;
}

std::vector<unsigned char> der_of(X509* certificate) {
  const int length = i2d_X509(certificate, nullptr);
  std::vector<unsigned char> der(static_cast<std::size_t>(length > 0 ? length : 0));
  unsigned char* end = der.data();
  i2d_X509(certificate, &end);
  return der;
}

}  // namespace

ClientTls::ClientTls(const Options& options) : context_(SSL_CTX_new(TLS_client_method())), name_(options.name) {
  const int version = options.tls == "1.2" ? TLS1_2_VERSION : TLS1_3_VERSION;
  SSL_CTX_set_min_proto_version(context_, version);
  SSL_CTX_set_max_proto_version(context_, version);
  SSL_CTX_set_ciphersuites(context_, "TLS_AES_128_GCM_SHA256");
  SSL_CTX_set_cipher_list(context_, "ECDHE+AES128+AESGCM");
  SSL_CTX_set1_groups_list(context_, "X25519:P-256");
  if (SSL_CTX_load_verify_locations(context_, options.ca.c_str(), nullptr) != 1) {
    give_up("no CA in " + options.ca);
  }
  SSL_CTX_set_verify(context_, SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_cert_verify_callback(context_, verify, this);
  SSL_CTX_set_mode(context_, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_read_ahead(context_, 1);
  SSL_CTX_set_session_cache_mode(context_, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(context_, keep_session);
  for (const auto& files : options.clients) {
    load(files);
  }
  if (options.mint > 0) {
    mint(options.issuer, options.mint);
  }
}

void ClientTls::load(const CertificateFiles& files) {
  const auto certificates = read_certificates(files.first);
  Identity identity{certificates.front(), read_key(files.second), sk_X509_new_null()};
  for (std::size_t index = 1; index < certificates.size(); ++index) {
    sk_X509_push(identity.chain, certificates[index]);
  }
  identities_.push_back(identity);
}

void ClientTls::mint(const CertificateFiles& issuer, unsigned count) {
  X509* certificate = read_certificates(issuer.first).front();
  EVP_PKEY* issuer_key = read_key(issuer.second);
  STACK_OF(X509)* chain = sk_X509_new_null();
  sk_X509_push(chain, certificate);
  for (unsigned number = 0; number < count; ++number) {
    EVP_PKEY* key = EVP_EC_gen("P-256");
    if (key == nullptr) {
      give_up("can't make a key");
    }
    identities_.push_back({make_leaf(certificate, issuer_key, key, number), key, chain});
  }
}

SSL* ClientTls::connect(int descriptor, SSL_SESSION* session, SSL_SESSION** latest) {
  const Identity& identity = identities_[next_];
  next_ = (next_ + 1) % identities_.size();
  SSL* ssl = SSL_new(context_);
  SSL_set_fd(ssl, descriptor);
  SSL_set_connect_state(ssl);
  SSL_set_tlsext_host_name(ssl, name_.c_str());
  SSL_set1_host(ssl, name_.c_str());
  if (SSL_use_cert_and_key(ssl, identity.leaf, identity.key, identity.chain, 1) != 1) {
    give_up("a client's certificate and key don't fit");
  }
  if (session != nullptr) {
    SSL_set_session(ssl, session);
  }
  SSL_set_app_data(ssl, latest);
  return ssl;
}

// The server's chain and name are verified once; after that the same leaf will do, so that the client stays cheap. The
// proof that the server has the key is checked by libssl each time.
int ClientTls::verify(X509_STORE_CTX* store, void* self) {
  auto& seen = static_cast<ClientTls*>(self)->verified_;
  auto leaf = der_of(X509_STORE_CTX_get0_cert(store));
  if (leaf == seen) {
    X509_STORE_CTX_set_error(store, X509_V_OK);
    return 1;
  }
  if (X509_verify_cert(store) != 1) {
    return 0;
  }
  seen = std::move(leaf);
  return 1;
}

int ClientTls::keep_session(SSL* ssl, SSL_SESSION* session) {
  auto** latest = static_cast<SSL_SESSION**>(SSL_get_app_data(ssl));
  if (latest == nullptr) {
    return 0;
  }
  SSL_SESSION_free(*latest);
  *latest = session;
  return 1;
}

}  // namespace bench
