#include "tls/tls_settings.h"

#include <doctest/doctest.h>

#include "test_gateway.h"

using namespace gateway::tls;
using namespace gateway::tls::test;
using gateway::core::Reason;

namespace {

TlsSettings narrow() {
  TlsSettings settings = settings_of(TlsProfile::custom);
  settings.ciphers = {"ECDHE-ECDSA-AES256-GCM-SHA384"};
  settings.cipher_suites = {"TLS_AES_256_GCM_SHA384"};
  settings.groups = {"P-384", "P-256"};
  settings.signature_algorithms = {"ecdsa_secp256r1_sha256"};
  return settings;
}

// With what the listener's own context does not have.
TlsSettings wide() {
  TlsSettings settings = settings_of(TlsProfile::custom);
  settings.ciphers.emplace_back("ECDHE-ECDSA-AES128-CCM");
  settings.cipher_suites.emplace_back("TLS_AES_128_CCM_SHA256");
  settings.groups = {"P-521", "X25519", "P-256"};
  return settings;
}

// Whichever of the hosts is the default one, and so the one that a careless switch would leave something of.
std::vector<HostSpec> hosts(const std::string& default_name) {
  std::vector<HostSpec> all = {{.name = "narrow.example", .settings = narrow()},
                               {.name = "usual.example"},
                               {.name = "wide.example", .settings = wide()}};
  for (HostSpec& host : all) host.is_default = host.name == default_name;
  return all;
}

const Issued& alice() {
  static const Issued client = make_client("alice", client_root());
  return client;
}

template <typename Test>
void with_each_default(Test test) {
  for (const char* name : {"narrow.example", "usual.example", "wide.example"}) {
    CAPTURE(name);
    test(Gateway(hosts(name)));
  }
}

struct Row {
  const char* host;
  Reason reason;
};

// `first_group` forces a HelloRetryRequest with TLS 1.3.
void expect(const Gateway& gateway, ClientSpec client, const std::vector<Row>& rows) {
  client.certificate = &alice();
  for (const Row& row : rows) {
    CAPTURE(row.host);
    client.server_name = row.host;
    CHECK(connect(gateway, client).reason() == row.reason);
  }
}

constexpr const char* kRetried = "P-521:P-384:P-256:X25519";  // its key share is for a group that few hosts have

}  // namespace

TEST_CASE("the ciphers of TLS 1.2 are those of the host, whichever host is the default") {
  with_each_default([](const Gateway& gateway) {
    expect(gateway, {.version = TLS1_2_VERSION, .tls12_ciphers = "ECDHE-ECDSA-AES128-GCM-SHA256"},
           {{"narrow.example", Reason::no_shared_cipher},
            {"usual.example", Reason::none},
            {"wide.example", Reason::none}});
    expect(gateway, {.version = TLS1_2_VERSION, .tls12_ciphers = "ECDHE-ECDSA-AES128-CCM"},
           {{"narrow.example", Reason::no_shared_cipher},
            {"usual.example", Reason::no_shared_cipher},
            {"wide.example", Reason::none}});
    expect(gateway, {.version = TLS1_2_VERSION, .tls12_ciphers = "ECDHE-ECDSA-AES256-GCM-SHA384"},
           {{"narrow.example", Reason::none}, {"usual.example", Reason::none}, {"wide.example", Reason::none}});
  });
}

TEST_CASE("the cipher suites of TLS 1.3 are those of the host, with a HelloRetryRequest too") {
  with_each_default([](const Gateway& gateway) {
    for (const char* groups : {"P-256", kRetried}) {
      CAPTURE(groups);
      expect(gateway, {.groups = groups, .tls13_suites = "TLS_AES_128_GCM_SHA256"},
             {{"narrow.example", Reason::no_shared_cipher},
              {"usual.example", Reason::none},
              {"wide.example", Reason::none}});
      expect(gateway, {.groups = groups, .tls13_suites = "TLS_AES_128_CCM_SHA256"},
             {{"narrow.example", Reason::no_shared_cipher},
              {"usual.example", Reason::no_shared_cipher},
              {"wide.example", Reason::none}});
      expect(gateway, {.groups = groups, .tls13_suites = "TLS_AES_256_GCM_SHA384"},
             {{"narrow.example", Reason::none}, {"usual.example", Reason::none}, {"wide.example", Reason::none}});
    }
  });
}

TEST_CASE("the groups are those of the host, in TLS 1.2 and 1.3") {
  with_each_default([](const Gateway& gateway) {
    for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
      CAPTURE(version);
      expect(gateway, {.version = version, .groups = "X25519:P-256"},
             {{"narrow.example", Reason::none}, {"usual.example", Reason::none}, {"wide.example", Reason::none}});
    }
    expect(gateway, {.groups = "X25519"},
           {{"narrow.example", Reason::no_shared_cipher},
            {"usual.example", Reason::none},
            {"wide.example", Reason::none}});
    expect(gateway, {.groups = "P-521"},
           {{"narrow.example", Reason::no_shared_cipher},
            {"usual.example", Reason::no_shared_cipher},
            {"wide.example", Reason::none}});
    expect(gateway, {.groups = "P-384"},
           {{"narrow.example", Reason::none},
            {"usual.example", Reason::none},
            {"wide.example", Reason::no_shared_cipher}});
  });
}

TEST_CASE("the order of groups is the host's, so a HelloRetryRequest leads to a group that the host wants") {
  const Gateway gateway(hosts("usual.example"));
  const auto group_of = [&](const char* host, const char* offered) {
    const Connection made = connect(gateway, {.server_name = host, .certificate = &alice(), .groups = offered});
    REQUIRE(made.established());
    return SSL_get_negotiated_group(made.client->ssl());
  };
  CHECK(group_of("narrow.example", "X25519:P-384") == NID_secp384r1);
  CHECK(group_of("usual.example", "P-521:P-384") == NID_secp384r1);
  CHECK(group_of("wide.example", "P-521:P-384") == NID_secp521r1);
}

TEST_CASE("a client's signature algorithm must be one of the host's") {
  const Issued edwards = issue({.common_name = "ed", .key = KeyKind::ed25519}, &client_root());
  with_each_default([&](const Gateway& gateway) {
    for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
      for (const char* groups : {"", kRetried}) {
        CAPTURE(version);
        const auto reason = [&](const char* host) {
          return connect(gateway, {.version = version, .server_name = host, .certificate = &edwards, .groups = groups})
              .reason();
        };
        // The certificate request names no algorithm that this key has, so the client shows nothing.
        CHECK(reason("narrow.example") == Reason::no_certificate);
        CHECK(reason("usual.example") == Reason::none);
        CHECK(reason("wide.example") == Reason::none);
      }
    }
  });
}

TEST_CASE("the modern profile has no TLS 1.2") {
  const Gateway gateway(
      {{.name = "modern.example", .min_version = ProtocolVersion::tls13, .settings = settings_of(TlsProfile::modern)},
       {.name = "usual.example", .is_default = true}});
  expect(gateway, {.version = TLS1_2_VERSION},
         {{"modern.example", Reason::protocol_version}, {"usual.example", Reason::none}});
  expect(gateway, {.version = TLS1_3_VERSION}, {{"modern.example", Reason::none}, {"usual.example", Reason::none}});
  expect(gateway, {.version = 0, .groups = kRetried},
         {{"modern.example", Reason::none}, {"usual.example", Reason::none}});
}

TEST_CASE("how large a client's chain may be is the host's, in TLS 1.2 and 1.3") {
  const Issued one = make_intermediate("One", client_root());
  const Issued two = make_intermediate("Two", one);
  const Issued leaf = make_client("leaf", two);
  for (const char* default_name : {"small.example", "usual.example"}) {
    std::vector<HostSpec> all = {{.name = "small.example", .max_client_chain_bytes = 1024}, {.name = "usual.example"}};
    for (HostSpec& host : all) host.is_default = host.name == default_name;
    const Gateway gateway(all);
    for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
      CAPTURE(version);
      const auto connected = [&](const char* host, const std::vector<const Issued*>& chain, const Issued& client) {
        return connect(gateway, {.version = version, .server_name = host, .certificate = &client, .chain = chain});
      };
      CHECK(connected("small.example", {&two, &one}, leaf).reason() == Reason::too_large);
      CHECK(connected("small.example", {}, alice()).reason() == Reason::none);
      CHECK(connected("usual.example", {&two, &one}, leaf).reason() == Reason::none);
    }
  }
}

TEST_CASE("a session does not outlive the settings that it was made under") {
  TlsSettings larger_keys = settings_of(TlsProfile::custom);
  larger_keys.min_rsa_bits = 4096;
  TlsSettings other_ciphers = settings_of(TlsProfile::custom);
  std::swap(other_ciphers.ciphers[0], other_ciphers.ciphers[1]);
  auto waiving = std::make_shared<TrustSet>(*make_trust({client_root()}));
  waiving->require_client_purpose = false;
  auto partial = std::make_shared<TrustSet>(*make_trust({client_root()}));
  partial->partial_chains = true;
  const auto resumes_after = [](const SessionKind& kind, HostSpec changed) {
    const auto [version, store] = kind;
    changed.session_store = store;
    Gateway gateway({{.name = "host.example", .session_store = store}});
    Connection first = connect(gateway, {.version = version, .certificate = &alice()});
    REQUIRE(first.established());
    exchange(first);
    gateway.reload({changed});
    const Connection again =
        connect(gateway, {.version = version, .certificate = &alice(), .session = first.client->session()});
    CHECK(again.established());
    return again.report().resumed;
  };
  for (const SessionKind& kind : kSessionKinds) {
    CAPTURE(kind.version);
    CHECK(resumes_after(kind, {.name = "host.example"}));
    CHECK_FALSE(resumes_after(kind, {.name = "host.example", .settings = larger_keys}));
    CHECK_FALSE(resumes_after(kind, {.name = "host.example", .settings = other_ciphers}));
    CHECK_FALSE(resumes_after(kind, {.name = "host.example", .trust = waiving}));
    CHECK_FALSE(resumes_after(kind, {.name = "host.example", .trust = partial}));
    CHECK_FALSE(resumes_after(kind, {.name = "host.example", .max_client_chain_bytes = 32 << 10}));
  }
}
