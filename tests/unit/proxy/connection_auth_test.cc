#include "proxy/connection_auth.h"

#include <doctest/doctest.h>

namespace gateway::proxy {

TEST_CASE("NTLM and Negotiate authenticate a connection, in a request or a challenge") {
  RequestHead request;
  CHECK_FALSE(authenticates_connection(request));
  request.fields.add("AUTHORIZATION", "nTLM TlRMTVNTUAAB");
  CHECK(authenticates_connection(request));

  ResponseHead response;
  response.fields.add("WWW-Authenticate", "Basic realm=\"x\"");
  CHECK_FALSE(authenticates_connection(response));
  response.fields.add("www-authenticate", "Bearer, NEGOTIATE");
  CHECK(authenticates_connection(response));
}

TEST_CASE("the field is known in every spelling that an upstream might take for it") {
  RequestHead request;
  request.fields.add("Authorization", "Bearer ntlm");
  CHECK_FALSE(authenticates_connection(request));
  request.fields.add("Authorization", "Negotiate\tYII");
  CHECK(authenticates_connection(request));
}

}  // namespace gateway::proxy
