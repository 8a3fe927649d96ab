#include "gatewayd/crl_fetcher.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <optional>

#include "../fetch/scripted_server.h"
#include "../tls/test_pki.h"
#include "temp_folder.h"

using namespace gateway;
using namespace gateway::gatewayd;
using namespace std::chrono_literals;
using fetch::ScriptedServer;

namespace {

// A distributor of one CRL, and a fetcher that keeps it.
struct Fixture {
  tls::test::Issued root = tls::test::make_root("Root");
  TempFolder folder;
  StateDirectory directory{folder / "state"};
  std::mutex mutex;
  std::string response;  // guarded by mutex
  ScriptedServer server{[this](ScriptedServer::Connection& connection, const std::string&) {
    const std::lock_guard lock(mutex);
    connection.send(response);
  }};
  core::EventLoop loop;
  fetch::HttpFetcher http{loop};
  std::vector<CrlReport> reports;
  std::optional<CrlFetcher> fetcher;
  config::CrlSource source = source_of("/ca.crl");

  Fixture() { restart(); }
  // As if the daemon began anew.
  void restart() {
    fetcher.emplace(CrlFetcher::Parts{
        .loop = loop, .fetcher = http, .report = [this](CrlReport report) { reports.push_back(std::move(report)); }});
  }
  [[nodiscard]] config::CrlSource source_of(const std::string& path) const {
    config::CrlSource one;
    one.url = core::HttpUrl::parse(server.url(path)).value();
    one.file = config::crl_file_name(one.url);
    one.refresh = 1s;
    one.issuers = {root.der()};
    return one;
  }
  [[nodiscard]] std::string crl(std::chrono::seconds age) const {
    return tls::test::make_crl(root, {.this_update = tls::test::real_now() - age});
  }
  void serve(std::string bytes) {
    const std::lock_guard lock(mutex);
    response = std::move(bytes);
  }
  void serve_crl(const std::string& body, const std::string& fields = "") {
    serve("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" + fields + "\r\n" + body);
  }
  void watch() { fetcher->watch({source}, directory); }
  [[nodiscard]] const CrlSourceState& state() const { return reports.back().states->at(0); }
  template <typename Done>
  void run_until(Done done) {
    const auto end = std::chrono::steady_clock::now() + 20s;
    while (!(!reports.empty() && !reports.back().states->empty() && done()) && std::chrono::steady_clock::now() < end) {
      uv_run(loop.get(), UV_RUN_ONCE);
    }
    REQUIRE(done());
  }
  [[nodiscard]] std::optional<std::string> kept() const { return directory.read(source.file).value(); }
};

}  // namespace

TEST_CASE_FIXTURE(Fixture, "a CRL is fetched at once, kept, and told of once") {
  const std::string first = crl(2h);
  serve_crl(first);
  watch();
  CHECK(reports.size() == 1);  // the source is known, with nothing done yet
  CHECK(!state().last_success);
  run_until([&] { return state().replaced == 1; });
  CHECK(reports.back().has_new);
  CHECK(state().fault.empty());
  CHECK(state().last_success);
  CHECK(kept() == first);
  run_until([&] { return state().unchanged == 1; });  // a second later
  CHECK(!reports.back().has_new);
  const std::string next = crl(1h);
  serve_crl(next);
  run_until([&] { return state().replaced == 2; });
  CHECK(reports.back().has_new);
  CHECK(kept() == next);
}

TEST_CASE_FIXTURE(Fixture, "the last good copy outlives every fault of the distributor, which is told of") {
  const std::string good = crl(2h);
  serve_crl(good);
  watch();
  run_until([&] { return state().replaced == 1; });
  const auto success = state().last_success;

  serve("HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n");
  run_until([&] { return state().failed == 1; });
  CHECK(state().fault == "the server answers with status 500");
  serve_crl("<html>Welcome to our new site</html>");
  run_until([&] { return state().refused == 1; });
  serve_crl(crl(3h));
  run_until([&] { return state().refused == 2; });
  CHECK(state().fault.find("is older than the one that is in use") != std::string::npos);
  const auto forged = tls::test::make_crl(tls::test::make_root("Root"), {});
  serve_crl(forged);
  run_until([&] { return state().refused == 3; });
  CHECK(state().fault.find("signature") != std::string::npos);
  CHECK(!reports.back().has_new);
  CHECK(kept() == good);
  CHECK(state().last_success == success);

  serve_crl(good);
  run_until([&] { return state().unchanged == 1; });
  CHECK(state().fault.empty());
}

TEST_CASE_FIXTURE(Fixture, "an older CRL does not come back after a restart either") {
  const std::string good = crl(2h);
  serve_crl(good);
  watch();
  run_until([&] { return state().replaced == 1; });
  restart();
  reports.clear();
  serve_crl(crl(3h));
  watch();
  run_until([&] { return state().refused == 1; });
  CHECK(kept() == good);
}

TEST_CASE_FIXTURE(Fixture, "what has not changed is not sent again, unless the copy is gone") {
  serve_crl(crl(2h), "ETag: \"a\"\r\nLast-Modified: Mon, 01 Jan 2024 00:00:00 GMT\r\n");
  watch();
  run_until([&] { return state().replaced == 1; });
  CHECK(server.requests().at(0).find("If-") == std::string::npos);
  serve("HTTP/1.1 304 Not Modified\r\n\r\n");
  run_until([&] { return state().unchanged == 1; });
  CHECK(server.requests().at(1).find(
            "\r\nIf-None-Match: \"a\"\r\nIf-Modified-Since: Mon, 01 Jan 2024 00:00:00 GMT\r\n") != std::string::npos);
  std::filesystem::remove(directory.path_of(source.file));
  serve_crl(crl(2h), "ETag: \"a\"\r\n");
  run_until([&] { return state().replaced == 2; });
  CHECK(server.requests().at(2).find("If-") == std::string::npos);
  CHECK(kept());
}

TEST_CASE_FIXTURE(Fixture, "an answer that nothing has changed is wrong where nothing was asked about") {
  serve("HTTP/1.1 304 Not Modified\r\n\r\n");
  watch();
  run_until([&] { return state().failed == 1; });
  CHECK(state().fault == "the server answers with status 304");
}

TEST_CASE_FIXTURE(Fixture, "a CA that joins or leaves the trust set has its CRL looked at anew, at once") {
  serve_crl(crl(2h));
  source.refresh = 1h;
  source.issuers = {tls::test::make_root("Other").der()};
  watch();
  run_until([&] { return state().refused == 1; });
  source.issuers.push_back(root.der());
  watch();
  run_until([&] { return state().replaced == 1; });
  const auto asked = server.requests().size();
  watch();  // the same once more
  uv_run(loop.get(), UV_RUN_NOWAIT);
  CHECK(server.requests().size() == asked);
}

TEST_CASE_FIXTURE(Fixture, "a URL that nobody names any more is forgotten, whatever is under way") {
  serve_crl(crl(2h));
  watch();
  fetcher->watch({}, directory);
  CHECK(reports.back().states->empty());
  watch();
  run_until([&] { return state().replaced == 1; });
}

TEST_CASE_FIXTURE(Fixture, "a state directory that can't be written to is a fault like any other") {
  std::ofstream(folder / "file") << "";
  directory = StateDirectory(folder / "file");
  serve_crl(crl(2h));
  watch();
  run_until([&] { return state().refused == 1; });
  CHECK(!state().fault.empty());
}

TEST_CASE_FIXTURE(Fixture, "of many sources all get their turn") {
  serve_crl(crl(2h));
  std::vector<config::CrlSource> sources;
  for (int i = 0; i < 10; ++i) sources.push_back(source_of("/" + std::to_string(i)));
  for (auto& one : sources) one.refresh = 1h;
  fetcher->watch(sources, directory);
  run_until(
      [&] { return std::ranges::all_of(*reports.back().states, [](const auto& one) { return one.replaced == 1; }); });
}
