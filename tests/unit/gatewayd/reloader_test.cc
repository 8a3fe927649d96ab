#include "gatewayd/reloader.h"

#include <doctest/doctest.h>

#include <fstream>
#include <numeric>
#include <optional>
#include <set>

#include "core/mailbox.h"
#include "free_port.h"
#include "gatewayd/control_routes.h"
#include "gatewayd/control_sockets.h"
#include "gatewayd/crl_report.h"
#include "gatewayd/ocsp_report.h"
#include "gatewayd/staple_report.h"
#include "temp_folder.h"
#include "test_client.h"

using namespace gateway;
using namespace gateway::gatewayd;
using namespace std::chrono_literals;

namespace {

// Whoever takes longer to adopt a config of one host is not slow but lost.
constexpr core::Milliseconds kAdoption{2'000};

// Real workers, whose answers may get lost on the way.
struct Scene final : ReloadObserver {
  explicit Scene(core::Milliseconds adoption_time)
      : workers(
            *WorkerSet::create({.count = 2,
                                .reply = [this](proxy::ControlMessage message) { replies.post(std::move(message)); },
                                .access_log = log.get(),
                                .descriptor_cap = 100})),
        reloader(
            {.loop = loop,
             .workers = *workers,
             .listeners = listeners,
             .endpoints = endpoints,
             .access_log = *log,
             .metrics = metrics,
             .observer = *this},
            [this](std::uint64_t generation) { return load(generation); },
            [this](const LoadTrace& trace) { depended_on.push_back(trace.files.size()); }, adoption_time) {
    write("routes: [{path: /*, respond: echo}]");
    workers->start();
    reloader.start(load(1), [this](const ReloadOutcome& outcome) { outcomes.push_back(outcome); });
    wait_for_outcome();
  }
  ~Scene() { workers->stop(); }

  void on_reload_begun(std::string_view) override {}
  void on_reload_finished(const ReloadOutcome& outcome) override { observed = outcome.result; }

  void write(const std::string& host) const {
    std::ofstream(folder / "gateway.yaml")
        << "listeners: [{bind: \"127.0.0.1:" << port
        << "\", protocol: http}]\nworkers: 2\nvirtual_hosts: [{hosts: [a], " << host << "}]\n";
  }
  config::LoadResult load(std::uint64_t generation) const { return config::load(folder / "gateway.yaml", generation); }
  void on_reply(const proxy::ControlMessage& message) {
    const auto* adopted = std::get_if<proxy::WorkerAdopted>(&message);
    if (adopted == nullptr || lost.contains(adopted->worker)) return;
    adoptions.push_back(adopted->generation);
    reloader.on_adopted(*adopted);
  }
  void reload() {
    reloader.reload("admin", [this](const ReloadOutcome& outcome) { outcomes.push_back(outcome); });
    wait_for_outcome();
  }
  void wait_for_outcome() {
    while (outcomes.empty()) uv_run(loop.get(), UV_RUN_ONCE);
    last = outcomes.back();
    outcomes.clear();
  }

  TempFolder folder;
  std::uint16_t port = free_loopback_port();
  std::set<unsigned> lost;               // workers whose answers never come
  std::vector<std::uint64_t> adoptions;  // generations
  std::vector<ReloadOutcome> outcomes;
  std::optional<ReloadOutcome> last;
  std::optional<ReloadResult> observed;
  std::vector<std::size_t> depended_on;  // files, by load
  core::EventLoop loop;
  core::Mailbox<proxy::ControlMessage> replies{loop.get(),
                                               [this](proxy::ControlMessage&& message) { on_reply(message); }};
  std::unique_ptr<core::LogSink> log = *core::LogSink::open("/dev/null");
  std::unique_ptr<WorkerSet> workers;
  ListenerSockets listeners{2};
  EndpointMonitor endpoints{loop, [](const std::shared_ptr<const proxy::EndpointStates>&) {}};
  MetricsEndpoint metrics{loop, [](const HttpRequest&, Responder) {}};
  Reloader reloader;
};

// What `gatewayctl reload` is told.
std::string answer_to_reload(Scene& scene) {
  MetricsCollector collector(scene.loop, 2, [](std::uint64_t) {});
  const FileRotation rotation(scene.loop, {.reload = [] {}, .rotate = [] {}, .is_busy = [] { return false; }});
  const OcspReport ocsp;
  const auto crls = std::make_shared<const CrlSourceStates>();
  const auto staples = std::make_shared<const StapleStates>();
  bool draining = false;
  EmergencyRevocations revocations(scene.loop, StateDirectory(scene.folder / "state"), {}, 2, [](auto, const auto&) {});
  ControlRoutes routes({.reloader = scene.reloader,
                        .collector = collector,
                        .endpoints = scene.endpoints,
                        .access_log = *scene.log,
                        .revocations = revocations,
                        .ocsp = ocsp,
                        .rotation = rotation,
                        .crls = crls,
                        .staples = staples,
                        .sessions = scene.workers->sessions(),
                        .draining = draining,
                        .announce_drain = [] {}});
  ControlHttpServer server(
      scene.loop, [&](const HttpRequest& request, Responder respond) { routes.admin(request, std::move(respond)); });
  const std::string path = scene.folder / "admin.sock";
  auto socket = AdminSocket::open(path);
  REQUIRE(socket.has_value());
  REQUIRE(server.listen(socket->take()) == 0);
  scene.observed.reset();
  TestClient client(scene.loop, path);
  REQUIRE(client.send("POST /reload HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"));
  while (!scene.observed) uv_run(scene.loop.get(), UV_RUN_ONCE);
  return client.read_all();
}

}  // namespace

TEST_CASE("a generation that a worker does not confirm in time is served, and whoever asked is told: 504") {
  Scene scene(kAdoption);
  REQUIRE(scene.last->result == ReloadResult::reloaded);
  scene.write("routes: [{path: /new, respond: echo}]");
  scene.lost = {1};
  const std::string answer = answer_to_reload(scene);
  CHECK(answer.starts_with("HTTP/1.1 504 "));
  CHECK(answer.find(R"("result":"timeout","generation":2)") != std::string::npos);
  CHECK(scene.observed == ReloadResult::timeout);
  CHECK(scene.reloader.last().result == ReloadResult::timeout);
  CHECK(scene.reloader.current()->snapshot->generation == 2);
  CHECK(scene.reloader.is_serving());

  scene.lost.clear();
  CHECK(answer_to_reload(scene).starts_with("HTTP/1.1 200 "));
  CHECK(scene.reloader.current()->snapshot->generation == 3);
}

TEST_CASE("requests wait for the one before them, one that times out as well") {
  Scene scene(kAdoption);
  scene.lost = {0, 1};
  std::vector<ReloadResult> results;
  for (int i = 0; i < 2; ++i) {
    scene.reloader.reload("signal", [&](const ReloadOutcome& outcome) {
      results.push_back(outcome.result);
      scene.lost.clear();
    });
  }
  CHECK(results.empty());
  while (results.size() < 2) uv_run(scene.loop.get(), UV_RUN_ONCE);
  CHECK(results == std::vector{ReloadResult::timeout, ReloadResult::reloaded});
}

TEST_CASE("rotated ticket keys go to every worker under the same generation, and are no load") {
  Scene scene(Reloader::kAdoptionTime);
  REQUIRE(scene.adoptions == std::vector<std::uint64_t>{1, 1});
  for (std::size_t rotation = 1; rotation <= 3; ++rotation) {
    scene.reloader.rotate_ticket_keys();
    while (scene.adoptions.size() < 2 * (rotation + 1)) uv_run(scene.loop.get(), UV_RUN_ONCE);
  }
  CHECK(scene.adoptions == std::vector<std::uint64_t>(8, 1));
  CHECK(scene.reloader.last().trigger == "start");
  CHECK(scene.depended_on == std::vector<std::size_t>{1});
  scene.reload();
  CHECK(scene.last->generation == 2);
}

TEST_CASE("ticket keys from files are not rotated by time") {
  Scene scene(Reloader::kAdoptionTime);
  std::string key(80, '\0');
  std::iota(key.begin(), key.end(), '\1');
  std::ofstream(scene.folder / "ticket.key", std::ios::binary) << key;
  std::ofstream(scene.folder / "gateway.yaml", std::ios::app) << "session: {ticket_keys: ticket.key}\n";
  scene.reload();
  REQUIRE(scene.last->result == ReloadResult::reloaded);
  CHECK(scene.last->changes ==
        std::vector<std::string>{"session ticket keys changed", "sessions are sealed tickets, no longer kept here"});
  scene.reloader.rotate_ticket_keys();
  // What waits is done in its order: a rotation would be adopted before this.
  scene.reload();
  CHECK(scene.adoptions == std::vector<std::uint64_t>{1, 1, 2, 2, 3, 3});
}

TEST_CASE("what a load depended on is told after each, also if it was refused") {
  Scene scene(Reloader::kAdoptionTime);
  scene.write("routes: [], tls: {certificate: missing.pem, key: missing.key, client_auth: off}");
  CHECK_FALSE(scene.reloader.is_loading());
  scene.reload();
  CHECK(scene.last->result == ReloadResult::refused);
  CHECK(scene.depended_on == std::vector<std::size_t>{1, 3});
  scene.reloader.close();
  scene.reload();
  CHECK(scene.last->result == ReloadResult::refused);
  CHECK_MESSAGE(scene.depended_on.size() == 2, "what is refused unread depends on nothing");
}
