#include "proxy/field_rules.h"

#include <doctest/doctest.h>

#include "proxy/forwarding_headers.h"

namespace gateway::proxy {

TEST_CASE("field names fold as CGI and WSGI fold them") {
  CHECK(fold_field_name("X_Forwarded.Client-CERT") == "x-forwarded-client-cert");
  CHECK(equal_folded("X-SSL-Client-Verify", "x_ssl.client-verify"));
  CHECK_FALSE(equal_folded("X-A", "X-AB"));
}

TEST_CASE("a field's fate follows from its folded name") {
  CHECK(request_field_rule("transfer-encoding") == FieldRule::hop_by_hop);
  CHECK(request_field_rule("client-cert-chain") == FieldRule::identity);
  CHECK(request_field_rule("x-forwarded-client-cert") == FieldRule::identity);
  CHECK(request_field_rule("x-forwarded-port") == FieldRule::forwarding);
  CHECK(request_field_rule("x-real-ip") == FieldRule::forwarding);
  CHECK(request_field_rule("accept") == FieldRule::pass);
}

TEST_CASE("Connection removes what it names but nothing that a request can't do without") {
  Fields fields;
  fields.add("Connection", "close, X-Drop ,, Host");
  fields.add("connection", "authorization, x-other");
  const ConnectionOptions connection(fields);
  CHECK(connection.name("x-drop"));
  CHECK(connection.name("X-Other"));
  CHECK_FALSE(connection.name("Host"));
  CHECK_FALSE(connection.name("Authorization"));
  CHECK_FALSE(connection.name("close"));
  CHECK_FALSE(connection.name(""));
}

}  // namespace gateway::proxy
