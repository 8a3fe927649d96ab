// What one worker allocates while it serves: a real worker between a client's and an origin's socket, and an operator
// new that counts. libuv and OpenSSL allocate past it; theirs is not counted.
#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <new>
#include <string>

#include "core/log_sink.h"
#include "proxy/worker.h"

namespace {

thread_local bool is_test_thread = false;
std::atomic<std::uint64_t> allocations{0};

void* counted(std::size_t size) {
  if (!is_test_thread) allocations.fetch_add(1, std::memory_order_relaxed);
  if (void* const memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}

}  // namespace

void* operator new(std::size_t size) {
  return counted(size);
}
void* operator new[](std::size_t size) {
  return counted(size);
}
void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete[](void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}
void operator delete[](void* memory, std::size_t) noexcept {
  std::free(memory);
}

using namespace gateway;

namespace {

core::UniqueFd listening_socket(sockaddr_in& address) {
  core::UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  REQUIRE(::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0);
  REQUIRE(::listen(fd.get(), 16) == 0);
  socklen_t size = sizeof(address);
  REQUIRE(::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size) == 0);
  return fd;
}

void send_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    REQUIRE(sent > 0);
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
}

// Reads a head and the `body_bytes` behind it.
std::string receive(int fd, std::size_t body_bytes) {
  std::string received;
  char piece[16384];
  for (;;) {
    const std::size_t end = received.find("\r\n\r\n");
    if (end != std::string::npos && received.size() >= end + 4 + body_bytes) return received;
    const ssize_t size = ::recv(fd, piece, sizeof(piece), 0);
    REQUIRE(size > 0);
    received.append(piece, static_cast<std::size_t>(size));
  }
}

// One worker with a plain listener in front of one origin, a client's connection, and the origin's end of the upstream
// connection once the first request came.
struct Gateway {
  sockaddr_in origin_address{};
  core::UniqueFd origin_listener = listening_socket(origin_address);
  sockaddr_in address{};
  core::UniqueFd client{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  core::UniqueFd origin;
  std::mutex mutex;
  std::condition_variable adopted;
  bool is_adopted = false;
  std::atomic<std::uint64_t> connections{0};
  std::unique_ptr<core::LogSink> log;
  std::unique_ptr<proxy::Worker> worker;

  explicit Gateway(bool logs) {
    is_test_thread = true;
    if (logs) log = std::move(*core::LogSink::open("/dev/null"));
    worker = std::make_unique<proxy::Worker>(proxy::Worker::Options{.reply =
                                                                        [this](proxy::ControlMessage) {
                                                                          const std::lock_guard lock(mutex);
                                                                          is_adopted = true;
                                                                          adopted.notify_one();
                                                                        },
                                                                    .access_log = log.get(),
                                                                    .connections = &connections,
                                                                    .descriptor_cap = 100});
    proxy::AdoptSnapshot adopt{.index = std::make_shared<proxy::SnapshotIndex>(snapshot()),
                               .contexts = nullptr,
                               .endpoints = std::make_shared<proxy::EndpointStates>(),
                               .new_sockets = {}};
    adopt.new_sockets.push_back({.bind = "here", .fd = listening_socket(address)});
    worker->post(std::move(adopt));
    std::unique_lock lock(mutex);
    adopted.wait(lock, [this] { return is_adopted; });
    REQUIRE(::connect(client.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0);
  }

  [[nodiscard]] std::shared_ptr<const proxy::Snapshot> snapshot() const {
    auto made = std::make_shared<proxy::Snapshot>();
    made->upstreams.push_back({.name = "origin",
                               .endpoints = {{.address = "127.0.0.1:" + std::to_string(ntohs(origin_address.sin_port)),
                                              .host = "127.0.0.1",
                                              .port = ntohs(origin_address.sin_port),
                                              .unix_path = {}}},
                               .health_check = std::nullopt});
    proxy::VirtualHost host;
    host.name = "a-host-with-a-long-name";
    host.hosts = {"a-host-with-a-long-name.example.test"};
    host.route_table.add("/*", 0);
    proxy::Route route;
    route.path = "/*";
    route.body_bytes = 1 << 30;
    host.routes.push_back(std::move(route));
    made->virtual_hosts.push_back(std::move(host));
    auto hosts = std::make_shared<core::HostTable>();
    hosts->add("a-host-with-a-long-name.example.test", 0);
    made->listeners.push_back({.name = "here",
                               .bind = "here",
                               .address = "127.0.0.1",
                               .protocol = proxy::Protocol::http,
                               .hosts = std::move(hosts)});
    made->protected_fields = {"client-cert", "a-field-that-the-config-sets"};
    return made;
  }

  void exchange(const std::string& request, std::size_t request_body, const std::string& response,
                std::size_t response_body) {
    send_all(client.get(), request);
    if (origin.get() < 0) origin = core::UniqueFd(::accept(origin_listener.get(), nullptr, nullptr));
    static_cast<void>(receive(origin.get(), request_body));
    send_all(origin.get(), response);
    static_cast<void>(receive(client.get(), response_body));
  }

  // Of the worker, and of the log's writer, for one of many such requests.
  double allocations_per_exchange(const std::string& request, std::size_t request_body, const std::string& response,
                                  std::size_t response_body) {
    constexpr int kFirst = 50;
    constexpr int kCounted = 200;
    for (int i = 0; i < kFirst; ++i) exchange(request, request_body, response, response_body);
    const std::uint64_t before = allocations.load();
    for (int i = 0; i < kCounted; ++i) exchange(request, request_body, response, response_body);
    return static_cast<double>(allocations.load() - before) / kCounted;
  }
};

std::string request_head(std::string_view method, std::string_view framing) {
  std::string head(method);
  head +=
      " /a/path/that/is/longer/than/a/short/string?and=a&query=too HTTP/1.1\r\n"
      "Host: A-Host-With-A-Long-Name.example.test\r\n"
      "User-Agent: a client of the usual kind, with a name of some length\r\n"
      "Accept-Language-And-A-Long-Name: de,en;q=0.7\r\n"
      "Cookie: session=0123456789abcdef0123456789abcdef\r\n";
  head += framing;
  return head + "\r\n";
}

constexpr std::size_t kBodyBytes = 256 << 10;

}  // namespace

TEST_CASE("a request on connections that are open allocates nothing") {
  Gateway gateway(false);
  const std::string response = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Type: text/plain\r\n\r\nhello";
  CHECK(gateway.allocations_per_exchange(request_head("GET", ""), 0, response, 5) == 0);
}

TEST_CASE("its line in the access log allocates nothing either") {
  Gateway gateway(true);
  const std::string response = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
  // The line and the batch that the writer has at hand grow to their usual size at some time.
  CHECK(gateway.allocations_per_exchange(request_head("GET", ""), 0, response, 5) < 0.05);
}

TEST_CASE("bodies allocate nothing, however many pieces they come in") {
  Gateway gateway(false);
  const std::string body(kBodyBytes, 'x');
  const std::string length = "Content-Length: " + std::to_string(kBodyBytes) + "\r\n";
  // A socket that takes no more for a moment costs a buffer for the rest, now and then.
  CHECK(gateway.allocations_per_exchange(request_head("GET", ""), 0, "HTTP/1.1 200 OK\r\n" + length + "\r\n" + body,
                                         kBodyBytes) < 0.05);
  CHECK(gateway.allocations_per_exchange(request_head("POST", length) + body, kBodyBytes,
                                         "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 0) < 0.05);
}
