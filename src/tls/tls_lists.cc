#include "tls/tls_lists.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <span>

#include "tls/openssl_error.h"
#include "tls/openssl_ptr.h"
#include "tls/tls_settings.h"

namespace gateway::tls {
namespace {

std::unexpected<core::Error> rejected(std::string why) {
  take_openssl_errors();
  return core::fail(core::Reason::internal, core::Side::gateway, std::move(why));
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return out;
}

bool is_one_of(std::span<const std::string_view> names, std::string_view name) {
  const std::string folded = lower(name);
  return std::ranges::any_of(names, [&](std::string_view known) { return lower(known) == folded; });
}

// Every cipher suite that OpenSSL was built with, whatever the security level.
SslContextPtr context_of_everything() {
  SslContextPtr context(SSL_CTX_new(TLS_server_method()));
  if (!context) return nullptr;
  SSL_CTX_set_security_level(context.get(), 0);
  if (SSL_CTX_set_cipher_list(context.get(), "ALL:COMPLEMENTOFALL") != 1 ||
      SSL_CTX_set_ciphersuites(context.get(),
                               "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:"
                               "TLS_AES_128_CCM_SHA256:TLS_AES_128_CCM_8_SHA256") != 1) {
    return nullptr;
  }
  return context;
}

bool is_tls13(const SSL_CIPHER* cipher) {
  return std::string_view(SSL_CIPHER_get_version(cipher)) == "TLSv1.3";
}

std::string weakness_of(const SSL_CIPHER* cipher) {
  const std::string_view name = SSL_CIPHER_get_name(cipher);
  if (SSL_CIPHER_get_bits(cipher, nullptr) == 0) return "it does not encrypt";
  // Before the key: newer OpenSSL counts the tag's bits as the key's.
  if (name.find("CCM8") != std::string_view::npos || name.find("CCM_8") != std::string_view::npos) {
    return "its integrity tag has 64 bits only";
  }
  if (SSL_CIPHER_get_bits(cipher, nullptr) < 128) return "its key has fewer than 128 bits";
  if (SSL_CIPHER_is_aead(cipher) != 1) return "it is no AEAD (CBC and stream ciphers without one have been broken)";
  if (is_tls13(cipher)) return {};
  const int authentication = SSL_CIPHER_get_auth_nid(cipher);
  if (authentication != NID_auth_rsa && authentication != NID_auth_ecdsa) {
    return "the server would not be authenticated by an RSA or ECDSA certificate";
  }
  const int exchange = SSL_CIPHER_get_kx_nid(cipher);
  if (exchange == NID_kx_rsa) return "it has no forward secrecy (static RSA)";
  if (exchange != NID_kx_ecdhe) return "its key exchange is not ECDHE (DHE is a way to exhaust a server's CPU)";
  return {};
}

core::Result<std::string> check_suite(std::string_view name, bool tls13) {
  const std::string_view kind = tls13 ? "TLS 1.3 cipher suite" : "TLS 1.2 cipher suite";
  const SslContextPtr context = context_of_everything();
  if (!context) return openssl_failure("the cipher suites of this OpenSSL can't be listed");
  const STACK_OF(SSL_CIPHER)* all = SSL_CTX_get_ciphers(context.get());
  for (int i = 0; i < sk_SSL_CIPHER_num(all); ++i) {
    const SSL_CIPHER* cipher = sk_SSL_CIPHER_value(all, i);
    const char* standard = SSL_CIPHER_standard_name(cipher);
    if (name != SSL_CIPHER_get_name(cipher) && (standard == nullptr || name != standard)) continue;
    if (is_tls13(cipher) != tls13) {
      return rejected(tls13 ? "it belongs to TLS 1.2, so to 'ciphers'"
                            : "it belongs to TLS 1.3, so to 'cipher_suites'");
    }
    if (std::string weakness = weakness_of(cipher); !weakness.empty()) {
      return rejected("refused in every profile: " + weakness);
    }
    return std::string(SSL_CIPHER_get_name(cipher));
  }
  if (!tls13 && (name.find_first_of("!+@:") != std::string_view::npos || name.starts_with('-') ||
                 SSL_CTX_set_cipher_list(context.get(), std::string(name).c_str()) == 1)) {
    return rejected("it is no single cipher suite; expressions are not taken, name each suite");
  }
  return rejected(fmt::format("this OpenSSL knows no {} of this name", kind));
}

// At least 128 bits, and no finite fields: those are slow, and a way to exhaust a server's CPU (CVE-2002-20001).
constexpr std::array<std::string_view, 21> kStrongGroups{"X25519",
                                                         "X448",
                                                         "P-256",
                                                         "prime256v1",
                                                         "secp256r1",
                                                         "P-384",
                                                         "secp384r1",
                                                         "P-521",
                                                         "secp521r1",
                                                         "brainpoolP256r1",
                                                         "brainpoolP384r1",
                                                         "brainpoolP512r1",
                                                         "brainpoolP256r1tls13",
                                                         "brainpoolP384r1tls13",
                                                         "brainpoolP512r1tls13",
                                                         "X25519MLKEM768",
                                                         "SecP256r1MLKEM768",
                                                         "SecP384r1MLKEM1024",
                                                         "MLKEM512",
                                                         "MLKEM768",
                                                         "MLKEM1024"};

constexpr std::array<std::string_view, 27> kStrongSignatures{"ecdsa_secp256r1_sha256",
                                                             "ecdsa_secp384r1_sha384",
                                                             "ecdsa_secp521r1_sha512",
                                                             "ecdsa_brainpoolP256r1tls13_sha256",
                                                             "ecdsa_brainpoolP384r1tls13_sha384",
                                                             "ecdsa_brainpoolP512r1tls13_sha512",
                                                             "ed25519",
                                                             "ed448",
                                                             "rsa_pss_rsae_sha256",
                                                             "rsa_pss_rsae_sha384",
                                                             "rsa_pss_rsae_sha512",
                                                             "rsa_pss_pss_sha256",
                                                             "rsa_pss_pss_sha384",
                                                             "rsa_pss_pss_sha512",
                                                             "rsa_pkcs1_sha256",
                                                             "rsa_pkcs1_sha384",
                                                             "rsa_pkcs1_sha512",
                                                             "mldsa44",
                                                             "mldsa65",
                                                             "mldsa87",
                                                             "ECDSA+SHA256",
                                                             "ECDSA+SHA384",
                                                             "ECDSA+SHA512",
                                                             "RSA+SHA256",
                                                             "RSA+SHA384",
                                                             "RSA+SHA512",
                                                             "RSA-PSS+SHA256"};

// One name alone, so that no list syntax of a newer OpenSSL ("*", "/", "DEFAULT") gets through.
bool has_group(SSL_CTX* context, std::string_view name) {
  const bool known = SSL_CTX_set1_groups_list(context, std::string(name).c_str()) == 1;
  take_openssl_errors();
  return known;
}

std::string joined(const std::vector<std::string>& names) {
  return fmt::format("{}", fmt::join(names, ":"));
}

}  // namespace

core::Result<std::string> check_cipher(std::string_view name) {
  return check_suite(name, false);
}

core::Result<std::string> check_cipher_suite(std::string_view name) {
  return check_suite(name, true);
}

core::Result<std::string> check_group(std::string_view name) {
  const bool optional = name.starts_with('?');
  const std::string_view group = name.substr(optional ? 1 : 0);
  const SslContextPtr context(SSL_CTX_new(TLS_server_method()));
  if (!context) return openssl_failure("no TLS context");
  // OpenSSL 3.5 takes a list's own words, too.
  const bool plain = !group.starts_with('-') && group != "DEFAULT" &&
                     group.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") ==
                         std::string_view::npos &&
                     !group.empty();
  if (!is_one_of(kStrongGroups, group)) {
    if (lower(group).starts_with("ffdhe")) {
      return rejected("refused in every profile: a finite field is a way to exhaust a server's CPU");
    }
    return rejected(plain && has_group(context.get(), group)
                        ? "refused in every profile: it gives fewer than 128 bits of security, or isn't known to"
                        : "this OpenSSL knows no group of this name");
  }
  if (!optional && !has_group(context.get(), group)) {
    return rejected(fmt::format("this OpenSSL does not have it; write '?{}' for where it does", group));
  }
  return std::string(name);
}

core::Result<std::string> check_signature_algorithm(std::string_view name) {
  const std::string folded = lower(name);
  const auto contains = [&](std::string_view part) { return folded.find(part) != std::string::npos; };
  if (contains("sha1") || contains("md5") || contains("sha224")) {
    return rejected("refused in every profile: its digest is broken or too short");
  }
  if (folded.starts_with("dsa")) return rejected("refused in every profile: DSA is out of use");
  const SslContextPtr context(SSL_CTX_new(TLS_server_method()));
  if (!context) return openssl_failure("no TLS context");
  if (!is_one_of(kStrongSignatures, name) || SSL_CTX_set1_sigalgs_list(context.get(), std::string(name).c_str()) != 1) {
    return rejected("this OpenSSL knows no signature algorithm of this name");
  }
  return std::string(name);
}

std::string available_groups(const std::vector<std::string>& groups, SSL_CTX* context) {
  std::vector<std::string> there;
  for (const std::string& group : groups) {
    const std::string name = group.substr(group.starts_with('?') ? 1 : 0);
    if (!group.starts_with('?') || has_group(context, name)) there.push_back(name);
  }
  return joined(there);
}

core::Result<bool> use_settings(SSL_CTX* context, const TlsSettings& settings) {
  const auto number = [](ProtocolVersion version) {
    return version == ProtocolVersion::tls12 ? TLS1_2_VERSION : TLS1_3_VERSION;
  };
  // A host of TLS 1.3 alone may name no suites of 1.2: OpenSSL wants some, and its versions keep them out of use.
  if (!settings.ciphers.empty() && SSL_CTX_set_cipher_list(context, joined(settings.ciphers).c_str()) != 1) {
    return openssl_failure("the ciphers are not available");
  }
  if (SSL_CTX_set_ciphersuites(context, joined(settings.cipher_suites).c_str()) != 1) {
    return openssl_failure("the cipher suites are not available");
  }
  if (SSL_CTX_set1_groups_list(context, available_groups(settings.groups, context).c_str()) != 1) {
    return openssl_failure("the groups are not available");
  }
  if (SSL_CTX_set1_sigalgs_list(context, joined(settings.signature_algorithms).c_str()) != 1) {
    return openssl_failure("the signature algorithms are not available");
  }
  if (SSL_CTX_set_min_proto_version(context, number(settings.min_version)) != 1 ||
      SSL_CTX_set_max_proto_version(context, number(settings.max_version)) != 1) {
    return openssl_failure("the TLS versions are not available");
  }
  return true;
}

}  // namespace gateway::tls
