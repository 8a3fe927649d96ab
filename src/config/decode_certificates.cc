#include <fmt/format.h>

#include "config/quote.h"
#include "config/sections.h"

namespace gateway::config {
namespace {

void decode_path(Decoder& decoder, const Node& node, std::string_view what, Text& target) {
  if (node.is(Node::Kind::sequence)) {
    decoder.sink().error(node.at, "",
                         fmt::format("expected one {}, found a list; several certificates for one host stand in "
                                     "'certificates' ('- {{certificate: a.pem, key: a.key}}')",
                                     what));
    return;
  }
  assign(target, decoder.word(node, fmt::format("the path of a {} file", what)));
}

void decode_command(Decoder& decoder, const Node& node, PassphraseConfig& passphrase) {
  constexpr std::string_view kExpected = "a list of a program and its arguments ('[/usr/bin/program, argument]')";
  if (!node.is(Node::Kind::sequence) || node.items.empty()) {
    // One text would need a shell to be taken apart.
    decoder.reject(node, kExpected);
    return;
  }
  std::vector<Text> command;
  for (const Node& item : node.items) {
    auto word = command.empty() ? decoder.word(item, kExpected) : decoder.text(item, kExpected);
    if (!word) return;
    command.push_back(std::move(*word));
  }
  passphrase.command = std::move(command);
}

// Nothing in here may show a scalar: it could be the passphrase itself.
PassphraseConfig decode_passphrase(Decoder& decoder, const Node& node) {
  PassphraseConfig passphrase;
  if (node.is(Node::Kind::scalar)) {
    decoder.sink().error(node.at, "",
                         "a passphrase can't stand in the config, which many may read; write it to a file of its own "
                         "('passphrase: {file: PATH}') or name a program that prints it ('passphrase: {command: "
                         "[PROGRAM, ARGUMENT]}')");
    return passphrase;
  }
  const Fields fields(decoder, node, kPassphraseKeys);
  const Node* file = fields.find("file");
  const Node* command = fields.find("command");
  if (fields.is_mapping() && (file == nullptr) == (command == nullptr)) {
    decoder.sink().error(node.at, "", "'passphrase' needs one of 'file' and 'command'");
    return passphrase;
  }
  if (file != nullptr) assign(passphrase.file, decoder.word(*file, "the path of a file"));
  if (command != nullptr) decode_command(decoder, *command, passphrase);
  return passphrase;
}

CertificateConfig decode_certificate(Decoder& decoder, Fields& fields) {
  CertificateConfig config;
  if (const Node* certificate = fields.require("certificate")) {
    decode_path(decoder, *certificate, "certificate", config.certificate);
  }
  if (const Node* key = fields.require("key")) decode_path(decoder, *key, "key", config.key);
  if (const Node* passphrase = fields.find("passphrase")) config.passphrase = decode_passphrase(decoder, *passphrase);
  return config;
}

}  // namespace

std::vector<CertificateConfig> decode_certificates(Decoder& decoder, Fields& tls) {
  const Node* list = tls.find("certificates");
  if (list == nullptr) return {decode_certificate(decoder, tls)};
  for (const std::string_view key : {"certificate", "key", "passphrase"}) {
    if (tls.find(key) == nullptr) continue;
    decoder.sink().error(
        tls.key_position(key), key,
        fmt::format("{} stands beside 'certificates'; put it into an entry of that list", in_quotes(key)));
  }
  std::vector<CertificateConfig> certificates;
  for (const Node& item : decoder.list(*list, "a list of certificates ('- {certificate: a.pem, key: a.key}')")) {
    Fields fields(decoder, item, kCertificateKeys);
    certificates.push_back(decode_certificate(decoder, fields));
  }
  if (list->is(Node::Kind::sequence) && list->items.empty()) {
    decoder.sink().error(list->at, "",
                         "'certificates' needs at least one entry ('- {certificate: a.pem, key: a.key}')");
  }
  return certificates;
}

void decode_pkcs11(Decoder& decoder, const Node& node, Config& config) {
  const Fields fields(decoder, node, kPkcs11Keys);
  if (const Node* module = fields.find("module")) {
    config.pkcs11_module = decoder.word(*module, "the path of a PKCS#11 module (a shared library)");
  }
}

}  // namespace gateway::config
