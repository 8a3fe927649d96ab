#include "gatewayd/ocsp_service.h"

#include <doctest/doctest.h>

#include <map>
#include <optional>
#include <vector>

#include "../fetch/scripted_server.h"
#include "../tls/test_ocsp.h"
#include "tls/asn1_values.h"
#include "tls/crl_index.h"
#include "tls/digest.h"
#include "tls/limits.h"

using namespace gateway;
using namespace gateway::gatewayd;
using namespace gateway::tls::test;
using namespace std::chrono_literals;
using Connection = fetch::ScriptedServer::Connection;
using What = tls::OcspEntry::What;

namespace {

const Issued& root() {
  static const Issued made = make_root("Root");
  return made;
}

// The certificate's status, signed by the root.
fetch::ScriptedServer::Script says(const Issued& subject, int status) {
  return [&subject, status](Connection& connection, const std::string&) {
    const tls::Der body =
        make_ocsp_response({.signer = &root()}, {{.subject = &subject, .issuer = &root(), .status = status}});
    connection.send("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
  };
}

fetch::ScriptedServer::Script says_nothing() {
  return [](Connection& connection, const std::string&) { connection.wait_for_close(); };
}

struct Bench {
  core::EventLoop loop;
  fetch::HttpFetcher fetcher{loop};
  std::chrono::sys_seconds now = real_now();
  OcspReport report;
  std::map<unsigned, std::vector<proxy::OcspAnswered>> answers;  // by worker
  std::optional<OcspService> service{
      std::in_place, OcspService::Parts{.loop = loop,
                                        .fetcher = fetcher,
                                        .report = [this](const OcspReport& counted) { report = counted; },
                                        .clock = [this] { return now; }}};

  // `responder`: "" for what the certificate says.
  void ask(unsigned worker, const Issued& subject, const std::string& responder,
           std::chrono::milliseconds timeout = 10s, std::chrono::sys_seconds known_until = {}) {
    auto trust = std::make_shared<tls::TrustSet>();
    trust->crls = *tls::CrlIndex::build({}, {root().der()});
    trust->ocsp = *tls::OcspOptions::build(
        "partners",
        {.nonce = tls::OcspNonce::off, .timeout = timeout, .responder = responder, .responder_certificate = {}},
        {root().der()});
    service->ask(
        {.worker = worker,
         .key = {.authority = trust->ocsp->authority,
                 .issuer_key = {},
                 .serial = tls::serial_bytes_of(X509_get0_serialNumber(subject.certificate.get()))},
         .certificate = subject.der(),
         .issuer = std::make_shared<const tls::Der>(root().der()),
         .trust = std::move(trust),
         .known_until = known_until,
         .reply = [this, worker](proxy::OcspAnswered answered) { answers[worker].push_back(std::move(answered)); }});
  }
  template <typename Done>
  void run_until(Done done) {
    const auto end = std::chrono::steady_clock::now() + 20s;
    while (!done() && std::chrono::steady_clock::now() < end) uv_run(loop.get(), UV_RUN_ONCE);
    REQUIRE(done());
  }
  void wait_for(unsigned worker, std::size_t count) {
    run_until([&] { return answers[worker].size() >= count; });
  }
  [[nodiscard]] std::uint64_t counted(OcspOutcome outcome) {
    const auto index = static_cast<std::size_t>(outcome);
    run_until([&] { return report.queries[index] != 0; });
    return report.queries[index];
  }
};

}  // namespace

TEST_CASE("equal questions of several workers are asked once, and the answer is kept for others") {
  const Issued leaf = make_client("leaf", root());
  const fetch::ScriptedServer server(says(leaf, V_OCSP_CERTSTATUS_GOOD));
  Bench bench;
  for (const unsigned worker : {0U, 1U, 2U}) bench.ask(worker, leaf, server.url("/"));
  for (const unsigned worker : {0U, 1U, 2U}) bench.wait_for(worker, 1);
  CHECK(bench.answers[1][0].entry.what == What::good);
  bench.ask(3, leaf, server.url("/"));
  REQUIRE(bench.answers[3].size() == 1);
  CHECK(bench.answers[3][0].entry.what == What::good);
  CHECK(server.requests().size() == 1);
  CHECK(bench.answers[0].size() == 1);
  CHECK(bench.counted(OcspOutcome::good) == 1);
  bench.run_until([&] { return bench.report.cache_hits == 1; });
  CHECK(bench.report.coalesced == 2);
  CHECK(bench.report.known == 1);
}

TEST_CASE("a worker that wants something newer than it knows gets it from the responder") {
  const Issued leaf = make_client("leaf", root());
  const fetch::ScriptedServer server(says(leaf, V_OCSP_CERTSTATUS_GOOD));
  Bench bench;
  bench.ask(0, leaf, server.url("/"));
  bench.wait_for(0, 1);
  const tls::OcspEntry first = bench.answers[0][0].entry;
  bench.now = first.ask_again - 1s;
  bench.ask(0, leaf, server.url("/"), 10s, first.until);
  CHECK_MESSAGE(bench.answers[0].size() == 2, "nothing better is to be had yet");
  bench.now = first.ask_again;
  bench.ask(0, leaf, server.url("/"), 10s, first.until);
  CHECK(bench.answers[0].size() == 2);
  bench.wait_for(0, 3);
  CHECK(server.requests().size() == 2);
}

TEST_CASE("every worker that has ever asked hears of a certificate that is revoked") {
  const Issued bad = make_client("bad", root());
  const Issued good = make_client("good", root());
  const fetch::ScriptedServer of_good(says(good, V_OCSP_CERTSTATUS_GOOD));
  const fetch::ScriptedServer of_bad(says(bad, V_OCSP_CERTSTATUS_REVOKED));
  Bench bench;
  bench.ask(0, good, of_good.url("/"));
  bench.wait_for(0, 1);
  bench.ask(1, bad, of_bad.url("/"));
  bench.wait_for(1, 1);
  CHECK(bench.answers[1][0].entry.what == What::revoked);
  REQUIRE(bench.answers[0].size() == 2);
  CHECK(bench.answers[0][1].entry.what == What::revoked);
}

TEST_CASE("a responder that gave no answer is not asked again at once, then it is") {
  const Issued leaf = make_client("leaf", root());
  const fetch::ScriptedServer server([](Connection& connection, const std::string&) {
    connection.send("HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n");
  });
  Bench bench;
  bench.ask(0, leaf, server.url("/"));
  bench.wait_for(0, 1);
  CHECK(bench.answers[0][0].entry.what == What::unavailable);
  CHECK(bench.answers[0][0].entry.detail.find("503") != std::string::npos);
  bench.ask(1, leaf, server.url("/"));
  CHECK(bench.answers[1].size() == 1);
  CHECK(server.requests().size() == 1);
  bench.now += tls::kOcspRetry;
  bench.ask(1, leaf, server.url("/"));
  bench.wait_for(1, 2);
  CHECK(server.requests().size() == 2);
  CHECK(bench.counted(OcspOutcome::error) != 0);
}

TEST_CASE("an answer that is not believed never gets into the cache") {
  const Issued leaf = make_client("leaf", root());
  const Issued other = make_client("other", root());
  const fetch::ScriptedServer server(says(other, V_OCSP_CERTSTATUS_GOOD));
  Bench bench;
  bench.ask(0, leaf, server.url("/"));
  bench.wait_for(0, 1);
  CHECK(bench.answers[0][0].entry.what == What::unavailable);
  CHECK(bench.answers[0][0].entry.detail == "the response is about another certificate");
  CHECK(bench.counted(OcspOutcome::refused) == 1);
}

TEST_CASE("a responder that hangs is given up in time, and keeps no other from being asked") {
  const Issued leaf = make_client("leaf", root());
  const fetch::ScriptedServer hanging(says_nothing());
  const fetch::ScriptedServer quick(says(leaf, V_OCSP_CERTSTATUS_GOOD));
  Bench bench;
  std::vector<Issued> many;
  for (std::size_t i = 0; i < OcspService::kMaxAskingOneResponder + 3; ++i) {
    many.push_back(make_client("many", root()));
    bench.ask(0, many.back(), hanging.url("/"), 300ms);
  }
  bench.ask(1, leaf, quick.url("/"));
  bench.wait_for(1, 1);
  CHECK(bench.answers[1][0].entry.what == What::good);
  bench.run_until([&] { return bench.report.queued == 3; });
  CHECK(bench.report.asking == OcspService::kMaxAskingOneResponder);
  bench.wait_for(0, many.size());
  for (const auto& answered : bench.answers[0]) CHECK(answered.entry.what == What::unavailable);
  bench.run_until([&] { return bench.report.asking + bench.report.queued == 0; });
  CHECK(bench.counted(OcspOutcome::timeout) == many.size());
}

TEST_CASE("questions beyond the bound are answered at once") {
  const Issued leaf = make_client("leaf", root());
  const Issued other = make_client("other", root());
  const fetch::ScriptedServer hanging(says_nothing());
  Bench bench;
  // Keys differ, certificates needn't.
  auto trust = std::make_shared<tls::TrustSet>();
  trust->ocsp = *tls::OcspOptions::build(
      "partners", {.timeout = 30s, .responder = hanging.url("/"), .responder_certificate = {}}, {});
  std::size_t refused = 0;
  for (std::size_t i = 0; i < OcspService::kMaxQuestions + 5; ++i) {
    bench.service->ask({.worker = 0,
                        .key = {.authority = {}, .issuer_key = {}, .serial = std::to_string(i)},
                        .certificate = leaf.der(),
                        .issuer = std::make_shared<const tls::Der>(root().der()),
                        .trust = trust,
                        .known_until = {},
                        .reply = [&refused](const proxy::OcspAnswered&) { ++refused; }});
  }
  CHECK(refused == 5);
  CHECK(bench.counted(OcspOutcome::overload) == 5);
}

TEST_CASE("a certificate that names no responder needs nobody's time") {
  const Issued leaf = make_client("leaf", root());
  Bench bench;
  bench.ask(0, leaf, "");
  REQUIRE(bench.answers[0].size() == 1);
  CHECK(bench.answers[0][0].entry.detail == "no OCSP responder: the certificate names no responder");
  CHECK(bench.counted(OcspOutcome::no_responder) == 1);
}

TEST_CASE("a service that dies with questions under way answers nobody") {
  const Issued leaf = make_client("leaf", root());
  const fetch::ScriptedServer hanging(says_nothing());
  Bench bench;
  bench.ask(0, leaf, hanging.url("/"));
  uv_run(bench.loop.get(), UV_RUN_NOWAIT);
  bench.service.reset();
  uv_run(bench.loop.get(), UV_RUN_NOWAIT);
  CHECK(bench.answers[0].empty());
}
