// What a new client's certificate costs: parsed by OpenSSL, then read into an identity.
#include <benchmark/benchmark.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>

#include <vector>

#include "tls/peer_certificate.h"

namespace gateway::tls {
namespace {

void add_name(X509_NAME* name, const char* key, const char* value) {
  X509_NAME_add_entry_by_txt(name, key, MBSTRING_UTF8, reinterpret_cast<const unsigned char*>(value), -1, -1, 0);
}

// DER of a client's leaf as a company CA issues it.
std::vector<unsigned char> leaf() {
  EVP_PKEY* const key = EVP_EC_gen("P-256");
  X509* const certificate = X509_new();
  X509_set_version(certificate, X509_VERSION_3);
  ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), 0x123456789ABCDEFULL);
  X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
  X509_gmtime_adj(X509_getm_notAfter(certificate), 86400);
  X509_NAME* const subject = X509_get_subject_name(certificate);
  add_name(subject, "C", "DE");
  add_name(subject, "O", "Bench");
  add_name(subject, "OU", "Partners");
  add_name(subject, "CN", "client-17");
  X509_set_issuer_name(certificate, subject);
  X509_set_pubkey(certificate, key);
  X509_EXTENSION* const names = X509V3_EXT_conf_nid(
      nullptr, nullptr, NID_subject_alt_name,
      "DNS:client-17.bench.test,URI:spiffe://bench.test/client/17,email:client-17@bench.test,IP:192.0.2.17");
  X509_add_ext(certificate, names, -1);
  X509_sign(certificate, key, EVP_sha256());
  std::vector<unsigned char> der(static_cast<std::size_t>(i2d_X509(certificate, nullptr)));
  unsigned char* end = der.data();
  i2d_X509(certificate, &end);
  X509_EXTENSION_free(names);
  X509_free(certificate);
  EVP_PKEY_free(key);
  return der;
}

X509* parsed(const std::vector<unsigned char>& der) {
  const unsigned char* begin = der.data();
  return d2i_X509(nullptr, &begin, static_cast<long>(der.size()));
}

void parse_certificate(benchmark::State& state) {
  const auto der = leaf();
  for (auto _ : state) {
    X509* const certificate = parsed(der);
    benchmark::DoNotOptimize(certificate);
    X509_free(certificate);
  }
}
BENCHMARK(parse_certificate)->Name("identity/d2i_X509, for scale");

void read_identity(benchmark::State& state) {
  X509* const certificate = parsed(leaf());
  EVP_MD* const sha256 = EVP_MD_fetch(nullptr, "SHA2-256", nullptr);
  if (!identity_of(certificate, sha256)) {
    state.SkipWithError("no identity");
  } else {
    for (auto _ : state) {
      benchmark::DoNotOptimize(identity_of(certificate, sha256));
    }
  }
  EVP_MD_free(sha256);
  X509_free(certificate);
}
BENCHMARK(read_identity)->Name("identity/identity_of");

}  // namespace
}  // namespace gateway::tls
