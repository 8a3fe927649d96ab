#include "gatewayd/service_notifier.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

#include "service_manager.h"
#include "temp_folder.h"

using namespace gateway::gatewayd;

TEST_CASE("a message reaches a socket with a path and one with an abstract name, whole") {
  const TempFolder folder;
  for (const std::string& address : {folder / "notify", "@gateway-notify-" + std::to_string(::getpid())}) {
    CAPTURE(address);
    ServiceManager manager(address);
    ServiceNotifier notifier(address);
    notifier.send("READY=1\nSTATUS=fine");
    CHECK(manager.next() == "READY=1\nSTATUS=fine");
    CHECK_FALSE(manager.next());
  }
}

TEST_CASE("the socket is taken from the environment, and the variable out of it") {
  const TempFolder folder;
  ServiceManager manager(folder / "notify");
  ::setenv("NOTIFY_SOCKET", (folder / "notify").c_str(), 1);
  auto notifier = ServiceNotifier::from_environment();
  CHECK(std::getenv("NOTIFY_SOCKET") == nullptr);
  notifier.send("READY=1");
  CHECK(manager.next() == "READY=1");
  ServiceNotifier::from_environment().send("nobody hears it");
  CHECK_FALSE(manager.next());
}

TEST_CASE("a socket that nobody serves, and an address that is none, cost nothing") {
  const TempFolder folder;
  for (const std::string& address :
       {folder / "nobody", std::string("vsock:2:1"), std::string("@"), '/' + std::string(200, 'x')}) {
    ServiceNotifier notifier(address);
    notifier.send("READY=1");
    CHECK_FALSE(notifier.has_waiting());
  }
}

TEST_CASE("what a manager with a full queue does not take waits, in order and bounded, and never blocks") {
  const TempFolder folder;
  ServiceManager manager(folder / "notify");
  ServiceNotifier notifier(folder / "notify");
  int sent = 0;
  while (!notifier.has_waiting()) notifier.send("N=" + std::to_string(sent++));
  for (int i = 0; i < 3; ++i) notifier.send("WATCHDOG=1");
  notifier.send("READY=1");
  for (int i = 0; i < sent; ++i) {
    CHECK(manager.next() == "N=" + std::to_string(i));
    notifier.flush();
  }
  CHECK(manager.next() == "WATCHDOG=1");
  CHECK(manager.next() == "READY=1");
  CHECK_FALSE(notifier.has_waiting());

  while (!notifier.has_waiting()) notifier.send("N=0");
  for (int i = 1; i <= 1000; ++i) notifier.send("N=" + std::to_string(i));
  std::string last;
  while (notifier.has_waiting()) {
    while (const auto message = manager.next()) last = *message;
    notifier.flush();
  }
  while (const auto message = manager.next()) last = *message;
  CHECK(last == "N=1000");
}

TEST_CASE("a status is one line of valid UTF-8, whatever it is made of, and not longer than managers take") {
  CHECK(ServiceNotifier::status("a\nREADY=1\x7f\xff") == "STATUS=a READY=1 \xEF\xBF\xBD");
  std::string text;
  for (int i = 0; i < 3000; ++i) text += "\xc3\xa4";
  for (const std::string start : {"", "x"}) {
    const std::string status = ServiceNotifier::status(start + text);
    CHECK(status.size() > 1000);
    CHECK(status.size() <= 1024);
    CHECK((status.size() - std::string("STATUS=").size() - start.size()) % 2 == 0);
  }
}
