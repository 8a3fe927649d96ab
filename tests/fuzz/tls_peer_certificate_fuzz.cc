#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "tls/asn1_values.h"
#include "tls/chain_profile.h"
#include "tls/digest.h"
#include "tls/key_rules.h"
#include "tls/peer_certificate.h"
#include "tls/tls_settings.h"
#include "tls/worker_library.h"

// One certificate in DER, as far as we look at it ourselves: the rules of the profile, and the identity that upstreams
// and policies are told. Whatever comes out must be safe in a header, a log line and a C string.

namespace {

using gateway::core::PeerIdentity;

void require(bool good) {
  if (!good) std::abort();
}

bool is_clean(const std::string& text) {
  return std::ranges::none_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

void check(const PeerIdentity& identity, const std::string& der) {
  require(identity.certificate_der == der || !identity.certificate_der.empty());
  for (const auto* names :
       {&identity.common_names, &identity.organizations, &identity.organizational_units, &identity.issuer_common_names,
        &identity.dns_sans, &identity.uri_sans, &identity.email_sans}) {
    for (const std::string& name : *names) require(is_clean(name));
  }
  for (const std::string& name : identity.dns_sans) require(!name.empty() && name.size() <= 255);
  require(is_clean(identity.subject_dn) && is_clean(identity.issuer_dn) && is_clean(identity.serial));
  require(!identity.serial.empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace gateway::tls;
  static const auto library = make_worker_library();
  require(library != nullptr);
  const std::string der(reinterpret_cast<const char*>(data), size);
  const X509Ptr certificate = parse_certificate(der, library->context());
  if (!certificate) return 0;
  if (const auto identity = gateway::tls::identity_of(certificate.get(), library->sha256())) check(*identity, der);
  // As a leaf below itself, so that it is looked at as what was issued and as who issued it.
  const CertificateStackPtr chain(sk_X509_new_null());
  for (int i = 0; i < 2; ++i) {
    X509_up_ref(certificate.get());
    require(sk_X509_push(chain.get(), certificate.get()) > 0);
  }
  // Nobody looks at the rules before X509_verify_cert() has cached the extensions.
  X509_check_purpose(certificate.get(), -1, 0);
  for (const bool strict : {true, false}) {
    TrustSet trust;
    trust.strict_profile = strict;
    const bool bearable = check_key_sizes(chain.get()).has_value();
    const bool proper = check_profile(chain.get(), trust, kMinRsaBits).has_value();
    require(!proper || X509_get0_pubkey(certificate.get()) != nullptr);
    static_cast<void>(bearable);
  }
  return 0;
}
