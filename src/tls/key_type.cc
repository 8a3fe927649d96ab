#include "tls/key_type.h"

#include <fmt/format.h>

#include <array>
#include <string_view>
#include <utility>

namespace gateway::tls {
namespace {

constexpr int kMinRsaBits = 2048;
constexpr int kMinSecurityBits = 112;

constexpr std::array<std::pair<const char*, const char*>, 5> kTypes{
    {{"EC", "ECDSA"}, {"RSA", "RSA"}, {"RSA-PSS", "RSA-PSS"}, {"ED25519", "Ed25519"}, {"ED448", "Ed448"}}};

std::unexpected<core::Error> failure(std::string what) {
  return core::fail(core::Reason::internal, core::Side::gateway, std::move(what));
}

}  // namespace

std::string key_type_of(const EVP_PKEY* key) {
  for (const auto& [openssl_name, name] : kTypes) {
    if (EVP_PKEY_is_a(key, openssl_name) == 1) return name;
  }
  return {};
}

core::Result<bool> check_key_strength(const EVP_PKEY* key) {
  const int bits = EVP_PKEY_get_bits(key);
  if (key_type_of(key).starts_with("RSA") && bits < kMinRsaBits) {
    return failure(fmt::format("the RSA key has {} bits, at least {} are needed", bits, kMinRsaBits));
  }
  if (EVP_PKEY_get_security_bits(key) < kMinSecurityBits) {
    return failure(fmt::format("the key has {} bits of security, at least {} are needed",
                               EVP_PKEY_get_security_bits(key), kMinSecurityBits));
  }
  return true;
}

}  // namespace gateway::tls
