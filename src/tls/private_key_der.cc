#include "tls/private_key_der.h"

#include <openssl/decoder.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/x509.h>

namespace gateway::tls {
namespace {

using KeyInfoPtr = Owned<PKCS8_PRIV_KEY_INFO, PKCS8_PRIV_KEY_INFO_free>;
using DecoderPtr = Owned<OSSL_DECODER_CTX, OSSL_DECODER_CTX_free>;

// As OpenSSL's decoders call what a PKCS#8 structure names. Null: another kind of key, or no such structure.
const char* type_of(std::string_view der) {
  const auto* at = reinterpret_cast<const unsigned char*>(der.data());
  const KeyInfoPtr info(d2i_PKCS8_PRIV_KEY_INFO(nullptr, &at, static_cast<long>(der.size())));
  const ASN1_OBJECT* algorithm = nullptr;
  if (!info || PKCS8_pkey_get0(&algorithm, nullptr, nullptr, nullptr, info.get()) != 1) return nullptr;
  switch (OBJ_obj2nid(algorithm)) {
    case NID_X9_62_id_ecPublicKey:
      return "EC";
    case NID_rsaEncryption:
      return "RSA";
    case NID_rsassaPss:
      return "RSA-PSS";
    case NID_ED25519:
      return "ED25519";
    case NID_ED448:
      return "ED448";
    default:
      return nullptr;
  }
}

// OpenSSL tries every decoder that it has unless it is told what it will find: that takes four times as long.
PkeyPtr decode_as(const char* type, std::string_view der, OSSL_LIB_CTX* library) {
  EVP_PKEY* key = nullptr;
  const DecoderPtr decoder(
      OSSL_DECODER_CTX_new_for_pkey(&key, "DER", "PrivateKeyInfo", type, EVP_PKEY_KEYPAIR, library, nullptr));
  const auto* at = reinterpret_cast<const unsigned char*>(der.data());
  std::size_t left = der.size();
  if (!decoder || OSSL_DECODER_from_data(decoder.get(), &at, &left) != 1) return nullptr;
  PkeyPtr decoded(key);
  return left == 0 ? std::move(decoded) : nullptr;
}

PkeyPtr decode_any(std::string_view der, OSSL_LIB_CTX* library) {
  const auto* at = reinterpret_cast<const unsigned char*>(der.data());
  const auto* const end = at + der.size();
  PkeyPtr key(d2i_AutoPrivateKey_ex(nullptr, &at, static_cast<long>(der.size()), library, nullptr));
  return at == end ? std::move(key) : nullptr;
}

}  // namespace

PkeyPtr decode_private_key(std::string_view der, OSSL_LIB_CTX* library) {
  const char* type = type_of(der);
  PkeyPtr key = type != nullptr ? decode_as(type, der, library) : nullptr;
  if (!key) key = decode_any(der, library);
  ERR_clear_error();
  return key;
}

}  // namespace gateway::tls
