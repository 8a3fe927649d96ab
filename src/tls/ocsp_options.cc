#include "tls/ocsp_options.h"

#include "tls/asn1_values.h"
#include "tls/chain_verifier.h"
#include "tls/digest.h"
#include "tls/openssl_error.h"

namespace gateway::tls {

std::string_view to_string(OcspMode mode) noexcept {
  return mode == OcspMode::soft ? "soft" : "hard";
}

std::string_view to_string(OcspNonce nonce) noexcept {
  switch (nonce) {
    case OcspNonce::off:
      return "false";
    case OcspNonce::asked:
      return "true";
    case OcspNonce::required:
      break;
  }
  return "required";
}

core::Result<std::shared_ptr<const OcspOptions>> OcspOptions::build(std::string_view trust_set, OcspSettings settings,
                                                                    const std::vector<Der>& anchors) {
  auto options = std::make_shared<OcspOptions>();
  FieldDigest digest;
  digest.add("gateway ocsp authority 1").add(trust_set).add(settings.responder).add(settings.responder_certificate);
  digest.add(static_cast<std::uint64_t>(settings.nonce));
  options->authority = digest.finish();
  options->settings = std::move(settings);
  const DigestPtr md(EVP_MD_fetch(nullptr, "SHA256", nullptr));
  for (const Der& anchor : anchors) {
    const X509Ptr certificate = parse_certificate(anchor, nullptr);
    if (!certificate || !md) return openssl_failure("a trust anchor can't be parsed");
    options->anchors.emplace(issuer_key_of(certificate.get(), md.get()), std::make_shared<const Der>(anchor));
  }
  return options;
}

}  // namespace gateway::tls
