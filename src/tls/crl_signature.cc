#include "tls/crl_signature.h"

#include <openssl/err.h>
#include <openssl/rsa.h>

#include <array>

#include "tls/asn1_values.h"
#include "tls/openssl_error.h"
#include "tls/openssl_ptr.h"

namespace gateway::tls {
namespace {

using KeyContextPtr = Owned<EVP_PKEY_CTX, EVP_PKEY_CTX_free>;

const unsigned char* data_of(std::string_view bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}

// Collisions of these were made on common hardware: what they sign can be swapped.
bool is_broken(int digest) {
  return digest == NID_md2 || digest == NID_md4 || digest == NID_md5 || digest == NID_md5_sha1;
}

}  // namespace

core::Result<CrlSignature> CrlSignature::of(const CrlParts& parts, const X509_CRL* header) {
  const ASN1_BIT_STRING* bits = nullptr;
  const X509_ALGOR* algorithm = nullptr;
  X509_CRL_get0_signature(header, &bits, &algorithm);
  // RFC 5280 section 5.1.1.2. What the signature covers says how it is to be checked.
  if (parts.algorithm != parts.signed_algorithm) {
    return openssl_failure("a CRL with two different signature algorithms");
  }
  if ((bits->flags & ASN1_STRING_FLAG_BITS_LEFT) != 0 && (bits->flags & 0x07) != 0) {
    return openssl_failure("a CRL whose signature is no whole number of bytes");
  }
  CrlSignature made;
  made.algorithm_ = parts.algorithm;
  made.signature_ = bytes_of(bits);
  const ASN1_OBJECT* name = nullptr;
  X509_ALGOR_get0(&name, nullptr, nullptr, algorithm);
  const bool known = OBJ_find_sigid_algs(OBJ_obj2nid(name), &made.digest_, &made.key_type_) == 1;
  if (known && is_broken(made.digest_)) {
    return openssl_failure("a CRL signed with " + std::string(OBJ_nid2sn(made.digest_)));
  }
  const bool signs_a_digest =
      known && made.digest_ != NID_undef && (made.key_type_ == EVP_PKEY_RSA || made.key_type_ == EVP_PKEY_EC);
  if (!signs_a_digest) {
    made.digest_ = NID_undef;
    made.signed_ = parts.tbs;
    return made;
  }
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  const EVP_MD* md = EVP_get_digestbynid(made.digest_);
  if (md == nullptr || EVP_Digest(parts.tbs.data(), parts.tbs.size(), digest.data(), &size, md, nullptr) != 1) {
    return openssl_failure("a CRL with a digest that is not known");
  }
  made.signed_.assign(reinterpret_cast<const char*>(digest.data()), size);
  return made;
}

bool CrlSignature::is_by(EVP_PKEY* key, OSSL_LIB_CTX* library) const {
  const bool good =
      key != nullptr && (digest_ == NID_undef ? bytes_are_signed_by(key, library) : digest_is_signed_by(key, library));
  ERR_clear_error();
  return good;
}

bool CrlSignature::digest_is_signed_by(EVP_PKEY* key, OSSL_LIB_CTX* library) const {
  if (EVP_PKEY_get_base_id(key) != key_type_) return false;
  const KeyContextPtr context(EVP_PKEY_CTX_new_from_pkey(library, key, nullptr));
  if (!context || EVP_PKEY_verify_init(context.get()) != 1) return false;
  if (key_type_ == EVP_PKEY_RSA && EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_PKCS1_PADDING) != 1) return false;
  if (EVP_PKEY_CTX_set_signature_md(context.get(), EVP_get_digestbynid(digest_)) != 1) return false;
  return EVP_PKEY_verify(context.get(), data_of(signature_), signature_.size(), data_of(signed_), signed_.size()) == 1;
}

bool CrlSignature::bytes_are_signed_by(EVP_PKEY* key, OSSL_LIB_CTX* library) const {
  const unsigned char* at = data_of(algorithm_);
  const AlgorithmPtr algorithm(d2i_X509_ALGOR(nullptr, &at, static_cast<long>(algorithm_.size())));
  at = data_of(signed_);
  const Asn1TypePtr content(d2i_ASN1_TYPE(nullptr, &at, static_cast<long>(signed_.size())));
  const BitStringPtr signature(ASN1_BIT_STRING_new());
  if (!algorithm || !content || !signature) return false;
  if (ASN1_STRING_set(signature.get(), signature_.data(), static_cast<int>(signature_.size())) != 1) return false;
  return ASN1_item_verify_ex(ASN1_ITEM_rptr(ASN1_ANY), algorithm.get(), signature.get(), content.get(), nullptr, key,
                             library, nullptr) == 1;
}

}  // namespace gateway::tls
