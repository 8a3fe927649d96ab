#include "gatewayd/supervisor.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <csignal>
#include <fstream>

#include "free_port.h"
#include "temp_folder.h"

using namespace gateway;
using namespace gateway::gatewayd;
using namespace std::chrono_literals;

TEST_CASE("ticket keys are rotated whenever their time is over, for as long as the daemon serves") {
  const TempFolder folder;
  const std::string path = folder / "gateway.yaml";
  std::ofstream(path) << "listeners: [{bind: \"127.0.0.1:" << free_loopback_port()
                      << "\", protocol: http}]\nworkers: 1\nadmin: {socket: off}\n"
                         "virtual_hosts: [{hosts: [a], routes: [{path: /*, respond: echo}]}]\n";
  constexpr int kRounds = 4;
  int adoptions = 0;
  core::EventLoop loop;
  Supervisor* receiver = nullptr;
  Supervisor::Replies replies(loop.get(), [&](proxy::ControlMessage&& message) {
    const auto* adopted = std::get_if<proxy::WorkerAdopted>(&message);
    if (adopted != nullptr) {
      CHECK(adopted->generation == 1);
      if (++adoptions == kRounds) std::raise(SIGTERM);
    }
    receiver->on_reply(std::move(message));
  });
  ServiceEnvironment nobody{.notifier = ServiceNotifier(""), .watchdog = {}, .sockets = {}};
  Supervisor::Resources resources;
  resources.access_log = *core::LogSink::open("/dev/null");
  resources.workers =
      *WorkerSet::create({.count = 1,
                          .reply = [&](proxy::ControlMessage message) { replies.post(std::move(message)); },
                          .access_log = resources.access_log.get(),
                          .descriptor_cap = 100});
  resources.service = &nobody;
  StatusThread status{[](StatusReport) {}};
  resources.status = &status;
  resources.ticket_key_lifetime = 20ms;
  Supervisor supervisor(loop, std::move(resources),
                        [&](std::uint64_t generation) { return config::load(path, generation); });
  receiver = &supervisor;
  CHECK(supervisor.run(config::load(path, 1)) == 0);
  ::alarm(0);  // what would end a daemon whose workers hang would end the tests as well
  CHECK(adoptions >= kRounds);
}
