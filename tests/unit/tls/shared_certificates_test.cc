#include "tls/shared_certificates.h"

#include <doctest/doctest.h>

#include "test_gateway.h"

using namespace gateway::tls;
using namespace gateway::tls::test;

namespace {

// As libssl does it: an X509 of its own, to be filled.
X509Ptr parse_like_libssl(const Der& der) {
  X509* certificate = X509_new();
  const auto* at = reinterpret_cast<const unsigned char*>(der.data());
  if (d2i_X509(&certificate, &at, static_cast<long>(der.size())) == nullptr) {
    X509_free(certificate);
    return nullptr;
  }
  CHECK(at == reinterpret_cast<const unsigned char*>(der.data()) + der.size());
  return X509Ptr(certificate);
}

}  // namespace

TEST_CASE("this program stands in front of OpenSSL's certificate parser") {
  CHECK(SharedCertificates::works());
  CHECK(can_share_certificates());
}

TEST_CASE("a kept certificate is handed out to whoever parses its bytes, while its table is in use") {
  SharedCertificates table(EVP_sha256());
  const Issued alice = make_client("alice", client_root());
  table.keep(alice.certificate.get());
  CHECK(parse_like_libssl(alice.der()).get() != alice.certificate.get());
  {
    const SharedCertificates::Use use(table);
    CHECK(parse_like_libssl(alice.der()).get() == alice.certificate.get());
    const X509Ptr other = parse_like_libssl(client_root().der());
    REQUIRE(other);
    CHECK(other.get() != client_root().certificate.get());
    // Callers without an X509 of their own are none of libssl's handshakes.
    const Der der = alice.der();
    const auto* at = reinterpret_cast<const unsigned char*>(der.data());
    const X509Ptr fresh(d2i_X509(nullptr, &at, static_cast<long>(der.size())));
    CHECK(fresh.get() != alice.certificate.get());
  }
  CHECK(parse_like_libssl(alice.der()).get() != alice.certificate.get());
  CHECK(table.counts().shared == 1);
  CHECK(table.counts().parsed == 1);
}

TEST_CASE("bytes that are not those of a kept certificate are parsed, and refused as ever") {
  SharedCertificates table(EVP_sha256());
  const Issued alice = make_client("alice", client_root());
  table.keep(alice.certificate.get());
  const SharedCertificates::Use use(table);
  Der cut = alice.der();
  cut.pop_back();
  CHECK(parse_like_libssl(cut) == nullptr);
  Der changed = alice.der();
  changed.back() = static_cast<char>(changed.back() ^ 1);
  const X509Ptr parsed = parse_like_libssl(changed);
  CHECK(parsed.get() != alice.certificate.get());
  CHECK(parse_like_libssl("") == nullptr);
}

TEST_CASE("the table is bounded, and a certificate that it gave up lives on with its connections") {
  SharedCertificates table(EVP_sha256(), 2);
  std::vector<Issued> clients;
  for (const char* name : {"a", "b", "c"}) clients.push_back(make_client(name, client_root()));
  const SharedCertificates::Use use(table);
  X509Ptr a;
  for (const Issued& one : clients) {
    X509Ptr parsed = parse_like_libssl(one.der());
    table.keep(parsed.get());
    if (!a) a = std::move(parsed);
  }
  CHECK(table.size() == 2);
  CHECK(parse_like_libssl(clients[0].der()).get() != a.get());
  CHECK(X509_cmp(a.get(), clients[0].certificate.get()) == 0);
  CHECK(table.fingerprint_of(a.get()) == table.fingerprint_of(clients[0].certificate.get()));
}

TEST_CASE("handshakes of one client share its parsed certificates, of both TLS versions") {
  const Issued intermediate = make_intermediate("Clients", client_root());
  const Issued alice = make_client("alice", intermediate);
  const Gateway gateway({HostSpec{}});
  for (int i = 0; i < 3; ++i) {
    for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
      REQUIRE(connect(gateway, {.version = version, .certificate = &alice, .chain = {&intermediate}}).established());
    }
  }
  const VerificationCounts counts = gateway.contexts()->verification_counts();
  CHECK(counts.certificates_parsed == 2);
  CHECK(counts.certificates_shared == 10);
}

TEST_CASE("another worker has certificates of its own") {
  const Issued alice = make_client("alice", client_root());
  const Gateway one({HostSpec{}});
  const Gateway other({HostSpec{}});
  for (const Gateway* gateway : {&one, &other}) {
    REQUIRE(connect(*gateway, {.certificate = &alice}).established());
    CHECK(gateway->contexts()->verification_counts().certificates_parsed == 1);
    CHECK(gateway->contexts()->verification_counts().certificates_shared == 0);
  }
}
