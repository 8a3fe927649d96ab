#include "tls/private_key_file.h"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>

#include <cstring>

#include "tls/asn1_values.h"
#include "tls/key_type.h"
#include "tls/openssl_error.h"
#include "tls/pem_blocks.h"
#include "tls/private_key_der.h"

namespace gateway::tls {
namespace {

using SealedKeyPtr = Owned<X509_SIG, X509_SIG_free>;
using KeyInfoPtr = Owned<PKCS8_PRIV_KEY_INFO, PKCS8_PRIV_KEY_INFO_free>;

std::unexpected<core::Error> failure(std::string what) {
  ERR_clear_error();
  return core::fail(core::Reason::internal, core::Side::gateway, std::move(what));
}

PkeyPtr key_of(std::string_view der) {
  return decode_private_key(der, nullptr);
}

// PKCS#8 "EncryptedPrivateKeyInfo", which has no mark but its shape.
SealedKeyPtr sealed_key_of(std::string_view der) {
  const auto* at = reinterpret_cast<const unsigned char*>(der.data());
  SealedKeyPtr sealed(d2i_X509_SIG(nullptr, &at, static_cast<long>(der.size())));
  ERR_clear_error();
  return sealed;
}

std::unexpected<core::Error> no_passphrase() {
  return failure("the private key is encrypted, and it has no 'passphrase'");
}

// A wrong passphrase shows as garbage; a cipher or derivation that isn't there (old ones: RC2, DES, MD5) shows at once.
std::unexpected<core::Error> cannot_open() {
  bool unsupported = false;
  while (const unsigned long code = ERR_get_error()) {
    const int reason = ERR_GET_REASON(code);
    unsupported = unsupported || reason == ERR_R_UNSUPPORTED ||
                  (ERR_GET_LIB(code) == ERR_LIB_PEM && reason == PEM_R_UNSUPPORTED_ENCRYPTION) ||
                  (ERR_GET_LIB(code) == ERR_LIB_EVP &&
                   (reason == EVP_R_UNKNOWN_PBE_ALGORITHM || reason == EVP_R_UNSUPPORTED_ALGORITHM ||
                    reason == EVP_R_UNKNOWN_CIPHER || reason == EVP_R_UNSUPPORTED_CIPHER));
  }
  return failure(unsupported ? "the private key is encrypted in an old way that OpenSSL no longer opens; encrypt it "
                               "again ('openssl pkcs8 -topk8 -v2 aes-256-cbc')"
                             : "the passphrase does not open the private key");
}

core::Result<PrivateKey> as_pkcs8(const EVP_PKEY* key, bool was_encrypted) {
  const KeyInfoPtr info(EVP_PKEY2PKCS8(key));
  unsigned char* raw = nullptr;
  const int size = info ? i2d_PKCS8_PRIV_KEY_INFO(info.get(), &raw) : 0;
  const OpensslBytes<unsigned char> owner(raw);
  if (size <= 0) return failure("no memory for the private key");
  const std::string_view der(reinterpret_cast<const char*>(raw), static_cast<std::size_t>(size));
  PrivateKey made{.der = core::Secret(der), .was_encrypted = was_encrypted};
  core::wipe(raw, static_cast<std::size_t>(size));
  return made;
}

core::Result<PrivateKey> opened(std::string_view der) {
  const PkeyPtr key = key_of(der);
  if (!key) return failure("the passphrase does not open the private key");
  return as_pkcs8(key.get(), true);
}

core::Result<PrivateKey> open_pkcs8(const X509_SIG* sealed, const core::Secret* passphrase) {
  if (passphrase == nullptr) return no_passphrase();
  const std::string_view text = passphrase->view();
  ERR_clear_error();
  const KeyInfoPtr info(PKCS8_decrypt(sealed, text.data(), static_cast<int>(text.size())));
  if (!info) return cannot_open();
  unsigned char* raw = nullptr;
  const int size = i2d_PKCS8_PRIV_KEY_INFO(info.get(), &raw);
  const OpensslBytes<unsigned char> owner(raw);
  if (size <= 0) return failure("no memory for the private key");
  auto key = opened({reinterpret_cast<const char*>(raw), static_cast<std::size_t>(size)});
  core::wipe(raw, static_cast<std::size_t>(size));
  return key;
}

int give_passphrase(char* buffer, int capacity, int /*for_writing*/, void* user) {
  const std::string_view text = static_cast<const core::Secret*>(user)->view();
  if (text.size() > static_cast<std::size_t>(capacity)) return -1;
  std::memcpy(buffer, text.data(), text.size());
  return static_cast<int>(text.size());
}

core::Result<PrivateKey> open_traditional(PemBlock& block, const core::Secret* passphrase) {
  if (passphrase == nullptr) return no_passphrase();
  EVP_CIPHER_INFO cipher{};
  ERR_clear_error();
  if (PEM_get_EVP_CIPHER_INFO(block.header.data(), &cipher) != 1) return cannot_open();
  long size = static_cast<long>(block.der.size());
  auto* bytes = reinterpret_cast<unsigned char*>(block.der.data());
  if (PEM_do_header(&cipher, bytes, &size, &give_passphrase, const_cast<core::Secret*>(passphrase)) != 1)
    return cannot_open();
  return opened(std::string_view(block.der).substr(0, static_cast<std::size_t>(size)));
}

core::Result<PrivateKey> key_from_der(std::string_view der, const core::Secret* passphrase) {
  if (const PkeyPtr key = key_of(der)) return as_pkcs8(key.get(), false);
  if (const SealedKeyPtr sealed = sealed_key_of(der)) return open_pkcs8(sealed.get(), passphrase);
  return failure("the private key can't be parsed");
}

}  // namespace

core::Result<PrivateKey> parse_private_key(std::string_view bytes, const core::Secret* passphrase) {
  if (!looks_like_pem(bytes)) return key_from_der(bytes, passphrase);
  auto blocks = parse_pem(bytes);
  if (!blocks) return std::unexpected(std::move(blocks.error()));
  core::Result<PrivateKey> key = failure("no PRIVATE KEY block in the file");
  bool found = false;
  for (PemBlock& block : *blocks) {
    if (!found && block.label.ends_with("PRIVATE KEY")) {
      found = true;
      const bool is_traditional = block.header.find("ENCRYPTED") != std::string::npos;
      key = is_traditional ? open_traditional(block, passphrase) : key_from_der(block.der, passphrase);
    }
    core::wipe(block.der.data(), block.der.size());
  }
  return key;
}

core::Result<bool> check_key_matches(const Der& certificate, const core::Secret& private_key) {
  const X509Ptr parsed = parse_certificate(certificate, nullptr);
  const PkeyPtr key = key_of(private_key.view());
  if (!parsed || !key) return failure("the certificate or its private key can't be parsed");
  if (X509_check_private_key(parsed.get(), key.get()) != 1) return failure("the private key is not the certificate's");
  return check_key_strength(key.get());
}

}  // namespace gateway::tls
