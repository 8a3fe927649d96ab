#pragma once

#include <sys/socket.h>

#include <compare>
#include <cstdint>
#include <expected>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "core/unique_fd.h"
#include "gatewayd/inherited_sockets.h"
#include "proxy/snapshot.h"
#include "proxy/worker_message.h"

namespace gateway::gatewayd {

// The listening sockets of the daemon: one a worker and address (SO_REUSEPORT), or those that were inherited for it.
// Workers get duplicates, so a socket and the connections that wait in its queue stay as long as its address is in the
// config, whatever workers do. Control thread only.
class ListenerSockets {
 public:
  struct Address {
    std::string host;  // literal IP
    std::uint16_t port = 0;
    friend auto operator<=>(const Address&, const Address&) = default;
  };
  struct BindError {
    std::string bind;  // as written in the config
    std::string message;
  };
  // What it takes to serve another list of listeners. Nothing has changed yet; dropping it closes what was opened for
  // it.
  struct Plan {
    std::vector<std::vector<proxy::ListenerSocket>> new_sockets;  // by worker: what it does not watch yet

   private:
    friend class ListenerSockets;
    std::map<Address, std::vector<core::UniqueFd>> opened_;
    std::set<Address> addresses_;
    std::set<std::string> binds_;
  };

  // `inherited`: all of addresses that the first plan has.
  explicit ListenerSockets(unsigned workers, std::vector<InheritedSocket> inherited = {});

  // Opens what is missing. All errors at once.
  std::expected<Plan, std::vector<BindError>> prepare(const std::vector<proxy::Listener>& listeners) const;
  // The plan (whose new_sockets went to the workers) is now what is served. Sockets that it no longer has stay open
  // until close_retired(), so that no connection is refused by a worker that has not adopted yet.
  void commit(Plan plan);
  void close_retired() { retired_.clear(); }
  // For the drain: the kernel then refuses new connections as soon as the workers have closed their duplicates.
  void close_all();

  [[nodiscard]] std::size_t address_count() const { return open_.size(); }

 private:
  [[nodiscard]] std::expected<std::vector<core::UniqueFd>, std::string> open(const Address& address,
                                                                             const sockaddr_storage& parsed) const;

  unsigned workers_;
  std::map<Address, std::vector<core::UniqueFd>> open_;       // each of workers_ sockets, or what was inherited
  std::map<Address, std::vector<core::UniqueFd>> inherited_;  // until the first commit; hosts are canonical
  std::set<std::string> binds_;                               // that the workers watch
  std::vector<std::vector<core::UniqueFd>> retired_;
};

}  // namespace gateway::gatewayd
