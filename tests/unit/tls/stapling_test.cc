#include "tls/stapling.h"

#include <doctest/doctest.h>

#include "test_gateway.h"
#include "tls/certificate_files.h"
#include "tls/digest.h"

using namespace gateway::tls;
using namespace gateway::tls::test;
using namespace std::chrono_literals;

namespace {

// What came with the handshake; "" if nothing did.
std::string stapled(const Connection& connection) {
  const unsigned char* response = nullptr;
  const long size = SSL_get_tlsext_status_ocsp_resp(connection.client->ssl(), &response);
  return size <= 0 ? "" : std::string(reinterpret_cast<const char*>(response), static_cast<std::size_t>(size));
}

// Two hosts, one with stapling, and a staple for the certificate of each.
struct Fixture {
  Gateway gateway{{HostSpec{.client_auth = ClientAuth::off, .stapling = true},
                   HostSpec{.name = "other.example", .client_auth = ClientAuth::off}}};

  Fixture() { staple(gateway.now() + 1h); }
  void staple(std::chrono::sys_seconds until) {
    auto staples = std::make_shared<Staples>();
    for (std::uint32_t i = 0; i < 2; ++i) {
      (*staples)[sha256({gateway.leaf(i)})] = {.response = "response " + std::to_string(i), .until = until};
    }
    gateway.contexts()->staples().replace(staples);
  }
  [[nodiscard]] Connection connect(int version, bool asks = true, const std::string& name = "host.example") const {
    return test::connect(gateway, {.version = version, .server_name = name, .asks_status = asks});
  }
};

}  // namespace

TEST_CASE_FIXTURE(Fixture, "a client that asks gets the staple of the certificate that it sees") {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    const Connection asks = connect(version);
    CHECK(asks.established());
    CHECK(stapled(asks) == "response 0");
    const Connection silent = connect(version, false);
    CHECK(silent.established());
    CHECK(stapled(silent).empty());
  }
}

TEST_CASE_FIXTURE(Fixture, "a host without stapling staples nothing, whatever there is") {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    const Connection other = connect(version, true, "other.example");
    CHECK(other.established());
    CHECK(stapled(other).empty());
  }
}

TEST_CASE_FIXTURE(Fixture, "a staple is shown until its end and not a second longer") {
  staple(gateway.now() + 60s);
  gateway.advance(59s);
  CHECK(stapled(connect(TLS1_3_VERSION)) == "response 0");
  gateway.advance(1s);
  const Connection late = connect(TLS1_3_VERSION);
  CHECK(late.established());
  CHECK(stapled(late).empty());
}

TEST_CASE_FIXTURE(Fixture, "without staples handshakes go on, and a new generation keeps those that there are") {
  gateway.reload({HostSpec{.name = "new.example", .client_auth = ClientAuth::off},
                  HostSpec{.client_auth = ClientAuth::off, .stapling = true}});
  CHECK(stapled(connect(TLS1_3_VERSION)) == "response 0");
  gateway.contexts()->staples().replace(nullptr);
  const Connection bare = connect(TLS1_3_VERSION);
  CHECK(bare.established());
  CHECK(stapled(bare).empty());
}

TEST_CASE("a certificate says whether it must be stapled") {
  const auto with = [](const std::string& value) {
    return facts_of(issue({.extensions = {{"tlsfeature", value}}}, &client_root()).der())->must_staple;
  };
  CHECK(with("status_request"));
  CHECK(with("status_request_v2,status_request"));
  CHECK(!with("status_request_v2"));
  CHECK(!facts_of(make_server("a.example", server_ca()).der())->must_staple);
}

TEST_CASE("an issuer is told by its name and its key") {
  const Issued ca = make_root("CA");
  const Issued namesake = make_root("CA");
  const Issued server = make_server("a.example", ca);
  CHECK(is_issued_by(server.der(), ca.der()));
  CHECK(!is_issued_by(server.der(), namesake.der()));
  CHECK(!is_issued_by(server.der(), server_ca().der()));
  CHECK(!is_issued_by(server.der(), "nonsense"));
}
