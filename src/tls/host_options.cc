#include "tls/host_options.h"

#include "tls/digest.h"
#include "tls/token_key.h"

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
  // Of one load only, so it stands for all else of the token's key.
  digest.add(certificate.token_key ? certificate.token_key->opening : 0);
  for (const Der& one : certificate.chain) digest.add(one);
}

void add_list(FieldDigest& digest, const std::vector<std::string>& names) {
  digest.add(names.size());
  for (const std::string& name : names) digest.add(name);
}

void add_settings(FieldDigest& digest, const TlsSettings& settings) {
  digest.add(static_cast<std::uint64_t>(settings.min_version)).add(static_cast<std::uint64_t>(settings.max_version));
  // A resumed session of TLS 1.2 keeps its cipher without being asked whether that is still wanted.
  add_list(digest, settings.ciphers);
  add_list(digest, settings.cipher_suites);
  // As written, not as available: replicas with another OpenSSL must agree.
  add_list(digest, settings.groups);
  add_list(digest, settings.signature_algorithms);
  digest.add(settings.min_rsa_bits);
}

// What a trust set asks of a chain that does not change with time.
void add_demands(FieldDigest& digest, const TrustSet& trust) {
  digest.add(trust.depth).add(trust.strict_profile ? 1U : 0U).add(trust.partial_chains ? 1U : 0U);
  digest.add(trust.require_client_purpose ? 1U : 0U).add(trust.anchors.size());
  for (const Der& anchor : trust.anchors) digest.add(anchor);
}

}  // namespace

core::Sha256 session_context_of(const HostOptions& options) {
  FieldDigest digest;
  digest.add("gateway session context 2").add(options.name).add(static_cast<std::uint64_t>(options.client_auth));
  add_settings(digest, options.settings);
  digest.add(options.max_client_chain_bytes);
  if (options.trust) add_demands(digest, *options.trust);
  return digest.finish();
}

core::Sha256 verification_context_of(const HostOptions& options) {
  FieldDigest digest;
  digest.add("gateway client chain 1").add(options.settings.min_rsa_bits);
  if (options.trust) add_demands(digest, *options.trust);
  return digest.finish();
}

core::Sha256 content_digest_of(const HostOptions& options) {
  const core::Sha256 session = session_context_of(options);
  FieldDigest digest;
  digest.add({reinterpret_cast<const char*>(session.data()), session.size()});
  digest.add(options.certificates.size());
  for (const ServerCertificate& certificate : options.certificates) add_certificate(digest, certificate);
  digest.add(options.trust && options.trust->send_ca_names ? 1U : 0U);
  // The lifetime is not here: no context is built from it.
  digest.add(static_cast<std::uint64_t>(options.on_refusal)).add(options.session_tickets ? 1U : 0U);
  digest.add(static_cast<std::uint64_t>(options.session_store));
  digest.add(options.stapled.size());
  for (const StapledCertificate& one : options.stapled) {
    digest.add(one.certificate).add(one.issuer).add(one.responder.text());
  }
  return digest.finish();
}

}  // namespace gateway::tls
