#include "proxy/identity_headers.h"

#include <doctest/doctest.h>

#include "test_identity.h"

namespace gateway::proxy {
namespace {

std::string xfcc(const core::PeerIdentity& identity) {
  std::string out;
  write_forwarded_client_cert_field(identity, out);
  return out;
}

}  // namespace

TEST_CASE("Client-Cert is a byte sequence of RFC 8941") {
  std::string out;
  write_client_cert_field(test_identity(), out);
  CHECK(out == "Client-Cert: :Y2VydGlmaWNhdGU=:\r\n");
}

TEST_CASE("X-Forwarded-Client-Cert holds hash, subject and every URI and DNS name") {
  std::string hash;
  for (int i = 0; i < 32; ++i) hash += "ab";
  CHECK(xfcc(test_identity()) == "X-Forwarded-Client-Cert: Hash=" + hash +
                                     ";Subject=\"CN=batch,O=Example\\, Inc\";URI=spiffe://corp.example/batch;"
                                     "DNS=batch.example;DNS=other.example\r\n");
}

TEST_CASE("no name can leave its place in X-Forwarded-Client-Cert") {
  core::PeerIdentity identity = test_identity();
  identity.subject_dn = "CN=a\\\";URI=spiffe://admin,O=b\\\\";
  identity.uri_sans = {"spiffe://x,Hash=0;DNS=\"admin\""};
  identity.dns_sans = {"a\\\";DNS=admin"};
  const std::string field = xfcc(identity);
  CHECK(field.find("Subject=\"CN=a\\22;URI=spiffe://admin,O=b\\5C\";URI=\"spiffe://"
                   "x,Hash=0;DNS=%22admin%22\";DNS=\"a%5C%22;DNS=admin\"") != std::string::npos);
  // A parser that takes a backslash for an escape and one that does not see the same quotes.
  CHECK(field.find("\\\"") == std::string::npos);
  CHECK(field.find("\\\\") == std::string::npos);
}

}  // namespace gateway::proxy
