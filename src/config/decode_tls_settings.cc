#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "config/quote.h"
#include "config/sections.h"
#include "tls/tls_lists.h"

namespace gateway::config {
namespace {

using tls::ProtocolVersion;
using tls::TlsProfile;

constexpr std::array<std::pair<std::string_view, TlsProfile>, 3> kProfiles{
    {{"modern", TlsProfile::modern}, {"intermediate", TlsProfile::intermediate}, {"custom", TlsProfile::custom}}};
// What only a profile of one's own may say.
constexpr std::array<std::string_view, 5> kCustomKeys{"ciphers", "cipher_suites", "groups", "signature_algorithms",
                                                      "min_rsa_bits"};
constexpr std::uint64_t kSmallestClientChain = 1ULL << 10;
// All of a handshake must fit in core::kMaxHandshakeBytes.
constexpr std::uint64_t kLargestClientChain = core::kMaxHandshakeBytes - (32ULL << 10);

std::string_view name_of(TlsProfile profile) {
  for (const auto& [name, known] : kProfiles) {
    if (known == profile) return name;
  }
  return "";
}

void decode_version(Decoder& decoder, const Node& node, ProtocolVersion& version) {
  const auto text = decoder.word(node, "\"1.2\" or \"1.3\"");
  if (!text) return;
  if (text->value == "1.2" || text->value == "TLSv1.2") {
    version = ProtocolVersion::tls12;
  } else if (text->value == "1.3" || text->value == "TLSv1.3") {
    version = ProtocolVersion::tls13;
  } else {
    decoder.reject(*text, "\"1.2\" or \"1.3\" (older versions are not offered)");
  }
}

void decode_versions(Decoder& decoder, const Fields& fields, TlsConfig& tls) {
  const auto refuse_below_profile = [&](const Node& node, ProtocolVersion version) {
    if (tls.profile != TlsProfile::modern || version == ProtocolVersion::tls13) return;
    decoder.sink().error(node.at, node.text,
                         "'profile: modern' is TLS 1.3 only; TLS 1.2 takes 'profile: intermediate' "
                         "or 'profile: custom'");
  };
  if (const Node* version = fields.find("min_version")) {
    decode_version(decoder, *version, tls.settings.min_version);
    refuse_below_profile(*version, tls.settings.min_version);
  }
  const Node* version = fields.find("max_version");
  if (version == nullptr) return;
  decode_version(decoder, *version, tls.settings.max_version);
  refuse_below_profile(*version, tls.settings.max_version);
  if (tls.settings.min_version > tls.settings.max_version && tls.profile != TlsProfile::modern) {
    decoder.sink().error(version->at, version->text,
                         "max_version is lower than min_version, so no client could connect");
  }
}

using Check = core::Result<std::string> (*)(std::string_view name);

// A list, or one string with ':' between the names, as other servers have it.
void decode_names(Decoder& decoder, const Node& node, std::string_view what, Check check,
                  std::vector<std::string>& target) {
  const std::size_t errors = decoder.sink().errors();
  std::vector<std::string> names;
  for (const Text& text : decoder.words(node, fmt::format("the name of a {}", what))) {
    for (std::size_t begin = 0; begin <= text.value.size();) {
      const std::size_t end = std::min(text.value.find(':', begin), text.value.size());
      const std::string name = text.value.substr(begin, end - begin);
      begin = end + 1;
      auto checked = check(name);
      if (!checked) {
        decoder.sink().error(text.at, text.value,
                             fmt::format("{} {}: {}", what, in_quotes(name), checked.error().detail));
      } else if (std::ranges::find(names, *checked) != names.end()) {
        decoder.sink().error(text.at, text.value, fmt::format("{} {} is named twice", what, in_quotes(name)));
      } else {
        names.push_back(std::move(*checked));
      }
    }
  }
  if (decoder.sink().errors() != errors) return;
  if (names.empty()) {
    decoder.sink().error(node.at, "",
                         fmt::format("an empty list leaves no {}; leave the key out for the default", what));
    return;
  }
  target = std::move(names);
}

void decode_custom(Decoder& decoder, const Fields& fields, TlsConfig& tls) {
  if (const Node* node = fields.find("ciphers")) {
    decode_names(decoder, *node, "cipher", &tls::check_cipher, tls.settings.ciphers);
  }
  if (const Node* node = fields.find("cipher_suites")) {
    decode_names(decoder, *node, "cipher suite", &tls::check_cipher_suite, tls.settings.cipher_suites);
  }
  if (const Node* node = fields.find("groups")) {
    decode_names(decoder, *node, "group", &tls::check_group, tls.settings.groups);
    if (std::ranges::all_of(tls.settings.groups, [](const std::string& name) { return name.starts_with('?'); })) {
      decoder.sink().error(node->at, node->text, "at least one group must be without '?', so that there is one");
    }
  }
  if (const Node* node = fields.find("signature_algorithms")) {
    decode_names(decoder, *node, "signature algorithm", &tls::check_signature_algorithm,
                 tls.settings.signature_algorithms);
  }
  if (const Node* node = fields.find("min_rsa_bits")) {
    if (const auto bits = decoder.number(*node, tls::kMinRsaBits, tls::kMaxRsaBits)) {
      tls.settings.min_rsa_bits = static_cast<unsigned>(*bits);
    }
  }
}

}  // namespace

void decode_tls_settings(Decoder& decoder, const Fields& fields, TlsConfig& tls) {
  if (const Node* profile = fields.find("profile")) {
    assign(tls.profile, decoder.choice<TlsProfile>(*profile, kProfiles));
    tls.settings = tls::settings_of(tls.profile);
  }
  if (tls.profile == TlsProfile::custom) {
    decode_custom(decoder, fields, tls);
  } else {
    for (const std::string_view key : kCustomKeys) {
      if (fields.find(key) == nullptr) continue;
      decoder.sink().error(fields.key_position(key), "",
                           fmt::format("'{}' is what 'profile: {}' decides; write 'profile: custom' to set it", key,
                                       name_of(tls.profile)));
    }
  }
  decode_versions(decoder, fields, tls);
  if (const Node* size = fields.find("max_client_chain")) {
    assign(tls.max_client_chain_bytes, decoder.size(*size, kSmallestClientChain, kLargestClientChain));
  }
}

}  // namespace gateway::config
