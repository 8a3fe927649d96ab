// Whatever a template and a certificate hold, the value is one field value.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "proxy/header_template.h"
#include "proxy/identity_headers.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace gateway;
  const std::string text(reinterpret_cast<const char*>(data), size);
  core::PeerIdentity identity;
  identity.common_names = {text};
  identity.subject_dn = text;
  identity.issuer_dn = text;
  identity.dns_sans = {text};
  identity.uri_sans = {text};
  identity.email_sans = {text};
  identity.serial = text;
  identity.certificate_der = text;
  const proxy::RequestVariables variables{
      .identity = &identity, .tls_sni = text, .request_id = text, .policy_rule = text};
  std::string value;
  for (const std::string_view known :
       {"${client.cn}${client.subject_dn}${client.issuer_dn}${client.serial}${client.cert}",
        "${client.san.dns}${client.san.uri}", "${client.san.email}${tls.sni}${request.id}${policy.rule}"})
    proxy::HeaderTemplate::parse(known)->render(variables, value);
  if (const auto parsed = proxy::HeaderTemplate::parse(text)) parsed->render(variables, value);
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte < 0x20 && byte != '\t') || byte == 0x7f) std::abort();
  }
  std::string field;
  proxy::write_forwarded_client_cert_field(identity, field);
  if (field.find('\r') != field.size() - 2 || field.find('\n') != field.size() - 1) std::abort();
  // No quote in a name: what stands between two quotes is one value.
  if (field.find("\\\"") != std::string::npos || field.find("\\\\") != std::string::npos) std::abort();
  return 0;
}
