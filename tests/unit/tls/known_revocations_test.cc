#include "tls/known_revocations.h"

#include <doctest/doctest.h>

#include "test_gateway.h"
#include "tls/asn1_values.h"
#include "tls/digest.h"
#include "tls/dn_text.h"

using namespace gateway::tls;
using namespace gateway::tls::test;
using gateway::core::Reason;

namespace {

RevokedCertificate by_fingerprint(const Issued& certificate) {
  return {.fingerprint = sha256({certificate.der()}), .serial = {}, .issuer = {}};
}

std::string serial_of(const Issued& certificate) {
  return canonical_serial(serial_bytes_of(X509_get0_serialNumber(certificate.certificate.get())));
}

RevokedCertificate by_serial(const Issued& certificate, decltype(RevokedCertificate::issuer) issuer = {}) {
  return {.fingerprint = {}, .serial = serial_of(certificate), .issuer = std::move(issuer)};
}

IssuerName named(const std::string& dn) {
  return {canonical_dn(dn).value()};
}

std::shared_ptr<const KnownRevocations> list_of(const std::vector<RevokedCertificate>& certificates) {
  return std::make_shared<const KnownRevocations>(certificates);
}

struct Fixture {
  Issued intermediate = make_intermediate("Issuing CA", client_root());
  Issued leaf = make_client("alice", intermediate);
  Gateway gateway{{HostSpec{}}};
  ClientSpec client{.certificate = &leaf, .chain = {&intermediate}};
  std::shared_ptr<const VerifiedPeer> peer = connect(gateway, client).server->peer();

  [[nodiscard]] std::optional<std::size_t> found(const RevokedCertificate& certificate) const {
    return KnownRevocations(std::vector{certificate}).find(peer->chain);
  }
  void order(const std::vector<RevokedCertificate>& certificates) const {
    gateway.contexts()->revocations().ordered = list_of(certificates);
  }
};

}  // namespace

TEST_CASE("a serial number is read as openssl and others print it") {
  CHECK(parse_serial("0A1B") == "\x0a\x1b");
  for (const char* const same : {"A1B", "0a1b", "0A:1B", "0x0A1B", "00000A1B", "00:0a:1B", "0XA1B"}) {
    CAPTURE(same);
    CHECK(parse_serial(same) == "\x0a\x1b");
  }
  CHECK(parse_serial("0") == std::string(1, '\0'));
  CHECK(parse_serial("00:00") == std::string(1, '\0'));
  CHECK(parse_serial("FF") == canonical_serial(std::string("\0\xff", 2)));
  for (const char* const bad : {"", "0x", ":", ":0A", "0A:", "0A::1B", "0G", "-1", "0A 1B", "12 34"}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_serial(bad));
  }
  CHECK(parse_serial(std::string(128, 'f')));
  CHECK_FALSE(parse_serial(std::string(130, 'f')));
}

TEST_CASE("a fingerprint names an element of the chain, the anchor too") {
  const Fixture f;
  CHECK(f.found(by_fingerprint(f.leaf)) == 0U);
  CHECK(f.found(by_fingerprint(f.intermediate)) == 1U);
  CHECK(f.found(by_fingerprint(client_root())) == 2U);
  CHECK_FALSE(f.found(by_fingerprint(server_ca())));
  CHECK_FALSE(KnownRevocations::none()->find(f.peer->chain));
}

TEST_CASE("a serial number names a certificate of its issuer, or of any, but no anchor") {
  const Fixture f;
  CHECK(f.found(by_serial(f.leaf)) == 0U);
  CHECK(f.found(by_serial(f.intermediate)) == 1U);
  CHECK_FALSE(f.found(by_serial(client_root())));
  CHECK(f.found(by_serial(f.leaf, named("CN=Issuing CA"))) == 0U);
  CHECK_FALSE(f.found(by_serial(f.leaf, named("CN=Another CA"))));
  CHECK(f.found(by_serial(f.leaf, IssuerCertificate{sha256({f.intermediate.der()})})) == 0U);
  CHECK_FALSE(f.found(by_serial(f.leaf, IssuerCertificate{sha256({client_root().der()})})));
  const RevokedCertificate others = by_serial(f.leaf, named("CN=Another CA"));
  const RevokedCertificate own = by_serial(f.leaf, named("cn = issuing ca"));
  CHECK(KnownRevocations(std::vector{others, own}).find(f.peer->chain) == 0U);
}

TEST_CASE("an order counts in full and resumed handshakes and for live connections, whatever a CRL says") {
  for (const auto [version, store] : kSessionKinds) {
    CAPTURE(version);
    Fixture f;
    f.gateway.reload({{.session_store = store}});
    f.client.version = version;
    const Issued bob = make_client("bob", f.intermediate);
    ClientSpec as_bob = f.client;
    as_bob.certificate = &bob;
    const auto session_of = [&](const ClientSpec& client) {
      Connection made = connect(f.gateway, client);
      REQUIRE(made.established());
      exchange(made);
      return made.client->session();
    };
    for (const RevokedCertificate& order :
         {by_fingerprint(f.leaf), by_serial(f.leaf), by_serial(f.leaf, named("CN=Issuing CA")),
          by_serial(f.leaf, IssuerCertificate{sha256({f.intermediate.der()})})}) {
      f.order({});
      const SessionPtr alices = session_of(f.client);
      const SessionPtr bobs = session_of(as_bob);
      const auto live = [&] {
        return judge_live(f.peer.get(), f.gateway.now(), f.gateway.host(), f.gateway.contexts()->revocations());
      };
      CHECK(live() == Reason::none);
      f.order({order});
      CHECK(live() == Reason::revoked);
      const Connection full = connect(f.gateway, f.client);
      CHECK(full.reason() == Reason::revoked);
      CHECK(full.report().detail == "revoked by gatewayctl revoke (certificate 0)");
      ClientSpec resuming = f.client;
      resuming.session = alices;
      CHECK(connect(f.gateway, resuming).reason() == Reason::revoked);
      ClientSpec other = as_bob;
      other.session = bobs;
      const Connection kept = connect(f.gateway, other);
      CHECK(kept.established());
      CHECK(kept.report().resumed);
    }
  }
}

TEST_CASE("an order outlives a reload, and ends with it") {
  Fixture f;
  f.order({by_fingerprint(f.intermediate)});
  f.gateway.reload({HostSpec{}});
  CHECK(connect(f.gateway, f.client).reason() == Reason::revoked);
  f.order({});
  CHECK(connect(f.gateway, f.client).established());
}

TEST_CASE("without a list nobody is admitted") {
  const Fixture f;
  RevocationKnowledge nothing;
  nothing.ordered = nullptr;
  CHECK(judge(f.peer->chain, f.gateway.now(), f.gateway.host(), nothing) == Reason::internal);
}
