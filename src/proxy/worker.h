#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>

#include "core/log_sink.h"
#include "proxy/ocsp_desk.h"
#include "proxy/worker_message.h"

namespace gateway::proxy {

// One thread with its own loop, connections, upstream pools and metrics. The supervisor owns it; everything else goes
// through post(). Shares nothing mutable with other workers but `connections`.
class Worker {
 public:
  struct Options {
    unsigned index = 0;
    // Called on the worker's thread with what OCSP responders are to be asked; posts to the status thread. Empty:
    // nobody can be asked.
    OcspDesk::Ask ask_ocsp = {};
    // Called on the worker's thread for each message to the control thread; must be thread-safe (a Mailbox's post).
    std::function<void(ControlMessage)> reply;
    core::LogSink* access_log = nullptr;                // null: off. Outlives the worker.
    std::atomic<std::uint64_t>* connections = nullptr;  // open client connections of all workers
    std::uint64_t descriptor_cap =
        0;  // the most client connections that the descriptor limit allows, all workers together
  };

  // Starts the thread; it waits for its first AdoptSnapshot.
  explicit Worker(Options options);
  // Posts Stop and joins.
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  // Any thread.
  void post(WorkerMessage message);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace gateway::proxy
