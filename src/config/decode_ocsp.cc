#include "config/scalar.h"
#include "config/sections.h"
#include "core/http_url.h"

namespace gateway::config {
namespace {

constexpr core::Milliseconds kShortestTimeout{50};
// The client's first request waits for so long.
constexpr core::Milliseconds kLongestTimeout{30'000};

void decode_mode(Decoder& decoder, const Node& node, OcspConfig& ocsp) {
  constexpr std::string_view kExpected = "off, soft or hard";
  const auto text = decoder.word(node, kExpected);
  if (!text) return;
  if (text->value == "soft" || text->value == "hard") {
    ocsp.mode = text->value == "soft" ? tls::OcspMode::soft : tls::OcspMode::hard;
  } else if (parse_boolean(text->value) != false) {
    decoder.reject(*text, kExpected);
  }
}

void decode_nonce(Decoder& decoder, const Node& node, OcspConfig& ocsp) {
  constexpr std::string_view kExpected = "true, false or required";
  const auto text = decoder.word(node, kExpected);
  if (!text) return;
  if (text->value == "required") {
    ocsp.nonce = tls::OcspNonce::required;
  } else if (const auto sent = parse_boolean(text->value)) {
    ocsp.nonce = *sent ? tls::OcspNonce::asked : tls::OcspNonce::off;
  } else {
    decoder.reject(*text, kExpected);
  }
}

void decode_responder(Decoder& decoder, const Node& node, OcspConfig& ocsp) {
  constexpr std::string_view kExpected = "the http URL of an OCSP responder ('http://ocsp.example/')";
  const auto text = decoder.word(node, kExpected);
  if (!text) return;
  const auto url = core::HttpUrl::parse(text->value);
  if (!url) return decoder.reject(*text, kExpected);
  ocsp.responder = *text;
}

}  // namespace

OcspConfig decode_ocsp(Decoder& decoder, const Node& node) {
  Fields fields(decoder, node, kOcspKeys);
  OcspConfig ocsp;
  ocsp.at = node.at;
  if (const Node* mode = fields.require("mode", "off, soft or hard: what it means that there is no answer")) {
    decode_mode(decoder, *mode, ocsp);
  }
  if (const Node* responder = fields.find("responder")) decode_responder(decoder, *responder, ocsp);
  if (const Node* certificate = fields.find("responder_certificate")) {
    assign(ocsp.responder_certificate, decoder.word(*certificate, "the path of the responder's certificate"));
  }
  if (const Node* timeout = fields.find("timeout")) {
    const auto time = decoder.duration(*timeout);
    if (time && (*time < kShortestTimeout || *time > kLongestTimeout)) {
      decoder.reject(*timeout, "a duration from 50ms to 30s");
    } else {
      assign(ocsp.timeout, time);
    }
  }
  if (const Node* nonce = fields.find("nonce")) decode_nonce(decoder, *nonce, ocsp);
  return ocsp;
}

}  // namespace gateway::config
