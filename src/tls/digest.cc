#include "tls/digest.h"

#include <cstdlib>

#include "tls/openssl_ptr.h"

namespace gateway::tls {

core::Sha256 sha256(const EVP_MD* md, std::initializer_list<std::string_view> parts) {
  const DigestContextPtr context(EVP_MD_CTX_new());
  core::Sha256 digest{};
  if (!context || md == nullptr || EVP_DigestInit_ex2(context.get(), md, nullptr) != 1) std::abort();
  for (const std::string_view part : parts) {
    if (EVP_DigestUpdate(context.get(), part.data(), part.size()) != 1) std::abort();
  }
  if (EVP_DigestFinal_ex(context.get(), digest.data(), nullptr) != 1) std::abort();
  return digest;
}

core::Sha256 sha256(std::initializer_list<std::string_view> parts) {
  static const DigestPtr md(EVP_MD_fetch(nullptr, "SHA256", nullptr));
  return sha256(md.get(), parts);
}

FieldDigest& FieldDigest::add(std::string_view field) {
  add(static_cast<std::uint64_t>(field.size()));
  bytes_ += field;
  return *this;
}

FieldDigest& FieldDigest::add(std::uint64_t number) {
  for (int shift = 56; shift >= 0; shift -= 8) bytes_ += static_cast<char>(number >> shift & 0xff);
  return *this;
}

core::Sha256 FieldDigest::finish() const {
  return sha256({bytes_});
}

}  // namespace gateway::tls
