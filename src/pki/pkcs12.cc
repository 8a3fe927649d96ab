#include "pki/pkcs12.h"

#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <limits>
#include <tuple>

namespace gateway::pki {
namespace {

constexpr std::size_t kMaxPasswordBytes = 256;
// Of PBKDF2-SHA256 and of the MAC: what OWASP asks for, and what a person's own password needs.
constexpr int kIterations = 600'000;
constexpr int kSaltBytes = 16;

void free_certificates(STACK_OF(X509) * certificates) noexcept {
  sk_X509_pop_free(certificates, X509_free);
}
using CertificatesPtr = OpensslPtr<STACK_OF(X509), free_certificates>;
using BundlePtr = OpensslPtr<PKCS12, PKCS12_free>;

// Every certificate of `pem`, in its order.
Result<CertificatesPtr> certificates_of(std::string_view pem, const std::filesystem::path& file) {
  CertificatesPtr all(sk_X509_new_null());
  if (!all || pem.size() > static_cast<std::size_t>(std::numeric_limits<int>::max()))
    return refuse("is too large", file);
  const BioPtr bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  while (X509Ptr certificate{bio ? PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr) : nullptr}) {
    if (sk_X509_push(all.get(), certificate.get()) <= 0) return openssl_failure("cannot be read", file);
    static_cast<void>(certificate.release());
  }
  const auto error = ERR_peek_last_error();
  const bool at_end = ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
  if (!at_end) return openssl_failure("holds a certificate that can't be read", file);
  ERR_clear_error();
  if (sk_X509_num(all.get()) == 0) return refuse("holds no certificate", file);
  return all;
}

}  // namespace

Result<std::string> generate_password() {
  constexpr std::string_view kAlphabet = "ABCDEFGHJKMNPQRSTVWXYZ0123456789";  // 32, without I, L, O and U
  constexpr std::size_t kGroups = 6;
  constexpr std::size_t kGroupBytes = 4;
  std::array<unsigned char, kGroups * kGroupBytes> random{};
  if (RAND_priv_bytes(random.data(), random.size()) != 1) return openssl_failure("cannot draw a password");
  std::string password;
  for (std::size_t i = 0; i < random.size(); ++i) {
    if (i > 0 && i % kGroupBytes == 0) password += '-';
    password += kAlphabet[random[i] % kAlphabet.size()];
  }
  return password;
}

Result<Done> check_password(std::string_view password) {
  if (password.empty()) return refuse("there is no password");
  if (password.size() > kMaxPasswordBytes) return refuse("a password has at most 256 bytes");
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; };
  if (std::ranges::any_of(password, is_control)) return refuse("a password has no control bytes");
  return Done{};
}

Result<std::string> make_bundle(std::string_view chain_pem, EVP_PKEY* key, std::string_view name,
                                std::string_view password, BundleCipher cipher, const std::filesystem::path& file) {
  TRY(std::ignore, check_password(password));
  TRY(const CertificatesPtr certificates, certificates_of(chain_pem, file));
  const X509Ptr own(sk_X509_shift(certificates.get()));
  if (X509_check_private_key(own.get(), key) != 1) return openssl_failure("is not the certificate of this key", file);
  const bool modern = cipher == BundleCipher::modern;
  const int algorithm = modern ? NID_aes_256_cbc : NID_pbe_WithSHA1And3_Key_TripleDES_CBC;
  const std::string secret(password);
  const std::string shown(name);
  constexpr int kNoMac = -1;  // that of PKCS12_create() takes a digest that depends on the library's version
  const BundlePtr bundle(PKCS12_create(secret.c_str(), shown.c_str(), key, own.get(), certificates.get(), algorithm,
                                       algorithm, kIterations, kNoMac, 0));
  if (!bundle || PKCS12_set_mac(bundle.get(), secret.c_str(), -1, nullptr, kSaltBytes, kIterations,
                                modern ? EVP_sha256() : EVP_sha1()) != 1) {
    return openssl_failure("cannot make a PKCS#12 bundle");
  }
  const BioPtr bio(BIO_new(BIO_s_mem()));
  if (!bio || i2d_PKCS12_bio(bio.get(), bundle.get()) != 1) return openssl_failure("cannot write a PKCS#12 bundle");
  return bytes_of(bio.get());
}

}  // namespace gateway::pki
