#include "gatewayd/staple_fetcher.h"

#include <doctest/doctest.h>

#include <chrono>
#include <fstream>
#include <mutex>
#include <optional>

#include "../fetch/scripted_server.h"
#include "../tls/test_ocsp.h"
#include "../tls/test_pki.h"
#include "temp_folder.h"
#include "tls/digest.h"
#include "tls/ocsp_request.h"

using namespace gateway;
using namespace gateway::gatewayd;
using namespace std::chrono_literals;
using fetch::ScriptedServer;

namespace {

// A responder for one certificate, and a fetcher that keeps its staple.
struct Fixture {
  tls::test::Issued root = tls::test::make_root("Root");
  tls::test::Issued server_certificate = tls::test::make_server("a.example", root);
  TempFolder folder;
  StateDirectory directory{folder / "state"};
  std::mutex mutex;
  std::string response;  // guarded by mutex
  std::string body;      // of the last request; likewise
  ScriptedServer server{[this](ScriptedServer::Connection& connection, const std::string& head) {
    std::string request = head;
    const auto length = std::stoul("0" + head.substr(std::min(head.size(), head.find("Content-Length: ") + 16)));
    const auto end = head.find("\r\n\r\n") + 4;
    while (request.size() < end + length && connection.read_more(request)) {
    }
    const std::lock_guard lock(mutex);
    body = request.substr(std::min(end, request.size()));
    connection.send(response);
  }};
  core::EventLoop loop;
  fetch::HttpFetcher http{loop};
  std::vector<StapleReport> reports;
  std::optional<StapleFetcher> fetcher;
  config::StapleSource source;

  Fixture() {
    source.certificate = server_certificate.der();
    source.fingerprint = tls::sha256({source.certificate});
    source.issuer = root.der();
    source.responder = core::HttpUrl::parse(server.url("/ocsp")).value();
    source.subject = "CN=a.example";
    restart();
  }
  void restart() {
    reports.clear();
    fetcher.emplace(StapleFetcher::Parts{.loop = loop, .fetcher = http, .report = [this](StapleReport report) {
                                           reports.push_back(std::move(report));
                                         }});
  }
  [[nodiscard]] std::string ocsp(tls::test::OcspSingleSpec answer, const tls::test::Issued* signer = nullptr) const {
    answer.subject = &server_certificate;
    answer.issuer = &root;
    return tls::test::make_ocsp_response({.signer = signer != nullptr ? signer : &root}, {answer});
  }
  void serve(const std::string& content, const char* status = "200 OK") {
    const std::lock_guard lock(mutex);
    response = std::string("HTTP/1.1 ") + status +
               "\r\nContent-Type: application/ocsp-response\r\nContent-Length: " + std::to_string(content.size()) +
               "\r\n\r\n" + content;
  }
  void watch() { fetcher->watch({source}, directory); }
  // A source that differs makes it ask at once, so that no test waits for the schedule.
  void ask_again() {
    source.responder.target += "x";
    watch();
  }
  [[nodiscard]] const StapleState& state() const { return reports.back().states->at(0); }
  [[nodiscard]] std::string staple() const {
    const auto found = reports.back().staples->find(source.fingerprint);
    return found == reports.back().staples->end() ? "" : found->second.response;
  }
  template <typename Done>
  void run_until(Done done) {
    const auto end = std::chrono::steady_clock::now() + 20s;
    while (!done() && std::chrono::steady_clock::now() < end) uv_run(loop.get(), UV_RUN_ONCE);
    REQUIRE(done());
  }
  [[nodiscard]] std::optional<std::string> kept() const {
    return directory.read(config::staple_file_name(source.fingerprint)).value();
  }
};

}  // namespace

TEST_CASE_FIXTURE(Fixture, "a good response is a staple until its end, and is kept") {
  const auto next = tls::test::real_now() + 30min;
  const std::string good = ocsp({.next_update = next});
  serve(good);
  watch();
  run_until([&] { return state().good == 1; });
  CHECK(staple() == good);
  CHECK(reports.back().staples->at(source.fingerprint).until == next);
  CHECK(state().until == next);
  CHECK(state().fault.empty());
  CHECK(server.requests().at(0).starts_with("POST /ocsp HTTP/1.1\r\n"));
  run_until([&] { return kept() == good; });
  const std::lock_guard lock(mutex);
  // Nothing but what a responder signs ahead for all: no nonce.
  CHECK(body ==
        tls::build_ocsp_request(
            {.certificate = source.certificate, .issuer = source.issuer, .nonce = {}, .responder_certificate = {}})
            .value());
}

TEST_CASE_FIXTURE(Fixture, "the last good one is used on while nothing better comes") {
  const std::string good = ocsp({});
  serve(good);
  watch();
  run_until([&] { return state().good == 1; });
  const auto stranger = tls::test::make_root("Root");
  const std::vector<std::pair<std::string, std::string>> bad{
      {ocsp({}, &stranger), ""},
      {ocsp({.this_update = tls::test::real_now() - 2h, .next_update = tls::test::real_now() - 1h}), "stale"},
      {ocsp({.this_update = tls::test::real_now() - 5min}), "is older than the one that is in use"},
      {ocsp({.status = V_OCSP_CERTSTATUS_UNKNOWN}), "does not know the certificate"},
      {"<html>", ""}};
  std::uint64_t failures = 0;
  for (const auto& [content, fault] : bad) {
    serve(content);
    ask_again();
    ++failures;
    run_until([&] { return state().failed == failures; });
    CHECK_MESSAGE(state().fault.find(fault) != std::string::npos, state().fault);
    CHECK(staple() == good);
  }
  serve(good, "503 Busy");
  ask_again();
  run_until([&] { return state().failed == failures + 1; });
  CHECK(state().fault == "the responder answers with status 503");
  CHECK(staple() == good);
}

TEST_CASE_FIXTURE(Fixture, "a revocation ends stapling at once, for the next process as well") {
  serve(ocsp({}));
  watch();
  run_until([&] { return state().good == 1; });
  run_until([&] { return kept().has_value(); });
  serve(ocsp({.status = V_OCSP_CERTSTATUS_REVOKED}));
  ask_again();
  run_until([&] { return state().revoked == 1; });
  CHECK(staple().empty());
  CHECK(!state().until);
  CHECK(state().fault == "the CA says that the certificate is revoked");
  run_until([&] { return !kept(); });
}

TEST_CASE_FIXTURE(Fixture,
                  "what an earlier process kept is used until the responder has answered, if it is still good") {
  const std::string good = ocsp({});
  REQUIRE(directory.write(config::staple_file_name(source.fingerprint), good));
  serve("", "503 Busy");
  watch();
  run_until([&] { return !staple().empty(); });
  CHECK(staple() == good);
  run_until([&] { return state().failed == 1; });
  CHECK(staple() == good);

  const auto stranger = tls::test::make_root("Root");
  for (const std::string& no_good :
       {ocsp({.this_update = tls::test::real_now() - 2h, .next_update = tls::test::real_now() - 1h}),
        ocsp({.status = V_OCSP_CERTSTATUS_REVOKED}), ocsp({}, &stranger), std::string("nonsense")}) {
    REQUIRE(directory.write(config::staple_file_name(source.fingerprint), no_good));
    restart();
    watch();
    run_until([&] { return state().failed == 1; });
    CHECK(staple().empty());
  }
}

TEST_CASE_FIXTURE(Fixture, "a reload keeps the staples of certificates that stay, and drops the others") {
  serve(ocsp({}));
  watch();
  run_until([&] { return state().good == 1; });
  const auto asked = server.requests().size();
  source.virtual_hosts = {"another"};
  watch();
  CHECK(!staple().empty());
  uv_run(loop.get(), UV_RUN_NOWAIT);
  CHECK(server.requests().size() == asked);
  fetcher->watch({}, directory);
  CHECK(reports.back().staples->empty());
  CHECK(reports.back().states->empty());
}
