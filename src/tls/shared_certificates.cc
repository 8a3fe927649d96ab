#include "tls/shared_certificates.h"

#include <dlfcn.h>

#include "tls/asn1_values.h"
#include "tls/connection_state.h"
#include "tls/digest.h"

namespace gateway::tls {
namespace {

thread_local SharedCertificates* in_use = nullptr;

using Parse = decltype(&::d2i_X509);

X509* parse_by_template(X509** certificate, const unsigned char** bytes, long size) {
  return reinterpret_cast<X509*>(
      ASN1_item_d2i(reinterpret_cast<ASN1_VALUE**>(certificate), bytes, size, ASN1_ITEM_rptr(X509)));
}

// OpenSSL's own, which ours stands in front of; null if the dynamic linker knows none.
Parse openssl_parse() {
  static const auto parse = reinterpret_cast<Parse>(dlsym(RTLD_NEXT, "d2i_X509"));
  return parse;
}

}  // namespace

bool SharedCertificates::works() {
  return openssl_parse() != nullptr && reinterpret_cast<Parse>(dlsym(RTLD_DEFAULT, "d2i_X509")) == &::d2i_X509;
}

SharedCertificates::Use::Use(SharedCertificates& table) : before_(in_use) {
  in_use = &table;
}

SharedCertificates::Use::~Use() {
  in_use = before_;
}

X509* SharedCertificates::find(std::string_view der) {
  const Kept* kept = certificates_.find(sha256(sha256_, {der}));
  const bool known = kept != nullptr && kept->der == der;
  ++(known ? counts_.shared : counts_.parsed);
  return known ? kept->certificate.get() : nullptr;
}

void SharedCertificates::keep(X509* certificate) {
  if (fingerprints_.contains(certificate)) return;
  Der der = der_of(certificate);
  if (der.empty() || X509_up_ref(certificate) != 1) return;
  X509Ptr owned(certificate);
  const core::Sha256 fingerprint = sha256(sha256_, {der});
  // Two handshakes have parsed it before one of them verified.
  if (certificates_.find(fingerprint) != nullptr) return;
  certificates_.put(fingerprint, {.der = std::move(der), .certificate = std::move(owned)},
                    [this](const Kept& gone) { fingerprints_.erase(gone.certificate.get()); });
  fingerprints_.emplace(certificate, fingerprint);
}

core::Sha256 SharedCertificates::fingerprint_of(const X509* certificate) const {
  const auto found = fingerprints_.find(certificate);
  return found != fingerprints_.end() ? found->second : sha256(sha256_, {der_of(certificate)});
}

}  // namespace gateway::tls

// Takes the place of libcrypto's for the whole program: see SharedCertificates.
extern "C" X509* d2i_X509(X509** certificate, const unsigned char** bytes, long size) {
  using gateway::tls::SharedCertificates;
  SharedCertificates* const table = gateway::tls::in_use;
  if (table != nullptr && certificate != nullptr && *certificate != nullptr && size > 0) {
    X509* const known = gateway::tls::guarded(static_cast<X509*>(nullptr), [&] {
      return table->find({reinterpret_cast<const char*>(*bytes), static_cast<std::size_t>(size)});
    });
    if (known != nullptr && X509_up_ref(known) == 1) {
      X509_free(*certificate);
      *certificate = known;
      *bytes += size;
      return known;
    }
  }
  const auto parse = gateway::tls::openssl_parse();
  return parse != nullptr ? parse(certificate, bytes, size) : gateway::tls::parse_by_template(certificate, bytes, size);
}
