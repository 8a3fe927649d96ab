#include "config/server_keys.h"

#include <fmt/format.h>

#include "config/quote.h"
#include "tls/digest.h"
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

bool ServerKeys::read(const CertificateConfig& config, const tls::Der& certificate, tls::ServerCertificate& target) {
  if (!tls::is_token_uri(config.key.value)) {
    target.private_key = read_file(config, certificate);
    return target.private_key != nullptr;
  }
  target.token_key = read_token(config, certificate);
  return target.token_key != nullptr;
}

core::SharedSecret ServerKeys::read_file(const CertificateConfig& config, const tls::Der& certificate) {
  const Text& path = config.key;
  if (path.value.empty()) return nullptr;
  std::vector<std::string> words = words_of(config);
  if (const auto known = known_.find(words); known != known_.end()) return known->second;
  const auto content = files_.read(path.value);
  if (!content) {
    sink_.error(path.at, path.value, content.error());
    return nullptr;
  }
  // Opening an encrypted one is the passphrase's to allow, each time.
  FileMemory* memory = config.passphrase ? nullptr : memory_;
  const core::Sha256 digest = memory != nullptr ? digest_of(files_.digest(path.value), certificate) : core::Sha256{};
  core::SharedSecret key = memory != nullptr ? memory->keys.find(digest) : nullptr;
  if (!key) {
    key = open(config, **content);
    if (!key || certificate.empty()) return nullptr;
    if (const auto matches = tls::check_key_matches(certificate, *key); !matches) {
      sink_.error(path.at, path.value,
                  fmt::format("{} does not match the certificate: {}", in_quotes(path.value), matches.error().detail));
      return nullptr;
    }
    if (memory != nullptr) memory->keys.keep(digest, key);
  }
  warn_if_readable(path);
  return known_.emplace(std::move(words), std::move(key)).first->second;
}

core::Sha256 ServerKeys::digest_of(const core::Sha256& key, const tls::Der& certificate) {
  return tls::sha256({{reinterpret_cast<const char*>(key.data()), key.size()}, certificate});
}

void ServerKeys::warn_if_readable(const Text& path) {
  if (!is_readable_by_all(files_.absolute(path.value))) return;
  sink_.warning(path.at, path.value,
                fmt::format("private key {} is readable by every user; chmod 600 it", in_quotes(path.value)));
}

core::SharedSecret ServerKeys::open(const CertificateConfig& config, std::string_view content) {
  const Text& path = config.key;
  core::SharedSecret passphrase;
  if (config.passphrase) {
    passphrase = passphrases_.read(*config.passphrase);
    if (!passphrase) return nullptr;
  }
  auto key = tls::parse_private_key(content, passphrase.get());
  if (!key) {
    sink_.error(path.at, path.value, fmt::format("{}: {}", in_quotes(path.value), key.error().detail));
    return nullptr;
  }
  if (passphrase && !key->was_encrypted) {
    sink_.warning(
        path.at, path.value,
        fmt::format("private key {} is not encrypted, so its passphrase protects nothing", in_quotes(path.value)));
  }
  return std::make_shared<const core::Secret>(std::move(key->der));
}

std::shared_ptr<const tls::TokenKey> ServerKeys::read_token(const CertificateConfig& config,
                                                            const tls::Der& certificate) {
  const std::string shown = tls::shown_token_uri(config.key.value);
  auto uri = tls::parse_token_uri(config.key.value);
  if (!uri) {
    sink_.error(config.key.at, shown, uri.error().detail);
    return nullptr;
  }
  if (token_module_) {
    if (const auto module = files_.read(token_module_->value); !module) {
      sink_.error(token_module_->at, token_module_->value, module.error());
      return nullptr;
    }
  }
  const bool has_pin = config.passphrase || !uri->pin.empty();
  core::SharedSecret pin = pin_of(config, *uri);
  if ((has_pin && !pin) || certificate.empty()) return nullptr;
  std::vector<std::string> words = words_of(config);
  auto known = tokens_.find(words);
  if (known == tokens_.end()) {
    known = tokens_.emplace(std::move(words), open_token(std::move(*uri), std::move(pin), certificate)).first;
  }
  if (known->second) return *known->second;
  sink_.error(config.key.at, shown, fmt::format("{}: {}", in_quotes(shown), known->second.error()));
  return nullptr;
}

core::SharedSecret ServerKeys::pin_of(const CertificateConfig& config, tls::TokenUri& uri) {
  if (!uri.pin.empty()) {
    sink_.warning(config.key.at, uri.shown,
                  fmt::format("the PIN stands in the config, behind {}; put it into 'passphrase: {{file: PATH}}'",
                              in_quotes(uri.shown)));
  }
  if (config.passphrase) return passphrases_.read(*config.passphrase);
  return uri.pin.empty() ? nullptr : std::make_shared<const core::Secret>(std::move(uri.pin));
}

ServerKeys::TokenResult ServerKeys::open_token(tls::TokenUri uri, core::SharedSecret pin, const tls::Der& certificate) {
  const core::Sha256 digest = tls::sha256({pin ? pin->view() : std::string_view()});
  // Tokens lock themselves after a few wrong PINs, and can't always tell us why they say no.
  if (refused_pins_.contains(digest)) return std::unexpected("not tried, since this PIN did not open the key above");
  auto key = std::make_shared<tls::TokenKey>();
  key->search = std::move(uri.search);
  if (token_module_) key->module = files_.absolute(token_module_->value);
  key->pin = std::move(pin);
  key->opening = tls::next_token_opening();
  auto opened = tls::OpenedTokenKey::open(*key, certificate);
  if (!opened) {
    if (key->pin) refused_pins_.insert(digest);
    return std::unexpected(opened.error().detail);
  }
  key->proven = std::move(*opened);
  return key;
}

}  // namespace gateway::config
