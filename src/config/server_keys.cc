#include "config/server_keys.h"

#include <fmt/format.h>

#include "config/quote.h"
#include "tls/private_key_file.h"

namespace gateway::config {
namespace {

std::vector<std::string> words_of(const CertificateConfig& config) {
  std::vector<std::string> words{config.certificate.value, config.key.value};
  if (config.passphrase) {
    words.push_back(config.passphrase->file.value);
    for (const Text& word : config.passphrase->command) words.push_back(word.value);
  }
  return words;
}

}  // namespace

core::SharedSecret ServerKeys::read(const CertificateConfig& config, const tls::Der& certificate) {
  const Text& path = config.key;
  if (path.value.empty()) return nullptr;
  std::vector<std::string> words = words_of(config);
  if (const auto known = known_.find(words); known != known_.end()) return known->second;
  core::SharedSecret key = open(config);
  if (!key || certificate.empty()) return nullptr;
  if (const auto matches = tls::check_key_matches(certificate, *key); !matches) {
    sink_.error(path.at, path.value,
                fmt::format("{} does not match the certificate: {}", in_quotes(path.value), matches.error().detail));
    return nullptr;
  }
  return known_.emplace(std::move(words), std::move(key)).first->second;
}

core::SharedSecret ServerKeys::open(const CertificateConfig& config) {
  const Text& path = config.key;
  core::SharedSecret passphrase;
  if (config.passphrase) {
    passphrase = passphrases_.read(*config.passphrase);
    if (!passphrase) return nullptr;
  }
  const auto content = files_.read(path.value);
  if (!content) {
    sink_.error(path.at, path.value, content.error());
    return nullptr;
  }
  auto key = tls::parse_private_key(**content, passphrase.get());
  if (!key) {
    sink_.error(path.at, path.value, fmt::format("{}: {}", in_quotes(path.value), key.error().detail));
    return nullptr;
  }
  if (is_readable_by_all(files_.absolute(path.value))) {
    sink_.warning(path.at, path.value,
                  fmt::format("private key {} is readable by every user; chmod 600 it", in_quotes(path.value)));
  }
  if (passphrase && !key->was_encrypted) {
    sink_.warning(
        path.at, path.value,
        fmt::format("private key {} is not encrypted, so its passphrase protects nothing", in_quotes(path.value)));
  }
  return std::make_shared<const core::Secret>(std::move(key->der));
}

}  // namespace gateway::config
