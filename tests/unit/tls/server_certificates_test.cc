#include "tls/server_certificates.h"

#include <doctest/doctest.h>

#include "test_gateway.h"

using namespace gateway::tls;
using namespace gateway::tls::test;

namespace {

const Issued& issuing_ca() {
  static const Issued ca = make_intermediate("Server Issuing CA", server_ca());
  return ca;
}

Issued server_with(KeyKind kind, const Issued& issuer) {
  return issue({.common_name = "host.example",
                .extended_key_usage = "serverAuth",
                .extensions = {{"subjectAltName", "DNS:host.example"}},
                .key = kind},
               &issuer);
}

const Issued& ecdsa() {
  static const Issued issued = server_with(KeyKind::p256, server_ca());
  return issued;
}
const Issued& rsa() {
  static const Issued issued = server_with(KeyKind::rsa2048, issuing_ca());
  return issued;
}
const Issued& ed25519() {
  static const Issued issued = server_with(KeyKind::ed25519, server_ca());
  return issued;
}

HostSpec host_with(std::vector<ServerCertificate> certificates) {
  return {.client_auth = ClientAuth::off, .certificates = std::move(certificates)};
}

// RSA stands first, so that what a client gets is not just the first.
const Gateway& gateway_with_three() {
  static const Gateway gateway(
      {host_with({certificate_of(rsa(), {&issuing_ca()}), certificate_of(ecdsa()), certificate_of(ed25519())})});
  return gateway;
}

// Subject key of what the server showed, and how many certificates came with it.
std::pair<Der, int> shown_to(const ClientSpec& spec) {
  const Connection made = connect(gateway_with_three(), spec);
  if (!made.established()) return {};
  const X509Ptr peer(SSL_get1_peer_certificate(made.client->ssl()));
  unsigned char* raw = nullptr;
  const int size = i2d_X509(peer.get(), &raw);
  const OpensslBytes<unsigned char> owner(raw);
  return {Der(reinterpret_cast<const char*>(raw), static_cast<std::size_t>(size)),
          sk_X509_num(SSL_get_peer_cert_chain(made.client->ssl()))};
}

std::string error_of(const std::vector<ServerCertificate>& certificates) {
  HostOptions options;
  options.certificates = certificates;
  const SslContextPtr context(SSL_CTX_new(TLS_server_method()));
  const auto used = use_certificates(context.get(), options, nullptr);
  return used ? "" : used.error().detail;
}

}  // namespace

TEST_CASE("each client is shown the certificate that its signature algorithms can verify, with its own chain") {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    CAPTURE(version);
    const auto shown = [&](const char* algorithms) {
      return shown_to({.version = version, .signature_algorithms = algorithms});
    };
    CHECK(shown("ECDSA+SHA256") == std::pair(ecdsa().der(), 1));
    CHECK(shown("rsa_pss_rsae_sha256") == std::pair(rsa().der(), 2));
    CHECK(shown("ed25519") == std::pair(ed25519().der(), 1));
    CHECK(shown("rsa_pss_rsae_sha256:ECDSA+SHA256").second != 0);
  }
  CHECK(shown_to({.version = TLS1_2_VERSION, .signature_algorithms = "RSA+SHA256"}).first == rsa().der());
}

TEST_CASE("in TLS 1.2 the client's cipher suites choose, too") {
  CHECK(shown_to({.version = TLS1_2_VERSION, .tls12_ciphers = "ECDHE-RSA-AES128-GCM-SHA256"}).first == rsa().der());
  CHECK(shown_to({.version = TLS1_2_VERSION,
                  .tls12_ciphers = "ECDHE-ECDSA-AES128-GCM-SHA256",
                  .signature_algorithms = "ECDSA+SHA256"})
            .first == ecdsa().der());
}

TEST_CASE("a client that can verify none of the certificates gets no connection") {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    CHECK(shown_to({.version = version, .signature_algorithms = "ed448"}).second == 0);
  }
}

TEST_CASE("every certificate takes part in a session's host: resumption works whichever was shown") {
  for (const char* algorithms : {"ECDSA+SHA256", "rsa_pss_rsae_sha256"}) {
    Connection first = connect(gateway_with_three(), {.signature_algorithms = algorithms});
    REQUIRE(first.established());
    exchange(first);
    const Connection second = connect(gateway_with_three(), {.session = first.client->session()});
    CHECK(second.established());
    CHECK(second.report().resumed);
  }
}

TEST_CASE("two certificates of one type of key, a foreign key and no certificate at all are errors") {
  ServerCertificate foreign = certificate_of(ecdsa());
  foreign.private_key = certificate_of(server_with(KeyKind::p256, server_ca())).private_key;
  CHECK(error_of({certificate_of(ecdsa()), certificate_of(rsa())}).empty());
  CHECK_FALSE(error_of({certificate_of(ecdsa()), certificate_of(ecdsa())}).empty());
  CHECK_FALSE(error_of({foreign}).empty());
  CHECK(error_of({}) == "no server certificate");
  ServerCertificate keyless = certificate_of(ecdsa());
  keyless.private_key = nullptr;
  CHECK_FALSE(error_of({keyless}).empty());
}

TEST_CASE("the content digest knows every certificate, its chain and its key") {
  const auto digest = [](std::vector<ServerCertificate> certificates) {
    HostOptions options;
    options.certificates = std::move(certificates);
    return content_digest_of(options);
  };
  const auto base = digest({certificate_of(ecdsa()), certificate_of(rsa())});
  CHECK(base == digest({certificate_of(ecdsa()), certificate_of(rsa())}));
  CHECK(base != digest({certificate_of(ecdsa())}));
  CHECK(base != digest({certificate_of(ecdsa()), certificate_of(ed25519())}));
  CHECK(base != digest({certificate_of(ecdsa()), certificate_of(rsa(), {&issuing_ca()})}));
  ServerCertificate other_key = certificate_of(rsa());
  other_key.private_key = certificate_of(ecdsa()).private_key;
  CHECK(base != digest({certificate_of(ecdsa()), other_key}));
}
