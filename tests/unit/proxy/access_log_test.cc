#include "proxy/access_log.h"

#include <doctest/doctest.h>

#include "test_identity.h"

namespace gateway::proxy {
namespace {

using std::chrono::microseconds;

std::string json(const RequestRecord& record) {
  std::string out;
  format_request(record, LogFormat::json, out);
  return out;
}

const std::chrono::system_clock::time_point kTime{std::chrono::seconds(784'111'777) + microseconds(5)};

}  // namespace

TEST_CASE("a request is one JSON line with what is known of it") {
  const core::PeerIdentity identity = test_identity();
  RequestRecord record{.time = kTime, .request_id = "id-1", .source_ip = "192.0.2.1", .source_port = 4711};
  record.listener = "0.0.0.0:8443";
  record.virtual_host = "payments";
  record.route = "/*";
  record.upstream = "legacy";
  record.endpoint = "127.0.0.1:9000";
  record.method = "GET";
  record.host = "payments.example.com";
  record.path = "/a?b=c";
  record.status = 200;
  record.request_bytes = 1;
  record.response_bytes = 2;
  record.duration = microseconds(1'234'567);
  record.upstream_connect = microseconds(30);
  record.upstream_first_byte = microseconds(40);
  record.tls_version = "TLSv1.3";
  record.tls_cipher = "TLS_AES_128_GCM_SHA256";
  record.sni = "payments.example.com";
  record.client_auth = "strict";
  record.identity = &identity;
  record.policy = "payments";
  record.rule = "partners";
  record.decision = "allow";
  std::string hash;
  for (int i = 0; i < 32; ++i) hash += "ab";
  CHECK(
      json(record) ==
      R"({"time":"1994-11-06T08:49:37.000005Z","type":"request","request_id":"id-1","source_ip":"192.0.2.1",)"
      R"("source_port":4711,"listener":"0.0.0.0:8443","virtual_host":"payments","route":"/*","upstream":"legacy",)"
      R"("endpoint":"127.0.0.1:9000","method":"GET","host":"payments.example.com","path":"/a?b=c","http_version":"1.1",)"
      R"("status":200,"request_bytes":1,"response_bytes":2,"duration":1.234567,"upstream_connect":0.000030,)"
      R"("upstream_first_byte":0.000040,"tls_version":"TLSv1.3","tls_cipher":"TLS_AES_128_GCM_SHA256",)"
      R"("sni":"payments.example.com","resumed":false,"client_auth":"strict",)"
      R"("identity":{"cn":"batch","san":"URI:spiffe://corp.example/batch","fingerprint":"sha256:)" +
          hash + R"("},"policy":"payments","rule":"partners","decision":"allow"})" + "\n");
}

TEST_CASE("what is not known of a request is left out") {
  const std::string line =
      json({.time = kTime, .status = 400, .reason = core::Reason::bad_request, .detail = "no Host"});
  CHECK(line.find("identity") == std::string::npos);
  CHECK(line.find("upstream") == std::string::npos);
  CHECK(line.find("resumed") == std::string::npos);
  CHECK(line.find(R"("reason":"bad_request","detail":"no Host"})") != std::string::npos);
}

TEST_CASE("no byte of a peer can end its string or its line") {
  struct Case {
    std::string_view text;
    std::string_view escaped;
  };
  using namespace std::string_view_literals;
  for (const Case& c : std::initializer_list<Case>{
           {"a\"b\\c", R"(a\"b\\c)"},
           {"\r\n\t\x1b", R"(\u000d\u000a\u0009\u001b)"},
           {"\0"sv, R"(\u0000)"},
           {"\x7f", R"(\u007f)"},
           {"caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x94\x92", "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x94\x92"},
           {"\xc3", R"(\u00c3)"},
           {"\xc3(", R"(\u00c3()"},
           {"\xc0\xaf", R"(\u00c0\u00af)"},
           {"\xed\xa0\x80", R"(\u00ed\u00a0\u0080)"},
           {"\xf5\x80\x80\x80", R"(\u00f5\u0080\u0080\u0080)"},
           {"\xe2\x82", R"(\u00e2\u0082)"},
           {"\xc2\x9b", R"(\u00c2\u009b)"},
       }) {
    CAPTURE(c.escaped);
    CHECK(json({.time = kTime, .path = c.text}).find("\"path\":\"" + std::string(c.escaped) + "\"") !=
          std::string::npos);
  }
}

TEST_CASE("a failed handshake is one line with what the client offered") {
  std::string out;
  format_handshake({.time = kTime,
                    .source_ip = "2001:db8::1",
                    .source_port = 1,
                    .listener = "main",
                    .sni = "a.test",
                    .reason = core::Reason::unknown_ca,
                    .offered_versions = "TLSv1.3,TLSv1.2",
                    .offered_alpn = "h2",
                    .presented_subject = "CN=x",
                    .presented_issuer = "CN=y",
                    .duration = microseconds(7)},
                   LogFormat::json, out);
  CHECK(
      out ==
      R"({"time":"1994-11-06T08:49:37.000005Z","type":"handshake","source_ip":"2001:db8::1","source_port":1,)"
      R"("listener":"main","sni":"a.test","reason":"unknown_ca","offered_versions":"TLSv1.3,TLSv1.2","offered_alpn":"h2",)"
      R"("presented_subject":"CN=x","presented_issuer":"CN=y","duration":0.000007})"
      "\n");
}

TEST_CASE("a connection that was ended has its line, with the client and the reason") {
  const core::PeerIdentity identity = test_identity();
  std::string out;
  format_connection({.time = kTime,
                     .source_ip = "192.0.2.1",
                     .source_port = 2,
                     .listener = "main",
                     .virtual_host = "pay",
                     .client_auth = "strict",
                     .sni = "a.test",
                     .identity = &identity,
                     .reason = core::Reason::revoked,
                     .duration = microseconds(7)},
                    LogFormat::json, out);
  CHECK(out.starts_with(
      R"({"time":"1994-11-06T08:49:37.000005Z","type":"connection","source_ip":"192.0.2.1","source_port":2,)"
      R"("listener":"main","virtual_host":"pay","client_auth":"strict","sni":"a.test","identity":{"cn":")"));
  CHECK(out.ends_with("\"},\"reason\":\"revoked\",\"duration\":0.000007}\n"));
}

TEST_CASE("the text form is key=value, quoted where it has to be") {
  const core::PeerIdentity identity = test_identity();
  std::string out;
  format_request({.time = kTime, .source_ip = "192.0.2.1", .path = "/a b=\"", .status = 200, .identity = &identity},
                 LogFormat::text, out);
  CHECK(out.starts_with(
      "time=1994-11-06T08:49:37.000005Z type=request source_ip=192.0.2.1 source_port=0 path=\"/a b=\\\"\" "));
  CHECK(out.find(" identity.cn=batch identity.san=URI:spiffe://corp.example/batch ") != std::string::npos);
  CHECK(out.ends_with("\n"));
}

}  // namespace gateway::proxy
