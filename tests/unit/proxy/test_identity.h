#pragma once

#include "core/peer_identity.h"

namespace gateway::proxy {

// A client as most tests want it.
inline core::PeerIdentity test_identity() {
  core::PeerIdentity identity;
  identity.common_names = {"batch", "second"};
  identity.subject_dn = "CN=batch,O=Example\\, Inc";
  identity.issuer_dn = "CN=Example CA";
  identity.dns_sans = {"batch.example", "other.example"};
  identity.uri_sans = {"spiffe://corp.example/batch"};
  identity.email_sans = {"batch@corp.example"};
  identity.ip_sans = {*core::IpAddress::parse("192.0.2.7")};
  identity.serial = "0A1B";
  identity.fingerprint.fill(0xab);
  identity.not_after = std::chrono::sys_seconds(std::chrono::seconds(784'111'777));
  identity.certificate_der = "certificate";
  return identity;
}

}  // namespace gateway::proxy
