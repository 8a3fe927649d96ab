#include "tls/host_options.h"

#include "tls/digest.h"

namespace gateway::tls {

std::string_view to_string(ClientAuth mode) noexcept {
  switch (mode) {
    case ClientAuth::off:
      return "off";
    case ClientAuth::optional:
      return "optional";
    case ClientAuth::strict:
      return "strict";
  }
  return "unknown";
}

std::string_view to_string(ProtocolVersion version) noexcept {
  return version == ProtocolVersion::tls12 ? "TLSv1.2" : "TLSv1.3";
}

namespace {

// Of the key only its digest, so that no copy of it is left in this one's buffer.
void add_certificate(FieldDigest& digest, const ServerCertificate& certificate) {
  const core::Sha256 key = sha256({certificate.private_key ? certificate.private_key->view() : std::string_view()});
  digest.add({reinterpret_cast<const char*>(key.data()), key.size()}).add(certificate.chain.size());
  for (const Der& one : certificate.chain) digest.add(one);
}

}  // namespace

core::Sha256 session_context_of(const HostOptions& options) {
  FieldDigest digest;
  digest.add("gateway session context 1").add(options.name).add(static_cast<std::uint64_t>(options.client_auth));
  digest.add(static_cast<std::uint64_t>(options.min_version)).add(static_cast<std::uint64_t>(options.max_version));
  if (options.trust) {
    digest.add(options.trust->depth).add(options.trust->strict_profile ? 1U : 0U).add(options.trust->anchors.size());
    for (const Der& anchor : options.trust->anchors) digest.add(anchor);
  }
  return digest.finish();
}

core::Sha256 content_digest_of(const HostOptions& options) {
  const core::Sha256 session = session_context_of(options);
  FieldDigest digest;
  digest.add({reinterpret_cast<const char*>(session.data()), session.size()});
  digest.add(options.certificates.size());
  for (const ServerCertificate& certificate : options.certificates) add_certificate(digest, certificate);
  digest.add(options.trust && options.trust->send_ca_names ? 1U : 0U);
  return digest.finish();
}

}  // namespace gateway::tls
