#include "core/uv_stream.h"

#include <doctest/doctest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "core/mailbox.h"
#include "core/tcp_listener.h"

using namespace gateway::core;

namespace {

struct Recorder final : StreamEvents {
  std::string received;
  bool connected = false;
  bool ended = false;
  bool written = false;
  int failed = 0;
  void on_stream_connected() override { connected = true; }
  void on_stream_data(std::string_view data) override { received += data; }
  void on_stream_end() override { ended = true; }
  void on_stream_failed(int status) override { failed = status; }
  void on_stream_written() override { written = true; }
};

UniqueFd listening_socket(sockaddr_in& address) {
  UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  REQUIRE(::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0);
  REQUIRE(::listen(fd.get(), 16) == 0);
  socklen_t size = sizeof(address);
  REQUIRE(::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size) == 0);
  return fd;
}

// A connected pair over loopback: `server` is accepted by a TcpListener.
struct Pair {
  EventLoop loop;
  Recorder client_events;
  Recorder server_events;
  UvStream client{loop, client_events};
  UvStream server{loop, server_events};
  bool accepted = false;
  TcpListener listener{[this](uv_stream_t* handle) { accepted = server.accept(handle) == 0; }};

  Pair() {
    sockaddr_in address{};
    UniqueFd fd = listening_socket(address);
    REQUIRE(listener.start(loop, std::move(fd)) == 0);
    REQUIRE(client.connect(reinterpret_cast<sockaddr*>(&address)) == 0);
    run([this] { return accepted && client_events.connected; });
    REQUIRE(accepted);
  }

  template <typename Done>
  void run(Done done) {
    for (int turns = 0; turns < 100'000 && !done(); ++turns) uv_run(loop.get(), UV_RUN_NOWAIT);
  }
};

}  // namespace

TEST_CASE("bytes arrive whole, however slowly the peer reads") {
  Pair pair;
  std::string bytes(8 << 20, 'x');
  for (std::size_t i = 0; i < bytes.size(); i += 4096) bytes[i] = static_cast<char>('a' + (i / 4096) % 26);
  std::string output = bytes;
  pair.server.flush(output);
  CHECK(output.empty());
  CHECK(pair.server.unsent() > 0);
  std::string more = "the end";
  pair.server.flush(more);
  CHECK(more == "the end");  // the earlier rest is still on its way

  pair.client.start_reading();
  pair.run([&] { return pair.server_events.written; });
  CHECK(pair.server.unsent() == 0);
  pair.server.flush(more);
  pair.server.shutdown();
  pair.run([&] { return pair.client_events.ended; });
  CHECK(pair.client_events.received.size() == bytes.size() + 7);
  CHECK(pair.client_events.received == bytes + "the end");
}

TEST_CASE("bytes pushed in the middle of a turn come before those of its end") {
  Pair pair;
  pair.client.start_reading();
  std::string output = "first,";
  pair.server.push(output);
  CHECK(output.empty());
  CHECK(pair.server.try_send("second,") == 7);
  output = "third";
  pair.server.flush(output);
  pair.run([&] { return pair.client_events.received.size() >= 18; });
  CHECK(pair.client_events.received == "first,second,third");
}

TEST_CASE("nothing overtakes what the socket did not take") {
  Pair pair;
  std::string output(8 << 20, 'x');
  pair.server.push(output);
  CHECK(output.empty());
  CHECK(pair.server.unsent() > 0);
  CHECK(pair.server.try_send("late") == 0);
  output = "late";
  pair.server.push(output);
  CHECK(output == "late");
  pair.client.start_reading();
  pair.run([&] { return pair.server_events.written; });
  pair.server.flush(output);
  pair.run([&] { return pair.client_events.received.size() >= (8 << 20) + 4; });
  CHECK(pair.client_events.received.ends_with("xlate"));
}

TEST_CASE("a push that fails tells nobody: the next flush does") {
  Pair pair;
  pair.client.close();
  for (int i = 0; i < 100; ++i) uv_run(pair.loop.get(), UV_RUN_NOWAIT);
  std::string output = "x";
  pair.server.push(output);  // answered with a reset
  for (int i = 0; i < 100; ++i) uv_run(pair.loop.get(), UV_RUN_NOWAIT);
  output = "y";
  pair.server.push(output);
  CHECK(output == "y");
  CHECK(pair.server.try_send("z") == 0);
  CHECK(pair.server_events.failed == 0);
  pair.server.flush(output);
  CHECK(output.empty());
  CHECK(pair.server_events.failed != 0);
  CHECK_FALSE(pair.server.is_open());
}

TEST_CASE("a stream that has much to read lets others have their turn") {
  Pair pair;
  std::string output(4 << 20, 'x');
  pair.server.flush(output);
  for (int i = 0; i < 100; ++i) uv_run(pair.loop.get(), UV_RUN_NOWAIT);
  pair.client.start_reading();
  std::size_t before = 0;
  for (int turns = 0; turns < 1000 && pair.client_events.received.size() < (4 << 20); ++turns) {
    uv_run(pair.loop.get(), UV_RUN_NOWAIT);
    CHECK(pair.client_events.received.size() - before <= kReadBytesPerTurn + kReadScratchBytes);
    before = pair.client_events.received.size();
  }
  CHECK(before == 4 << 20);
}

TEST_CASE("a stream that stopped reading delivers nothing until it starts again") {
  Pair pair;
  pair.client.start_reading();
  pair.client.stop_reading();
  std::string output = "later";
  pair.server.flush(output);
  for (int i = 0; i < 100; ++i) uv_run(pair.loop.get(), UV_RUN_NOWAIT);
  CHECK(pair.client_events.received.empty());
  pair.client.start_reading();
  pair.run([&] { return !pair.client_events.received.empty(); });
  CHECK(pair.client_events.received == "later");
}

TEST_CASE("a half-closed stream still receives") {
  Pair pair;
  pair.client.start_reading();
  pair.server.start_reading();
  pair.client.shutdown();
  pair.run([&] { return pair.server_events.ended; });
  std::string output = "answer";
  pair.server.flush(output);
  pair.run([&] { return !pair.client_events.received.empty(); });
  CHECK(pair.client_events.received == "answer");
  CHECK(pair.client.is_open());
}

TEST_CASE("a refused connection is reported once, after connect() returned") {
  EventLoop loop;
  sockaddr_in address{};
  {
    const UniqueFd closed_again = listening_socket(address);
  }
  Recorder events;
  UvStream stream(loop, events);
  REQUIRE(stream.connect(reinterpret_cast<sockaddr*>(&address)) == 0);
  CHECK(events.failed == 0);
  for (int i = 0; i < 1000 && events.failed == 0; ++i) uv_run(loop.get(), UV_RUN_ONCE);
  CHECK(events.failed == UV_ECONNREFUSED);
  CHECK_FALSE(stream.is_open());
}

TEST_CASE("a stream may die while its bytes are still on their way") {
  auto pair = std::make_unique<Pair>();
  std::string output(8 << 20, 'x');
  pair->server.flush(output);
  CHECK(pair->server.unsent() > 0);
  pair.reset();
}

TEST_CASE("messages of many threads arrive, each exactly once") {
  EventLoop loop;
  std::vector<int> seen(4000, 0);
  int count = 0;
  Mailbox<int> mailbox(loop.get(), [&](int&& message) {
    ++seen[static_cast<std::size_t>(message)];
    if (++count == 4000) loop.stop();
  });
  std::vector<std::thread> senders;
  for (int sender = 0; sender < 4; ++sender) {
    senders.emplace_back([&mailbox, sender] {
      for (int i = 0; i < 1000; ++i) mailbox.post(sender * 1000 + i);
    });
  }
  loop.run();
  for (auto& sender : senders) sender.join();
  CHECK(count == 4000);
  CHECK(std::ranges::count(seen, 1) == 4000);
}

TEST_CASE("what is retired lives until the turn ends") {
  struct Probe final : Retirable {
    bool& dead;
    explicit Probe(bool& flag) : dead(flag) {}
    ~Probe() override { dead = true; }
  };
  EventLoop loop;
  const Mailbox<int> keeps_the_loop_alive(loop.get(), [](int&&) {});
  bool dead = false;
  loop.retire(std::make_unique<Probe>(dead));
  CHECK_FALSE(dead);
  uv_run(loop.get(), UV_RUN_NOWAIT);
  CHECK(dead);
}
