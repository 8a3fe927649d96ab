#include "proxy/forwarding_headers.h"

#include <doctest/doctest.h>

#include "parsed_message.h"
#include "test_identity.h"

namespace gateway::proxy {
namespace {

// One request on its way through the gateway; each test changes what it is about.
struct Scene {
  Snapshot snapshot;
  Route route;
  RequestHead head;
  RequestTarget target;
  core::PeerIdentity identity = test_identity();
  RequestVariables variables;
  core::IpAddress source_ip = *core::IpAddress::parse("192.0.2.1");

  Scene() {
    head.method = "GET";
    target.path = "/c";
    variables.request_id = "id-1";
    snapshot.protected_fields = {"client-cert", "client-cert-chain", "x-forwarded-client-cert", "x-ssl-client-verify"};
  }

  void set(std::string name, std::string_view value) {
    route.set.push_back({.name = std::move(name), .value = *HeaderTemplate::parse(value)});
  }

  [[nodiscard]] std::string head_bytes() const {
    std::string out;
    write_upstream_request_head({.head = &head,
                                 .target = &target,
                                 .snapshot = &snapshot,
                                 .route = &route,
                                 .variables = variables,
                                 .source_ip = source_ip,
                                 .scheme = "https",
                                 .host = "a.test"},
                                out);
    return out;
  }

  // What our own strict parser reads from it; it must be one request without a doubt.
  [[nodiscard]] RequestHead sent() const {
    RequestParser parser{core::Limits{}};
    const std::string bytes = head_bytes();
    const ParseResult result = parser.parse(bytes, nullptr);
    CHECK(result.consumed == bytes.size());
    REQUIRE(result.status == ParseStatus::head_complete);
    return std::move(parser.head());
  }
};

std::string value_of(const RequestHead& head, std::string_view name) {
  const auto value = head.fields.find(name);
  return value ? std::string(*value) : "(none)";
}

// Whether any field folds to `folded`.
bool has_alias(const RequestHead& head, std::string_view folded) {
  for (const Field field : head.fields) {
    if (fold_field_name(field.name) == folded) return true;
  }
  return false;
}

ResponseHead response_of(std::string_view bytes) {
  ResponseParser parser;
  REQUIRE(parser.parse(bytes, nullptr).status == ParseStatus::head_complete);
  return std::move(parser.head());
}

std::string client_response(const ResponseHead& head, ForwardedResponse response = {}) {
  response.head = &head;
  std::string out;
  write_client_response_head(response, out);
  return out;
}

}  // namespace

TEST_CASE("a plain request goes on with our fields behind the client's") {
  Scene scene;
  scene.head.fields.add("Host", "evil");
  scene.head.fields.add("Accept", "*/*");
  scene.target.query = "?x=1";
  scene.set("X-SSL-Client-Verify", "${client.verify}");
  CHECK(
      scene.head_bytes() ==
      "GET /c?x=1 HTTP/1.1\r\nAccept: */*\r\nHost: a.test\r\nX-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Proto: https\r\n"
      "X-Forwarded-Host: a.test\r\nX-Request-Id: id-1\r\nX-SSL-Client-Verify: NONE\r\n\r\n");
}

TEST_CASE("hop-by-hop fields and what Connection names stay here") {
  Scene scene;
  for (const std::string_view name :
       {"Connection", "Keep-Alive", "Proxy-Connection", "TE", "Trailer", "Upgrade", "HTTP2-Settings",
        "Proxy-Authorization", "Transfer_Encoding", "Content_Length", "Expect"})
    scene.head.fields.add(name, name == "Connection" ? "X-Drop, keep-alive" : "x");
  scene.head.fields.add("X-Drop", "1");
  scene.head.fields.add("X-Keep", "1");
  const RequestHead sent = scene.sent();
  CHECK(sent.fields.size() == 6);
  CHECK(value_of(sent, "x-keep") == "1");
}

TEST_CASE("Connection can't remove what the gateway adds or the request stands on") {
  Scene scene;
  scene.head.fields.add("Connection",
                        "Host, Content-Length, X-Forwarded-For, X-SSL-Client-Verify, Authorization, Client-Cert");
  scene.head.fields.add("Connection", "X-Request-Id");
  scene.head.fields.add("Authorization", "Basic x");
  scene.head.body = BodyKind::content_length;
  scene.head.content_length = 5;
  scene.variables.identity = &scene.identity;
  scene.route.identity_headers.client_cert = true;
  scene.set("X-SSL-Client-Verify", "${client.verify}");
  const RequestHead sent = scene.sent();
  CHECK(value_of(sent, "Host") == "a.test");
  CHECK(value_of(sent, "Content-Length") == "5");
  CHECK(value_of(sent, "X-Forwarded-For") == "192.0.2.1");
  CHECK(value_of(sent, "X-SSL-Client-Verify") == "SUCCESS");
  CHECK(value_of(sent, "Authorization") == "Basic x");
  CHECK(value_of(sent, "Client-Cert") == ":Y2VydGlmaWNhdGU=:");
  CHECK(value_of(sent, "X-Request-Id") == "id-1");
}

TEST_CASE("no spelling of an identity field passes from a client") {
  Scene scene;
  for (const std::string_view name : {"Client-Cert", "client_cert", "CLIENT.CERT", "Client-Cert-Chain",
                                      "Client_Cert-Chain", "X-Forwarded-Client-Cert", "x_forwarded_client_cert",
                                      "X-SSL-Client-Verify", "X_SSL_Client_Verify", "x.ssl.client.verify"})
    scene.head.fields.add(name, "spoof");
  for (const bool trusted : {false, true}) {
    if (trusted) scene.snapshot.trusted_proxies = {*core::Cidr::parse("192.0.2.0/24")};
    CHECK(scene.head_bytes().find("spoof") == std::string::npos);
  }
  // The built-in ones go even if a snapshot forgot them.
  scene.snapshot.protected_fields = {"x-ssl-client-verify"};
  CHECK(scene.head_bytes().find("spoof") == std::string::npos);
}

TEST_CASE("an anonymous client has no identity fields") {
  Scene scene;
  scene.route.identity_headers = {.client_cert = true, .xfcc = true};
  scene.set("X-Client-Cert", "${client.cert}");
  const RequestHead sent = scene.sent();
  CHECK_FALSE(has_alias(sent, "client-cert"));
  CHECK_FALSE(has_alias(sent, "x-forwarded-client-cert"));
  CHECK_FALSE(has_alias(sent, "x-client-cert"));
}

TEST_CASE("an authenticated client is told of once") {
  Scene scene;
  scene.variables.identity = &scene.identity;
  scene.route.identity_headers = {.client_cert = true, .xfcc = true};
  const RequestHead sent = scene.sent();
  CHECK(sent.fields.count("client-cert") == 1);
  CHECK(sent.fields.count("x-forwarded-client-cert") == 1);
}

TEST_CASE("forwarding fields of a client that is no trusted proxy are replaced") {
  Scene scene;
  for (const std::string_view name :
       {"X-Forwarded-For", "X_Forwarded_For", "x.forwarded.for", "X-Forwarded-Proto", "X-Forwarded-Host",
        "X-Forwarded-Port", "Forwarded", "X-Real-IP", "X_Real_IP", "X-Request-Id", "X_Request_Id"})
    scene.head.fields.add(name, "spoof");
  CHECK(scene.head_bytes().find("spoof") == std::string::npos);
  scene.route.forwarding = {.x_forwarded = false, .x_request_id = false, .forwarded = false, .via = false};
  const RequestHead sent = scene.sent();
  CHECK_FALSE(has_alias(sent, "x-forwarded-for"));
  CHECK_FALSE(has_alias(sent, "forwarded"));
  CHECK_FALSE(has_alias(sent, "x-real-ip"));
}

TEST_CASE("a trusted proxy's forwarding fields are kept and added to") {
  Scene scene;
  scene.snapshot.trusted_proxies = {*core::Cidr::parse("192.0.2.0/24")};
  scene.route.forwarding.forwarded = true;
  scene.route.forwarding.via = true;
  scene.head.fields.add("X-Forwarded-For", "203.0.113.9");
  scene.head.fields.add("x-forwarded-for", "203.0.113.8");
  scene.head.fields.add("X_Forwarded_For", "spoof");
  scene.head.fields.add("X-Forwarded-Proto", "http");
  scene.head.fields.add("X-Forwarded-Host", "front.test");
  scene.head.fields.add("X-Forwarded-Port", "80");
  scene.head.fields.add("X-Real-IP", "203.0.113.9");
  scene.head.fields.add("Forwarded", "for=203.0.113.9");
  scene.head.fields.add("Via", "1.1 front");
  const RequestHead sent = scene.sent();
  CHECK(value_of(sent, "X-Forwarded-For") == "203.0.113.9, 203.0.113.8, 192.0.2.1");
  CHECK(value_of(sent, "X-Forwarded-Proto") == "http");
  CHECK(value_of(sent, "X-Forwarded-Host") == "front.test");
  CHECK(value_of(sent, "X-Forwarded-Port") == "80");
  CHECK(value_of(sent, "X-Real-IP") == "203.0.113.9");
  CHECK(value_of(sent, "Forwarded") == "for=203.0.113.9, for=192.0.2.1;host=\"a.test\";proto=https");
  CHECK(sent.fields.count("X-Forwarded-For") == 1);
  CHECK(sent.fields.count("X-Forwarded-Proto") == 1);
  CHECK(sent.fields.count("Via") == 2);
  CHECK(scene.head_bytes().find("spoof") == std::string::npos);
}

TEST_CASE("Forwarded puts an IPv6 address in brackets and quotes") {
  Scene scene;
  scene.source_ip = *core::IpAddress::parse("2001:db8::1");
  scene.route.forwarding = {.x_forwarded = false, .x_request_id = false, .forwarded = true, .via = false};
  CHECK(value_of(scene.sent(), "Forwarded") == "for=\"[2001:db8::1]\";host=\"a.test\";proto=https");
}

TEST_CASE("a request id of the client stays where the route sets none") {
  Scene scene;
  scene.head.fields.add("X-Request-Id", "theirs");
  CHECK(value_of(scene.sent(), "X-Request-Id") == "id-1");
  scene.route.forwarding.x_request_id = false;
  CHECK(value_of(scene.sent(), "X-Request-Id") == "theirs");
}

TEST_CASE("a route's own fields win over ours and are never doubled") {
  Scene scene;
  scene.set("Host", "legacy.internal");
  scene.set("X-Forwarded-Proto", "http");
  scene.set("x-request-id", "fixed");
  const RequestHead sent = scene.sent();
  CHECK(sent.fields.count("Host") == 1);
  CHECK(value_of(sent, "Host") == "legacy.internal");
  CHECK(sent.fields.count("X-Forwarded-Proto") == 1);
  CHECK(value_of(sent, "X-Forwarded-Proto") == "http");
  CHECK(sent.fields.count("X-Request-Id") == 1);
}

TEST_CASE("a route removes fields in any spelling") {
  Scene scene;
  scene.route.remove = {"X-Debug"};
  scene.head.fields.add("x-debug", "1");
  scene.head.fields.add("X_Debug", "1");
  scene.head.fields.add("X-Debug-Not", "1");
  const RequestHead sent = scene.sent();
  CHECK_FALSE(has_alias(sent, "x-debug"));
  CHECK(has_alias(sent, "x-debug-not"));
}

TEST_CASE("the body's framing is written anew") {
  Scene scene;
  scene.head.method = "POST";
  scene.head.fields.add("Content-Length", "0005");
  scene.head.body = BodyKind::content_length;
  scene.head.content_length = 5;
  CHECK(value_of(scene.sent(), "Content-Length") == "5");
  scene.head.body = BodyKind::chunked;
  scene.head.expect_continue = true;
  const RequestHead sent = scene.sent();
  CHECK(sent.body == BodyKind::chunked);
  CHECK(sent.expect_continue);
  CHECK(value_of(sent, "Content-Length") == "(none)");
}

TEST_CASE("an upgrade to websocket is asked for anew") {
  Scene scene;
  scene.head.fields.add("Connection", "Upgrade, X-Drop");
  scene.head.fields.add("Upgrade", "WebSocket");
  scene.head.fields.add("Sec-WebSocket-Key", "key");
  CHECK(value_of(scene.sent(), "Upgrade") == "(none)");
  scene.head.upgrade_websocket = true;
  const RequestHead sent = scene.sent();
  CHECK(sent.upgrade_websocket);
  CHECK(value_of(sent, "Connection") == "upgrade");
  CHECK(value_of(sent, "Sec-WebSocket-Key") == "key");
}

TEST_CASE("an asterisk target goes on as it is") {
  Scene scene;
  scene.head.method = "OPTIONS";
  scene.target.path = "*";
  scene.target.asterisk = true;
  CHECK(scene.head_bytes().starts_with("OPTIONS * HTTP/1.1\r\n"));
}

TEST_CASE("trailers carry no framing, routing, authentication or identity") {
  Scene scene;
  scene.route.remove = {"X-Debug"};
  Fields trailers;
  for (const std::string_view name :
       {"Content-Length", "Transfer-Encoding", "Host", "Connection", "Authorization", "Cookie", "Content-Type",
        "If-Match", "Client-Cert", "X_Forwarded_Client_Cert", "X-SSL-Client-Verify", "x.ssl.client.verify",
        "X-Forwarded-For", "X-Real-IP", "X-Request-Id", "X-Debug", "TE", "Expect", "Content_Length"})
    trailers.add(name, "spoof");
  trailers.add("Server-Timing", "1");
  std::string out;
  write_request_trailers(trailers, scene.snapshot, scene.route, out);
  CHECK(out == "0\r\nServer-Timing: 1\r\n\r\n");
}

TEST_CASE("a response goes on without what was meant for us") {
  const ResponseHead head = response_of(
      "HTTP/1.1 200 Fine\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nConnection: X-Drop, close\r\nX-Drop: "
      "1\r\nKeep-Alive: 5\r\n"
      "Upgrade: h2c\r\nTransfer-Encoding: chunked\r\nX-Keep: 1\r\n\r\n");
  CHECK(client_response(head, {.chunked = true}) ==
        "HTTP/1.1 200 Fine\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nX-Keep: 1\r\nTransfer-Encoding: chunked\r\n\r\n");
}

TEST_CASE("a response is dated, framed and told the fate of its connection") {
  const ResponseHead head = response_of("HTTP/1.0 200\r\nContent-Length: 5\r\nX-Request-Id: theirs\r\n\r\n");
  const std::string plain = client_response(head);
  CHECK(plain.starts_with("HTTP/1.1 200 OK\r\nX-Request-Id: theirs\r\nDate: "));
  CHECK(plain.ends_with(" GMT\r\nContent-Length: 5\r\n\r\n"));
  CHECK(client_response(head, {.close = true}).find("Connection: close\r\n") != std::string::npos);
  CHECK(client_response(head, {.client_version_minor = 0}).find("Connection: keep-alive\r\n") != std::string::npos);
  const std::string full = client_response(head, {.request_id = "ours", .via = true});
  CHECK(full.find("theirs") == std::string::npos);
  CHECK(full.find("X-Request-Id: ours\r\nVia: 1.0 gateway\r\n") != std::string::npos);
}

TEST_CASE("answers without content keep their length where it means something") {
  const ResponseHead not_modified = response_of("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n");
  CHECK(client_response(not_modified).find("Content-Length: 5\r\n") != std::string::npos);
  const ResponseHead no_content = response_of("HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n");
  CHECK(client_response(no_content).find("Content-Length") == std::string::npos);
  const ResponseHead ok = response_of("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
  CHECK(client_response(ok, {.to_head = true}).find("Content-Length: 5\r\n") != std::string::npos);
}

TEST_CASE("a tunnel's answer keeps its upgrade") {
  const ResponseHead head = response_of(
      "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: "
      "x\r\n\r\n");
  const std::string out = client_response(head, {.tunnel = true});
  CHECK(out.find("Connection: upgrade\r\nUpgrade: websocket\r\n") != std::string::npos);
  CHECK(out.find("Sec-WebSocket-Accept: x\r\n") != std::string::npos);
}

TEST_CASE("an interim response is passed on without hop-by-hop fields") {
  const ResponseHead head = response_of("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nConnection: close\r\n\r\n");
  std::string out;
  write_interim_response(head, out);
  CHECK(out == "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n");
}

TEST_CASE("response trailers carry no framing") {
  Fields trailers;
  trailers.add("Content-Length", "5");
  trailers.add("Set-Cookie", "a=b");
  trailers.add("X-Sum", "1");
  std::string out;
  write_response_trailers(trailers, out);
  CHECK(out == "0\r\nX-Sum: 1\r\n\r\n");
}

}  // namespace gateway::proxy
