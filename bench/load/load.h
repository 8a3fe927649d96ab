#pragma once
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "bench/load/client_tls.h"
#include "bench/load/connection.h"
#include "bench/load/options.h"
#include "bench/load/tally.h"

namespace bench {

// Drives all connections in one thread with one epoll.
class Load {
 public:
  explicit Load(const Options& options);

  // Runs as the options say. Bounded in time.
  void run();

  const Options& options() const { return options_; }
  const std::string& request() const { return request_; }
  ClientTls& tls() { return tls_; }
  Tally& tally() { return tally_; }
  int epoll() const { return epoll_; }

  // From connections: the operation has ended well, or not. A connection that failed is closed.
  void done(Connection& connection);
  void failed(Connection& connection, const std::string& kind);

 private:
  void run_window();
  bool is_warm() const;
  void run_operations();
  void run_idle();
  void ask_each_once();
  void drive_until(std::uint64_t end_ns);
  void ask_what_is_due();
  void wait(std::uint64_t until_ns);
  std::string make_request() const;

  Options options_;
  std::string request_;
  ClientTls tls_;
  Tally tally_;
  int epoll_;
  std::vector<std::unique_ptr<Connection>> connections_;
  std::deque<Connection*> free_;   // to be asked next
  std::deque<std::uint64_t> due_;  // with a rate: arrivals that no connection was free for
  std::uint64_t next_due_ = 0;
  std::uint64_t left_ = UINT64_MAX;  // operations that may still begin
  std::uint64_t running_ = 0;
};

}  // namespace bench
