#pragma once

#include <sys/socket.h>

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/event_loop.h"
#include "core/limits.h"
#include "core/uv_stream.h"
#include "gatewayd/timer.h"

namespace gateway::gatewayd {

// One probe of one endpoint: a connect, and with a path a GET that must be answered by 2xx or 3xx. Several addresses
// are tried in turn; all together have one deadline. Control thread only; its owner retires it once `done` was called.
class HealthProbe final : public core::Retirable, private core::StreamEvents {
 public:
  struct Target {
    std::vector<sockaddr_storage> addresses;  // with port
    std::string unix_path;                    // instead of addresses
    std::string host;                         // of the Host field
    std::string path;                         // "": only connect
    core::Milliseconds timeout{};
  };
  // `detail` says what went wrong, "" on success. Called once, perhaps from within start().
  using Done = std::move_only_function<void(bool success, std::string detail)>;

  HealthProbe(core::EventLoop& loop, Target target, Done done);
  void start();

 private:
  void on_stream_connected() override;
  void on_stream_data(std::string_view data) override;
  void on_stream_end() override;
  void on_stream_failed(int status) override;
  void on_stream_written() override {}
  void connect_next(std::string why_not_before);
  void finish(bool success, std::string detail);

  Target target_;
  Done done_;
  core::UvStream stream_;
  Timer deadline_;
  std::size_t next_ = 0;
  std::string received_;
  std::string output_;
};

// The verdict on the first bytes of an answer; not complete until the status code has come. "" in `detail` means
// success.
struct ProbeVerdict {
  bool complete = false;
  std::string detail;
};
ProbeVerdict judge_probe_answer(std::string_view received);

}  // namespace gateway::gatewayd
