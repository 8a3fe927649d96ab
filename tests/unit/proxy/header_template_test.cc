#include "proxy/header_template.h"

#include <doctest/doctest.h>

#include "test_identity.h"

namespace gateway::proxy {
namespace {

std::string rendered(std::string_view text, const RequestVariables& variables) {
  const auto parsed = HeaderTemplate::parse(text);
  REQUIRE(parsed.has_value());
  std::string out;
  parsed->render(variables, out);
  return out;
}

}  // namespace

TEST_CASE("every variable stands for its fact") {
  const core::PeerIdentity identity = test_identity();
  const RequestVariables variables{.identity = &identity,
                                   .tls_version = "TLSv1.3",
                                   .tls_cipher = "TLS_AES_128_GCM_SHA256",
                                   .tls_sni = "a.test",
                                   .tls_resumed = true,
                                   .source_ip = "192.0.2.1",
                                   .request_id = "id-1",
                                   .policy_rule = "partners"};
  struct Case {
    std::string_view text;
    std::string_view value;
  };
  std::string fingerprint;
  for (int i = 0; i < 32; ++i) fingerprint += "ab";
  for (const Case& c : std::initializer_list<Case>{
           {"${client.verify}", "SUCCESS"},
           {"${client.subject_dn}", "CN=batch,O=Example\\, Inc"},
           {"${client.issuer_dn}", "CN=Example CA"},
           {"${client.cn}", "batch"},
           {"${client.serial}", "0A1B"},
           {"${client.fingerprint}", fingerprint},
           {"${client.not_after}", "1994-11-06T08:49:37Z"},
           {"${client.cert}", "-----BEGIN%20CERTIFICATE-----%0AY2VydGlmaWNhdGU%3D%0A-----END%20CERTIFICATE-----%0A"},
           {"${client.san.dns}", "batch.example"},
           {"${client.san.uri}", "spiffe://corp.example/batch"},
           {"${client.san.email}", "batch@corp.example"},
           {"${client.san.ip}", "192.0.2.7"},
           {"${tls.version}", "TLSv1.3"},
           {"${tls.cipher}", "TLS_AES_128_GCM_SHA256"},
           {"${tls.sni}", "a.test"},
           {"${tls.resumed}", "true"},
           {"${source_ip}", "192.0.2.1"},
           {"${request.id}", "id-1"},
           {"${policy.rule}", "partners"},
           {"a ${client.cn}, ${source_ip}!", "a batch, 192.0.2.1!"},
           {"plain $ {x} }", "plain $ {x} }"},
           {"", ""},
       }) {
    CAPTURE(c.text);
    CHECK(rendered(c.text, variables) == c.value);
  }
}

TEST_CASE("an anonymous client has no facts but that") {
  CHECK(rendered("${client.verify}", {}) == "NONE");
  for (const std::string_view text :
       {"${client.cn}", "${client.cert}", "${client.san.uri}", "${client.not_after}", "${tls.resumed}"})
    CHECK(rendered(text, {}).empty());
}

TEST_CASE("a client without names of a kind gives an empty value") {
  const core::PeerIdentity identity;
  CHECK(rendered("${client.cn}${client.san.dns}${client.san.ip}", {.identity = &identity}).empty());
}

TEST_CASE("what a certificate brings can't break out of its field") {
  core::PeerIdentity identity;
  identity.common_names = {"a\r\nX-Admin: 1"};
  identity.subject_dn = "CN=a\r\nX-Admin: 1";
  const RequestVariables variables{.identity = &identity};
  CHECK(rendered("${client.cn}", variables) == "a%0D%0AX-Admin: 1");
  CHECK(rendered("${client.subject_dn}", variables) == "CN=a\\0D\\0AX-Admin: 1");
}

TEST_CASE("an unknown variable is refused with the nearest known one") {
  const auto error = [](std::string_view text) {
    const auto parsed = HeaderTemplate::parse(text);
    return parsed ? std::string() : parsed.error();
  };
  CHECK(error("${client.subject}").find("${client.subject_dn}") != std::string::npos);
  CHECK(error("${client.san.dn}").find("${client.san.dns}") != std::string::npos);
  CHECK(error("x ${request_id}").find("${request.id}") != std::string::npos);
  CHECK_FALSE(error("${}").empty());
  CHECK_FALSE(error("${client.cn").empty());
  CHECK_FALSE(error("a\r\nb").empty());
  CHECK_FALSE(error("${" + std::string(5000, 'x') + "}").empty());
}

TEST_CASE("a template knows whether it depends on the request") {
  CHECK(HeaderTemplate::parse("a${client.cn}")->has_variables());
  CHECK_FALSE(HeaderTemplate::parse("a")->has_variables());
}

}  // namespace gateway::proxy
