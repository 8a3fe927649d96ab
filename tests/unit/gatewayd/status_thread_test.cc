#include "gatewayd/status_thread.h"

#include <doctest/doctest.h>

using namespace gateway::gatewayd;

TEST_CASE("the status thread ends when told, however often, and also if it never began") {
  {
    const StatusThread never([](StatusReport) {});
  }
  StatusThread thread([](StatusReport) {});
  thread.start();
  thread.stop();
  thread.stop();
  CHECK(thread.running_lookups() == 0);
  thread.post(StopStatus{});  // unheard
}
