#include "gatewayd/stale_items.h"

#include <doctest/doctest.h>

using namespace gateway;
using namespace gateway::gatewayd;
using config::ItemKind;
using namespace std::chrono_literals;

namespace {

const config::Item kPair{ItemKind::certificate, "payments"};
const config::Item kCrl{ItemKind::crl, "partners"};

config::KeptItem fault_of(config::Item item, std::string reason = "does not match") {
  return {.item = std::move(item), .file = "a.pem", .reason = std::move(reason)};
}

struct Scene {
  bool alarm(const config::Item& item) const {
    const auto found = items.all().find(item);
    return found != items.all().end() && found->second.is_alarm;
  }
  void wait_for(const config::Item& item) {
    while (!alarm(item)) uv_run(loop.get(), UV_RUN_ONCE);
  }
  core::EventLoop loop;
  StaleItems items{loop, 20ms};
};

}  // namespace

TEST_CASE("a fault that is gone before it has settled was none: a certificate and its key are replaced one by one") {
  core::EventLoop loop;
  StaleItems items(loop, 1h);
  items.on_rotation({}, {fault_of(kPair)});
  CHECK(items.all().at(kPair).is_alarm == false);
  CHECK(items.counts().at({ItemKind::certificate, StaleItems::Outcome::kept}) == 1);
  items.on_rotation({kPair}, {});
  CHECK(items.empty());
  CHECK(items.counts().at({ItemKind::certificate, StaleItems::Outcome::rotated}) == 1);
  CHECK(uv_run(loop.get(), UV_RUN_NOWAIT) == 0);
}

TEST_CASE("a fault that stays is an alarm until it is mended, and other rotations don't put that off") {
  Scene scene;
  scene.items.on_rotation({}, {fault_of(kPair)});
  const auto since = scene.items.all().at(kPair).since;
  scene.items.on_rotation({kCrl}, {fault_of(kPair)});
  scene.wait_for(kPair);
  CHECK(scene.items.all().at(kPair).since == since);
  CHECK_MESSAGE(scene.items.counts().at({ItemKind::certificate, StaleItems::Outcome::kept}) == 1,
                "one fault, seen twice");
  scene.items.on_rotation({}, {fault_of(kPair, "can't be read")});
  CHECK(scene.alarm(kPair));
  CHECK(scene.items.all().at(kPair).kept.reason == "can't be read");
  scene.items.on_rotation({kPair}, {});
  CHECK(scene.items.empty());
}

TEST_CASE("each item has its own time") {
  Scene scene;
  scene.items.on_rotation({}, {fault_of(kPair)});
  scene.wait_for(kPair);
  scene.items.on_rotation({}, {fault_of(kPair), fault_of(kCrl)});
  CHECK_FALSE(scene.alarm(kCrl));
  scene.wait_for(kCrl);
  CHECK(scene.alarm(kPair));
}

TEST_CASE("a load that is taken mends everything") {
  Scene scene;
  scene.items.on_rotation({}, {fault_of(kPair), fault_of(kCrl)});
  scene.wait_for(kCrl);
  scene.items.on_load();
  CHECK(scene.items.empty());
}
