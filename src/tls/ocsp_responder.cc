#include "tls/ocsp_responder.h"

#include <openssl/asn1t.h>

#include "tls/asn1_values.h"
#include "tls/digest.h"
#include "tls/limits.h"
#include "tls/openssl_error.h"

namespace gateway::tls {
namespace {

constexpr int kMinSecurityBits = 112;  // as for client chains

std::unexpected<core::Error> refused(std::string_view what) {
  take_openssl_errors();
  return core::fail(core::Reason::ocsp_unavailable, core::Side::upstream, std::string(what));
}

// Whether the responder's name or key, as the response states it, is this certificate's.
bool is_named(const OCSP_BASICRESP* response, const X509* certificate) {
  const ASN1_OCTET_STRING* key_hash = nullptr;
  const X509_NAME* name = nullptr;
  if (OCSP_resp_get0_id(response, &key_hash, &name) != 1) return false;
  if (name != nullptr) return X509_NAME_cmp(name, X509_get_subject_name(certificate)) == 0;
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  if (X509_pubkey_digest(certificate, EVP_sha1(), digest, &size) != 1) return false;
  return bytes_of(key_hash) == std::string_view(reinterpret_cast<const char*>(digest), size);
}

int digest_of_pss(const X509_ALGOR* algorithm) {
  const void* value = nullptr;
  int type = V_ASN1_UNDEF;
  X509_ALGOR_get0(nullptr, &type, &value, algorithm);
  if (type != V_ASN1_SEQUENCE) return NID_undef;
  const auto* sequence = static_cast<const ASN1_STRING*>(value);
  const unsigned char* at = ASN1_STRING_get0_data(sequence);
  const PssParametersPtr pss(d2i_RSA_PSS_PARAMS(nullptr, &at, ASN1_STRING_length(sequence)));
  if (!pss || pss->hashAlgorithm == nullptr) return NID_undef;  // absent: SHA-1
  const ASN1_OBJECT* digest = nullptr;
  X509_ALGOR_get0(&digest, nullptr, nullptr, pss->hashAlgorithm);
  return OBJ_obj2nid(digest);
}

// A closed list: whoever finds a collision could otherwise have a responder sign another answer unknowingly.
bool is_strong(const X509_ALGOR* algorithm) {
  const ASN1_OBJECT* object = nullptr;
  X509_ALGOR_get0(&object, nullptr, nullptr, algorithm);
  const int signature = OBJ_obj2nid(object);
  int digest = NID_undef;
  if (signature == NID_ED25519 || signature == NID_ED448) return true;
  if (signature == NID_rsassaPss) {
    digest = digest_of_pss(algorithm);
  } else if (OBJ_find_sigid_algs(signature, &digest, nullptr) != 1) {
    return false;
  }
  switch (digest) {
    case NID_sha256:
    case NID_sha384:
    case NID_sha512:
    case NID_sha3_256:
    case NID_sha3_384:
    case NID_sha3_512:
      return true;
    default:
      return false;
  }
}

bool has_signed(X509* certificate, OCSP_BASICRESP* response) {
  EVP_PKEY* key = X509_get0_pubkey(certificate);
  if (key == nullptr || EVP_PKEY_get_security_bits(key) < kMinSecurityBits) return false;
  return ASN1_item_verify(ASN1_ITEM_rptr(OCSP_RESPDATA), OCSP_resp_get0_tbs_sigalg(response),
                          OCSP_resp_get0_signature(response), OCSP_resp_get0_respdata(response), key) == 1;
}

std::string_view fault_of_times(const X509* certificate, std::chrono::sys_seconds now) {
  const auto not_before = time_of(X509_get0_notBefore(certificate));
  const auto not_after = time_of(X509_get0_notAfter(certificate));
  if (!not_before || !not_after) return "the responder's certificate has a validity that can't be read";
  if (now < *not_before) return "the responder's certificate is not yet valid";
  return now > *not_after ? "the responder's certificate has expired" : "";
}

OcspSigner signer_of(const X509* certificate) {
  // An end that can't be read has passed.
  const auto not_after = time_of(X509_get0_notAfter(certificate));
  return {.not_after = not_after.value_or(std::chrono::sys_seconds{}), .delegate = std::nullopt};
}

// RFC 6960 section 4.2.2.2: issued directly by the CA of the certificate in question, and for this purpose in so many
// words: anyExtendedKeyUsage is not enough, and every client certificate of that CA would otherwise do.
std::string_view fault_of_delegate(X509* delegate, X509* issuer, std::chrono::sys_seconds now) {
  // Fills in what the getters below report.
  if (X509_check_purpose(delegate, -1, 0) != 1) return "the delegate's certificate can't be read";
  const std::uint32_t flags = X509_get_extension_flags(delegate);
  if ((flags & (EXFLAG_INVALID | EXFLAG_CRITICAL)) != 0) return "the delegate's certificate has an unknown extension";
  // Without the extension the getter reports every bit.
  if ((flags & EXFLAG_XKUSAGE) == 0 || (X509_get_extended_key_usage(delegate) & XKU_OCSP_SIGN) == 0) {
    return "the signer's certificate is not for OCSP signing";
  }
  if ((X509_get_key_usage(delegate) & KU_DIGITAL_SIGNATURE) == 0) return "the delegate's key may not sign";
  if (X509_NAME_cmp(X509_get_issuer_name(delegate), X509_get_subject_name(issuer)) != 0) {
    return "the delegate was named by another issuer";
  }
  int security_bits = 0;
  if (X509_get_signature_info(delegate, nullptr, nullptr, &security_bits, nullptr) != 1 ||
      security_bits < kMinSecurityBits || X509_verify(delegate, X509_get0_pubkey(issuer)) != 1) {
    return "the delegate's certificate was not signed by the issuer";
  }
  return fault_of_times(delegate, now);
}

core::Result<OcspSigner> check_delegates(OCSP_BASICRESP* response, X509* issuer, std::chrono::sys_seconds now) {
  const STACK_OF(X509)* certificates = OCSP_resp_get0_certs(response);
  const int count = certificates == nullptr ? 0 : sk_X509_num(certificates);
  if (count > kMaxOcspCertificates) return refused("a response with too many certificates");
  std::string_view fault = "nobody who may answer has signed it";
  for (int i = 0; i < count; ++i) {
    X509* delegate = sk_X509_value(certificates, i);
    if (!is_named(response, delegate)) continue;
    fault = fault_of_delegate(delegate, issuer, now);
    if (!fault.empty()) continue;
    if (!has_signed(delegate, response)) {
      fault = "a bad signature";
      continue;
    }
    OcspSigner signer = signer_of(delegate);
    signer.delegate = OcspDelegate{.fingerprint = sha256({der_of(delegate)}),
                                   .serial = serial_bytes_of(X509_get0_serialNumber(delegate))};
    return signer;
  }
  return refused(fault);
}

}  // namespace

core::Result<OcspSigner> check_ocsp_signer(OCSP_BASICRESP* response, X509* issuer, X509* responder,
                                           std::chrono::sys_seconds now) {
  if (!is_strong(OCSP_resp_get0_tbs_sigalg(response))) return refused("a signature that is too weak");
  X509* const direct = responder != nullptr ? responder : issuer;
  if (is_named(response, direct) && has_signed(direct, response)) {
    // Whether the issuer is valid at this time is the chain's affair.
    const std::string_view fault = responder != nullptr ? fault_of_times(responder, now) : "";
    return fault.empty() ? core::Result<OcspSigner>(signer_of(direct)) : refused(fault);
  }
  if (responder != nullptr) return refused("the configured responder has not signed it");
  return check_delegates(response, issuer, now);
}

}  // namespace gateway::tls
