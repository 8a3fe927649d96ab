#include "test_ocsp.h"

#include <cstdio>
#include <cstdlib>

namespace gateway::tls::test {
namespace {

using GeneralizedTimePtr = Owned<ASN1_GENERALIZEDTIME, ASN1_GENERALIZEDTIME_free>;

void require(bool good, const char* what) {
  if (good) return;
  std::fprintf(stderr, "test OCSP: %s\n", what);
  std::abort();
}

GeneralizedTimePtr generalized(std::chrono::sys_seconds time) {
  return GeneralizedTimePtr(ASN1_GENERALIZEDTIME_set(nullptr, time.time_since_epoch().count()));
}

Owned<X509_EXTENSION, X509_EXTENSION_free> unknown_critical() {
  return Owned<X509_EXTENSION, X509_EXTENSION_free>(
      X509V3_EXT_nconf(nullptr, nullptr, "1.3.6.1.4.1.99999.1", "critical,DER:0500"));
}

void add_single(OCSP_BASICRESP* response, const OcspSingleSpec& spec) {
  const OcspCertIdPtr id(OCSP_cert_to_id(EVP_sha1(), spec.subject->certificate.get(), spec.issuer->certificate.get()));
  const GeneralizedTimePtr from = generalized(spec.this_update);
  const GeneralizedTimePtr until = spec.next_update ? generalized(*spec.next_update) : nullptr;
  OCSP_SINGLERESP* single = OCSP_basic_add1_status(response, id.get(), spec.status, OCSP_REVOKED_STATUS_NOSTATUS,
                                                   from.get(), from.get(), until.get());
  require(single != nullptr, "single response");
  if (spec.critical_extension) require(OCSP_SINGLERESP_add_ext(single, unknown_critical().get(), -1) == 1, "extension");
}

void sign(OCSP_BASICRESP* response, const OcspSpec& spec) {
  for (const Issued* one : spec.certificates) {
    require(OCSP_basic_add1_cert(response, one->certificate.get()) == 1, "certificate");
  }
  const unsigned long flags = OCSP_NOCERTS | (spec.by_key ? static_cast<unsigned long>(OCSP_RESPID_KEY) : 0UL);
  const Owned<EVP_MD_CTX, EVP_MD_CTX_free> context(EVP_MD_CTX_new());
  EVP_PKEY_CTX* options = nullptr;
  const bool own_digest = EVP_PKEY_is_a(spec.signer->key.get(), "ED25519") == 1;
  require(EVP_DigestSignInit(context.get(), &options, own_digest ? nullptr : spec.digest, nullptr,
                             spec.signer->key.get()) == 1,
          "signing");
  if (spec.pss) require(EVP_PKEY_CTX_set_rsa_padding(options, RSA_PKCS1_PSS_PADDING) == 1, "PSS");
  require(OCSP_basic_sign_ctx(response, spec.signer->certificate.get(), context.get(), nullptr, flags) == 1, "sign");
}

}  // namespace

Der make_ocsp_response(const OcspSpec& spec, const std::vector<OcspSingleSpec>& answers) {
  const OcspBasicPtr basic(OCSP_BASICRESP_new());
  for (const OcspSingleSpec& answer : answers) add_single(basic.get(), answer);
  if (!spec.nonce.empty()) {
    std::string nonce = spec.nonce;
    require(OCSP_basic_add1_nonce(basic.get(), reinterpret_cast<unsigned char*>(nonce.data()),
                                  static_cast<int>(nonce.size())) == 1,
            "nonce");
    for (int i = 1; i < spec.nonces; ++i) {
      X509_EXTENSION* first = OCSP_BASICRESP_get_ext(basic.get(), 0);
      require(OCSP_BASICRESP_add_ext(basic.get(), first, -1) == 1, "nonce again");
    }
  }
  if (spec.critical_extension) {
    require(OCSP_BASICRESP_add_ext(basic.get(), unknown_critical().get(), -1) == 1, "extension");
  }
  sign(basic.get(), spec);
  const OcspResponsePtr response(OCSP_response_create(spec.response_status, basic.get()));
  unsigned char* raw = nullptr;
  const int size = i2d_OCSP_RESPONSE(response.get(), &raw);
  const OpensslBytes<unsigned char> owner(raw);
  require(size > 0, "encode");
  return {reinterpret_cast<const char*>(raw), static_cast<std::size_t>(size)};
}

Issued make_ocsp_delegate(const Issued& issuer) {
  return issue(
      {.common_name = "OCSP Delegate", .extended_key_usage = "OCSPSigning", .extensions = {{"noCheck", "ignored"}}},
      &issuer);
}

}  // namespace gateway::tls::test
