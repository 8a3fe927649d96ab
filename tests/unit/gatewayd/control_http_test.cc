#include "gatewayd/control_http.h"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gatewayd/control_sockets.h"
#include "temp_folder.h"
#include "test_client.h"

using namespace gateway;
using namespace gateway::gatewayd;

namespace {

// A server on a Unix socket that answers with what it was asked, or later if `hold` is set.
struct Server {
  explicit Server(ControlHttpServer::Limits limits = {})
      : path(folder / "admin.sock"),
        server(
            loop,
            [this](HttpRequest request, Responder respond) {
              requests.push_back(request);
              if (hold) {
                held.emplace(std::move(respond));
              } else {
                respond({.status = 200,
                         .body = request.method + ' ' + request.path + '|' + request.query + '|' + request.body});
              }
            },
            limits) {
    auto socket = AdminSocket::open(path);
    REQUIRE(socket.has_value());
    admin.emplace(std::move(*socket));
    REQUIRE(server.listen(admin->take()) == 0);
  }

  TempFolder folder;
  std::string path;
  core::EventLoop loop;
  std::optional<AdminSocket> admin;
  bool hold = false;
  std::vector<HttpRequest> requests;
  std::optional<Responder> held;
  ControlHttpServer server;
};

std::string body_of(const std::string& answer) {
  return answer.substr(answer.find("\r\n\r\n") + 4);
}

}  // namespace

TEST_CASE("a request over the Unix socket reaches the handler and its answer closes the connection") {
  Server server;
  TestClient client(server.loop, server.path);
  REQUIRE(client.connected());
  REQUIRE(client.send("POST /reload?wait=1 HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhel"));
  REQUIRE(client.send("lo"));
  const auto answer = client.read_all();
  CHECK(answer.starts_with("HTTP/1.1 200 OK\r\n"));
  CHECK(answer.find("\r\nConnection: close\r\n") != std::string::npos);
  CHECK(body_of(answer) == "POST /reload|wait=1|hello");
}

TEST_CASE("a client that has ended its side still gets its answer") {
  Server server;
  TestClient client(server.loop, server.path);
  REQUIRE(client.send("GET /status HTTP/1.1\r\nHost: x\r\n\r\n"));
  client.end();
  CHECK(body_of(client.read_all()) == "GET /status||");
}

TEST_CASE("HEAD gets the head only") {
  Server server;
  TestClient client(server.loop, server.path);
  REQUIRE(client.send("HEAD /metrics HTTP/1.1\r\nHost: x\r\n\r\n"));
  const auto answer = client.read_all();
  CHECK(answer.find("Content-Length: 15\r\n") != std::string::npos);
  CHECK(body_of(answer).empty());
}

TEST_CASE("what is no HTTP/1 is 400") {
  Server server;
  for (const char* text : {"hello\r\n\r\n", "\x16\x03\x01\x02\x01", "GET / HTTP/1.1\r\nHost: a\r\nA b: c\r\n\r\n"}) {
    CAPTURE(text);
    TestClient client(server.loop, server.path);
    REQUIRE(client.send(text));
    CHECK(client.read_all().starts_with("HTTP/1.1 400 "));
  }
  CHECK(server.requests.empty());
}

TEST_CASE("a request beyond the limit is 413, however it is spread, and the answer arrives") {
  Server server({.request_bytes = 1000});
  SUBCASE("in its fields") {
    TestClient client(server.loop, server.path);
    REQUIRE(client.send("GET / HTTP/1.1\r\nA: "));
    REQUIRE(client.send(std::string(5000, 'a')));
    CHECK(client.read_all().starts_with("HTTP/1.1 413 "));
  }
  SUBCASE("in its body") {
    TestClient client(server.loop, server.path);
    REQUIRE(client.send("POST / HTTP/1.1\r\nContent-Length: 5000\r\n\r\n"));
    REQUIRE(client.send(std::string(5000, 'a')));
    CHECK(client.read_all().starts_with("HTTP/1.1 413 "));
  }
  CHECK(server.requests.empty());
}

TEST_CASE("a client that does not finish its request is told 408") {
  Server server({.request_time = core::Milliseconds(1)});
  TestClient client(server.loop, server.path);
  REQUIRE(client.send("GET / HT"));
  CHECK(client.read_all().starts_with("HTTP/1.1 408 "));
}

TEST_CASE("an answer may come later, and to a client that is gone it does nothing") {
  Server server;
  server.hold = true;
  TestClient client(server.loop, server.path);
  REQUIRE(client.send("GET /slow HTTP/1.1\r\nHost: x\r\n\r\n"));
  while (!server.held) client.turn();
  SUBCASE("the client waits") {
    (*server.held)({.status = 200, .body = "late"});
    CHECK(body_of(client.read_all()) == "late");
  }
  SUBCASE("the client has gone") {
    client.close();
    for (int i = 0; i < 100; ++i) client.turn();
    (*server.held)({.status = 200, .body = "late"});
    (*server.held)({.status = 200, .body = "twice"});
    for (int i = 0; i < 100; ++i) client.turn();
    CHECK(server.server.connections() == 0);
  }
}

TEST_CASE("connections beyond the limit are closed, and those before it are served") {
  Server server({.connections = 2});
  TestClient first(server.loop, server.path);
  TestClient second(server.loop, server.path);
  TestClient third(server.loop, server.path);
  for (int i = 0; i < 100; ++i) first.turn();
  CHECK(server.server.connections() == 2);
  CHECK(third.read_all().empty());
  REQUIRE(first.send("GET /a HTTP/1.1\r\nHost: x\r\n\r\n"));
  CHECK(body_of(first.read_all()) == "GET /a||");
}

TEST_CASE("the admin socket is for its owner only, replaces a dead one and never a live one") {
  const TempFolder folder;
  const std::string path = folder / "made/on/the/way/admin.sock";
  {
    auto first = AdminSocket::open(path);
    REQUIRE(first.has_value());
    struct stat info{};
    REQUIRE(::lstat(path.c_str(), &info) == 0);
    CHECK((info.st_mode & 0777U) == 0600);
    const auto second = AdminSocket::open(path);
    REQUIRE_FALSE(second.has_value());
    CHECK(second.error().detail.find("another daemon") != std::string::npos);
    // A crash: the file stays, nobody listens.
    static_cast<void>(first->take());
    const auto third = AdminSocket::open(path);
    REQUIRE(third.has_value());
  }
  CHECK_FALSE(std::filesystem::exists(path));
}

TEST_CASE("a path that is too long, or a file that is no socket, is an error that says so") {
  const TempFolder folder;
  const auto long_path = AdminSocket::open(folder / std::string(120, 'x').c_str());
  REQUIRE_FALSE(long_path.has_value());
  CHECK(long_path.error().detail.find("107") != std::string::npos);
  const std::string file = folder / "file";
  std::filesystem::create_directory(file);
  const auto taken = AdminSocket::open(file);
  REQUIRE_FALSE(taken.has_value());
  CHECK(std::filesystem::exists(file));
}
