#include <doctest/doctest.h>

#include <array>
#include <limits>

#include "config/address.h"
#include "config/environment.h"
#include "config/quote.h"
#include "config/scalar.h"
#include "config/suggestion.h"
#include "config_folder.h"

namespace gateway::config {
namespace {

using std::chrono::milliseconds;

TEST_CASE("durations have a unit") {
  CHECK(parse_duration("250ms") == milliseconds(250));
  CHECK(parse_duration("5s") == milliseconds(5'000));
  CHECK(parse_duration("1m30s") == milliseconds(90'000));
  CHECK(parse_duration("12h") == milliseconds(43'200'000));
  CHECK(parse_duration("0s") == milliseconds(0));
  for (const char* bad : {"", "5", "s", "-5s", "5 s", "1.5s", "5S", "5sec", "30s1m", "5s5s", "99999999999999999999s",
                          "9223372036854775807d"}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_duration(bad));
  }
}

TEST_CASE("sizes are bytes or powers of 1024") {
  CHECK(parse_size("100B") == 100);
  CHECK(parse_size("100") == 100);
  CHECK(parse_size("64KiB") == 65'536);
  CHECK(parse_size("1 MiB") == 1'048'576);
  CHECK(parse_size("1GiB") == 1'073'741'824);
  for (const char* bad : {"", "KiB", "-1", "1K", "1KB", "1kib", "1.5MiB", "1  MiB", "99999999999TiB"}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_size(bad));
  }
}

TEST_CASE("booleans take YAML 1.1's words") {
  for (const char* yes : {"true", "True", "yes", "on", "ON"}) CHECK(parse_boolean(yes) == true);
  for (const char* no : {"false", "no", "off", "Off"}) CHECK(parse_boolean(no) == false);
  for (const char* other : {"", "1", "y", "enabled"}) CHECK_FALSE(parse_boolean(other));
}

TEST_CASE("the nearest word is suggested, and none if none is near") {
  constexpr std::array<std::string_view, 4> kWords{"listeners", "virtual_hosts", "bind", "client_auth"};
  CHECK(nearest("listners", kWords) == "listeners");
  CHECK(nearest("virtual-hosts", kWords) == "virtual_hosts");
  CHECK(nearest("VirtualHost", kWords) == "virtual_hosts");
  CHECK(nearest("bnid", kWords) == "bind");
  CHECK(nearest("clientAuth", kWords) == "client_auth");
  CHECK(nearest("elephant", kWords).empty());
  CHECK(nearest("", kWords).empty());
  CHECK(nearest(std::string(1'000, 'x'), kWords).empty());
  CHECK(one_of(kWords) == "listeners, virtual_hosts, bind or client_auth");
}

TEST_CASE("what comes from outside can't forge a line of output") {
  CHECK(escaped("a\nb\x1B[0m\t") == "a\\nb\\x1B[0m\\t");
  CHECK(in_quotes(std::string(1'000, 'x')).size() < 300);
}

struct Replaced {
  std::map<std::string, std::string> variables;
  std::string operator()(std::string_view text, Variables kind = Variables::environment_only) const {
    const auto result = replace_variables(text, kind, environment_of(variables));
    return result ? *result : "error: " + result.error();
  }
};

TEST_CASE("environment variables are named in capitals and may have a default") {
  const Replaced replaced{{{"NAME", "value"}, {"EMPTY", ""}, {"NESTED", "${NAME}"}}};
  CHECK(replaced("${NAME}") == "value");
  CHECK(replaced("a ${NAME} b ${NAME:-x}${UNSET:-default}") == "a value b valuedefault");
  CHECK(replaced("${EMPTY}|${EMPTY:-x}|${UNSET:-}") == "|x|");
  CHECK(replaced("${NESTED}") == "${NAME}");
  CHECK(replaced("$NAME costs $5 {NAME}") == "$NAME costs $5 {NAME}");
  CHECK(replaced("$${NAME}") == "${NAME}");
  CHECK(replaced("${UNSET}") == "error: environment variable UNSET is not set; set it or write ${UNSET:-default}");
  CHECK(replaced("${NAME") == "error: a '}' is missing behind '${'");
  CHECK(replaced("${Name}").starts_with("error: '${Name}' is no variable"));
  CHECK(replaced("${}").starts_with("error: '${}' is no variable"));
}

TEST_CASE("request variables stand in header values only, and the environment brings none in") {
  const Replaced replaced{{{"NAME", "value"}, {"EVIL", "x${client.cn}"}}};
  CHECK(replaced("${client.verify}").starts_with("error: ${client.verify} is a variable of the request"));
  CHECK(replaced("${client.verify}-${NAME}", Variables::for_header_value) == "${client.verify}-value");
  CHECK(replaced("${EVIL}", Variables::for_header_value) ==
        "error: a header value can't hold a literal \"${\" (in environment variable EVIL)");
  CHECK(replaced("$${client.cn}", Variables::for_header_value) == "error: a header value can't hold a literal \"${\"");
}

TEST_CASE("a bind address is a literal IP with a port") {
  CHECK(parse_socket_address("0.0.0.0:8443")->host == "0.0.0.0");
  CHECK(parse_socket_address("[::]:8443")->host == "::");
  CHECK(parse_socket_address("[::]:8443")->port == 8443);
  for (const char* bad : {"", "8443", ":8443", "*:8443", "localhost:80", "0.0.0.0", "0.0.0.0:0", "0.0.0.0:65536",
                          "::1:80", "[::1]", "[0.0.0.0]:80", "1.2.3:80", "0.0.0.0:+1", "[::1%lo]:80", "unix:/x"}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_socket_address(bad));
  }
  CHECK(parse_socket_address("*:80").error().find("0.0.0.0:PORT") != std::string::npos);
  CHECK(parse_socket_address("::1:80").error().find("brackets") != std::string::npos);
}

TEST_CASE("an endpoint is an address, a name or a Unix socket") {
  CHECK(parse_endpoint("127.0.0.1:9000")->host == "127.0.0.1");
  CHECK_FALSE(parse_endpoint("127.0.0.1:9000")->needs_resolving);
  CHECK(parse_endpoint("[::1]:80")->host == "::1");
  CHECK(parse_endpoint("api.internal:8080")->needs_resolving);
  CHECK(parse_endpoint("API.internal:8080")->host == "api.internal");
  CHECK(parse_endpoint("API.internal:8080")->address == "API.internal:8080");
  CHECK(parse_endpoint("unix:/run/api.sock")->unix_path == "/run/api.sock");
  CHECK(parse_endpoint("unix:run/api.sock")->unix_path == "run/api.sock");
  for (const char* bad : {"", "unix:", "api", "http://api:80", "api:80/path", "api:0", "a b:80", "256.0.0.1:80",
                          "1.2.3:80", "::1:80", "[api]:80", "user@api:80"}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_endpoint(bad));
  }
}

}  // namespace
}  // namespace gateway::config
