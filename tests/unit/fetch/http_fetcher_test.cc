#include "fetch/http_fetcher.h"

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <optional>

#include "scripted_server.h"

using namespace gateway;
using namespace gateway::fetch;
using namespace std::chrono_literals;
using Connection = ScriptedServer::Connection;

namespace {

FetchRequest get(const std::string& url) {
  return {.method = FetchRequest::Method::get,
          .url = core::HttpUrl::parse(url).value(),
          .content_type = {},
          .body = {},
          .headers = {},
          .max_response_bytes = 1 << 20,
          .timeout = 10s};
}

// One fetch on a loop of its own, run to its end.
struct Client {
  core::EventLoop loop;
  std::optional<HttpFetcher> fetcher{loop};
  std::optional<FetchResult> result;
  std::unique_ptr<Fetch> running;

  void begin(FetchRequest request) {
    result.reset();
    running = fetcher->fetch(std::move(request), [this](FetchResult done) { result = std::move(done); });
  }
  template <typename Done>
  bool run_until(Done done) {
    const auto end = std::chrono::steady_clock::now() + 20s;
    while (!done() && std::chrono::steady_clock::now() < end) uv_run(loop.get(), UV_RUN_ONCE);
    return done();
  }
  FetchResult run(FetchRequest request) {
    begin(std::move(request));
    REQUIRE(!result);
    REQUIRE(run_until([this] { return result.has_value(); }));
    return std::move(*result);
  }
  FetchResult run(const std::string& url) { return run(get(url)); }
};

// The same bytes for everybody.
ScriptedServer::Script answer(std::string bytes) {
  return [bytes = std::move(bytes)](Connection& connection, const std::string&) { connection.send(bytes); };
}

void check_fails(const FetchResult& result, core::Reason reason, std::string_view detail) {
  REQUIRE(!result);
  CHECK(result.error().reason == reason);
  CHECK_MESSAGE(result.error().detail.find(detail) != std::string::npos, result.error().detail);
}

}  // namespace

TEST_CASE("a GET brings status, body and validators, and asks for no encoding and no reuse") {
  const ScriptedServer server(
      answer("HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Type: application/pkix-crl\r\n"
             "ETag: \"1\"\r\nLast-Modified: Mon, 01 Jan 2024 00:00:00 GMT\r\n\r\ncrl"));
  Client client;
  auto request = get(server.url("/a/b.crl?x=1"));
  request.headers = {{"If-None-Match", "\"0\""}};
  const auto result = client.run(std::move(request));
  REQUIRE(result);
  CHECK(result->status == 200);
  CHECK(result->body == "crl");
  CHECK(result->content_type == "application/pkix-crl");
  CHECK(result->etag == "\"1\"");
  CHECK(result->last_modified == "Mon, 01 Jan 2024 00:00:00 GMT");
  CHECK(server.requests().at(0) == "GET /a/b.crl?x=1 HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(server.port()) +
                                       "\r\nUser-Agent: gatewayd\r\nAccept-Encoding: identity\r\nConnection: close\r\n"
                                       "If-None-Match: \"0\"\r\n\r\n");
}

TEST_CASE("a POST sends its body with type and length") {
  std::string received;
  {
    const ScriptedServer server([&](Connection& connection, const std::string& head) {
      received = head;
      while (!received.ends_with("QUERY") && connection.read_more(received)) {
      }
      connection.send("HTTP/1.0 200 OK\r\n\r\nreply");  // ends with the connection
    });
    Client client;
    auto request = get(server.url("/ocsp"));
    request.method = FetchRequest::Method::post;
    request.content_type = "application/ocsp-request";
    request.body = "QUERY";
    const auto result = client.run(std::move(request));
    REQUIRE(result);
    CHECK(result->body == "reply");
  }
  CHECK(received.starts_with("POST /ocsp HTTP/1.1\r\n"));
  CHECK(received.find("\r\nContent-Type: application/ocsp-request\r\nContent-Length: 5\r\n\r\nQUERY") !=
        std::string::npos);
}

TEST_CASE("a response in small pieces, chunked and behind interim ones, is put together") {
  const ScriptedServer server([](Connection& connection, const std::string&) {
    const std::string bytes =
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
    for (const char byte : bytes) {
      if (!connection.send({&byte, 1})) return;
      std::this_thread::sleep_for(100us);
    }
  });
  Client client;
  const auto result = client.run(server.url("/"));
  REQUIRE(result);
  CHECK(result->status == 200);
  CHECK(result->body == "abcde");
}

TEST_CASE("statuses are for the caller to judge, with a body or without") {
  for (const auto& [bytes, status] :
       {std::pair{"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno", 404U},
        std::pair{"HTTP/1.1 304 Not Modified\r\nETag: \"1\"\r\nContent-Length: 500\r\n\r\n", 304U},
        std::pair{"HTTP/1.1 204 No Content\r\n\r\n", 204U},
        std::pair{"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 200U}}) {
    const ScriptedServer server([&](Connection& connection, const std::string&) {
      connection.send(bytes);
      connection.wait_for_close();  // the end of the message is known without it
    });
    Client client;
    const auto result = client.run(server.url("/"));
    REQUIRE(result);
    CHECK(result->status == status);
  }
}

TEST_CASE("a response that is too large is refused, whether it announces its size or not") {
  Client client;
  for (const bool announced : {true, false}) {
    const ScriptedServer server([&](Connection& connection, const std::string&) {
      connection.send(announced ? "HTTP/1.1 200 OK\r\nContent-Length: 1048577\r\n\r\n" : "HTTP/1.1 200 OK\r\n\r\n");
      if (announced) return connection.wait_for_close();
      while (connection.send(std::string(64 << 10, 'x'))) {
      }
    });
    check_fails(client.run(server.url("/")), core::Reason::upstream_bad_response, "larger than 1048576 bytes");
  }
  // The bound itself is allowed.
  const ScriptedServer server(answer("HTTP/1.1 200 OK\r\n\r\n" + std::string(1 << 20, 'x')));
  const auto result = client.run(server.url("/"));
  REQUIRE(result);
  CHECK(result->body.size() == 1 << 20);
}

TEST_CASE("an answer that ends early is no answer") {
  Client client;
  for (const char* const bytes :
       {"", "HTTP/1.1 200", "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nabc", "HTTP/1.1 100 Continue\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"}) {
    CAPTURE(bytes);
    const ScriptedServer server(answer(bytes));
    check_fails(client.run(server.url("/")), core::Reason::upstream_reset, "closed");
  }
  const ScriptedServer server([](Connection& connection, const std::string&) {
    connection.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nabc");
    connection.reset();
  });
  // libuv tells of a reset right behind data as of an end.
  check_fails(client.run(server.url("/")), core::Reason::upstream_reset, "");
}

TEST_CASE("what is not clearly HTTP is refused") {
  Client client;
  for (const char* const bytes :
       {"SSH-2.0-OpenSSH_9.2\r\n\r\n", "HTTP/2.0 200 OK\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"}) {
    CAPTURE(bytes);
    const ScriptedServer server(answer(bytes));
    check_fails(client.run(server.url("/")), core::Reason::upstream_bad_response, "");
  }
  std::string interim;
  for (int i = 0; i < 17; ++i) interim += "HTTP/1.1 102 Processing\r\n\r\n";
  const ScriptedServer server(answer(interim + "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"));
  check_fails(client.run(server.url("/")), core::Reason::upstream_bad_response, "interim");
}

TEST_CASE("a GET follows three redirects and no more, and only to http") {
  const ScriptedServer server([](Connection& connection, const std::string& head) {
    const auto redirect = [&](const std::string& to) {
      connection.send("HTTP/1.1 302 Found\r\nLocation: " + to + "\r\nContent-Length: 4\r\n\r\nmore");
    };
    if (head.starts_with("GET /start/one ")) return redirect("two");
    if (head.starts_with("GET /start/two ")) return redirect("/three?x=1#part");
    if (head.starts_with("GET /three?x=1 "))
      return redirect("//127.0.0.1:" +
                      head.substr(head.find("127.0.0.1:") + 10, head.find("\r\nUser") - head.find("127.0.0.1:") - 10) +
                      "/end");
    if (head.starts_with("GET /loop ")) return redirect("/loop");
    if (head.starts_with("GET /https ")) return redirect("https://127.0.0.1/");
    if (head.starts_with("GET /file ")) return redirect("file:///etc/passwd");
    if (head.starts_with("GET /nowhere ")) {
      connection.send("HTTP/1.1 301 Moved\r\nContent-Length: 0\r\n\r\n");
      return;
    }
    connection.send("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nend");
  });
  Client client;
  const auto result = client.run(server.url("/start/one"));
  REQUIRE(result);
  CHECK(result->body == "end");
  CHECK(server.requests().size() == 4);
  check_fails(client.run(server.url("/loop")), core::Reason::upstream_bad_response, "too many redirects");
  CHECK(server.requests().size() == 8);
  check_fails(client.run(server.url("/https")), core::Reason::upstream_bad_response, "not an http:// URL");
  check_fails(client.run(server.url("/file")), core::Reason::upstream_bad_response, "not an http:// URL");
  check_fails(client.run(server.url("/nowhere")), core::Reason::upstream_bad_response, "without a Location");
}

TEST_CASE("a POST is not sent anywhere else") {
  const ScriptedServer server(answer("HTTP/1.1 307 Temporary\r\nLocation: /other\r\nContent-Length: 0\r\n\r\n"));
  Client client;
  auto request = get(server.url("/"));
  request.method = FetchRequest::Method::post;
  const auto result = client.run(std::move(request));
  REQUIRE(result);
  CHECK(result->status == 307);
  CHECK(server.requests().size() == 1);
}

TEST_CASE("one deadline covers connect, redirects and a server that trickles") {
  const ScriptedServer server([](Connection& connection, const std::string&) {
    connection.send("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n");
    while (connection.send("x")) std::this_thread::sleep_for(5ms);
  });
  Client client;
  auto request = get(server.url("/"));
  request.timeout = 200ms;
  const auto begin = std::chrono::steady_clock::now();
  check_fails(client.run(std::move(request)), core::Reason::upstream_timeout, "timed out");
  const auto took = std::chrono::steady_clock::now() - begin;
  CHECK(took >= 200ms);
  CHECK(took < 5s);
}

TEST_CASE("nobody listens, or the name is nobody's") {
  std::uint16_t port = 0;
  {
    const ScriptedServer server(answer(""));
    port = server.port();
  }
  Client client;
  check_fails(client.run("http://127.0.0.1:" + std::to_string(port) + "/"), core::Reason::upstream_connect,
              "can't connect to 127.0.0.1:");
  check_fails(client.run("http://[::ffff:127.0.0.1]:" + std::to_string(port) + "/"), core::Reason::upstream_connect,
              "can't connect");
  check_fails(client.run("http://does-not-exist.invalid/"), core::Reason::upstream_connect, "can't be resolved");
  CHECK(*client.fetcher->running_lookups() == 0);
}

TEST_CASE("a name with several addresses is tried through") {
  // localhost is ::1 and 127.0.0.1 on most machines; the server has the latter only.
  const ScriptedServer server(answer("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"));
  Client client;
  const auto result = client.run("http://localhost:" + std::to_string(server.port()) + "/");
  REQUIRE(result);
  CHECK(result->body == "ok");
}

TEST_CASE("a fetch that is dropped calls nobody and closes its connection") {
  std::atomic<int> closed = 0;
  std::atomic<int> reached = 0;
  const ScriptedServer server([&](Connection& connection, const std::string& head) {
    if (head.empty()) return;  // dropped before it had asked
    ++reached;
    connection.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc");
    connection.wait_for_close();
    ++closed;
  });
  Client client;
  client.begin(get(server.url("/")));
  client.running.reset();  // before the loop turned
  client.begin(get(server.url("/")));
  REQUIRE(client.run_until([&] {
    uv_run(client.loop.get(), UV_RUN_NOWAIT);
    return reached == 1;
  }));
  client.running.reset();  // in the middle of the response
  client.begin(get("http://localhost:1/"));
  uv_run(client.loop.get(), UV_RUN_NOWAIT);
  client.running.reset();  // while the name is looked up
  const auto end = std::chrono::steady_clock::now() + 20s;
  while ((closed == 0 || *client.fetcher->running_lookups() != 0) && std::chrono::steady_clock::now() < end) {
    uv_run(client.loop.get(), UV_RUN_NOWAIT);
  }
  CHECK(closed == 1);
  CHECK(*client.fetcher->running_lookups() == 0);
  CHECK(!client.result);
}

TEST_CASE("a fetch may die in its own callback, and another begin there") {
  const ScriptedServer server(answer("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"));
  core::EventLoop loop;
  HttpFetcher fetcher(loop);
  int done = 0;
  std::unique_ptr<Fetch> running;
  std::function<void(FetchResult)> again = [&](FetchResult result) {
    CHECK(result);
    running.reset();
    if (++done < 3) running = fetcher.fetch(get(server.url("/")), again);
  };
  running = fetcher.fetch(get(server.url("/")), again);
  const auto end = std::chrono::steady_clock::now() + 20s;
  while (done < 3 && std::chrono::steady_clock::now() < end) uv_run(loop.get(), UV_RUN_ONCE);
  CHECK(done == 3);
}
