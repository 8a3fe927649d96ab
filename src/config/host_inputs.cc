#include "config/host_inputs.h"

#include "tls/digest.h"
#include "tls/token_uri.h"

namespace gateway::config {

core::Sha256 inputs_of(const VirtualHostConfig& host, const std::optional<Text>& token_module, FileReader& files) {
  tls::FieldDigest digest;
  const auto add = [&](const Text& path) {
    if (path.value.empty()) return;
    // Of a secret no copy is left in the other digest's buffer.
    const core::Sha256& one = files.digest(path.value);
    digest.add(files.read(path.value) ? 1U : 0U).add({reinterpret_cast<const char*>(one.data()), one.size()});
  };
  for (const CertificateConfig& one : host.tls->certificates) {
    add(one.certificate);
    if (!tls::is_token_uri(one.key.value)) {
      add(one.key);
    } else if (token_module) {
      add(*token_module);
    }
    if (one.passphrase) add(one.passphrase->file);
  }
  if (host.tls->stapling && host.tls->stapling->issuer) add(*host.tls->stapling->issuer);
  return digest.finish();
}

}  // namespace gateway::config
