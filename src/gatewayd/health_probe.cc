#include "gatewayd/health_probe.h"

#include <uv.h>

#include <algorithm>
#include <utility>

namespace gateway::gatewayd {
namespace {
constexpr std::string_view kVersion = "HTTP/1.";
constexpr std::size_t kStatusEnd = 12;  // "HTTP/1.1 200"
}  // namespace

ProbeVerdict judge_probe_answer(std::string_view received) {
  const auto start = received.substr(0, kVersion.size());
  if (start != kVersion.substr(0, start.size())) return {.complete = true, .detail = "the answer is not HTTP/1"};
  if (received.size() < kStatusEnd) return {};
  const auto code = received.substr(9, 3);
  const bool digits = std::ranges::all_of(code, [](char c) { return c >= '0' && c <= '9'; });
  if (received[8] != ' ' || !digits) return {.complete = true, .detail = "the answer has no status code"};
  if (code[0] == '2' || code[0] == '3') return {.complete = true, .detail = {}};
  return {.complete = true, .detail = "status " + std::string(code)};
}

HealthProbe::HealthProbe(core::EventLoop& loop, Target target, Done done)
    : target_(std::move(target)),
      done_(std::move(done)),
      stream_(loop, *this),
      deadline_(loop, [this] { finish(false, "no answer in time"); }) {}

void HealthProbe::start() {
  deadline_.start(target_.timeout);
  if (!target_.unix_path.empty()) {
    if (const int status = stream_.connect_unix(target_.unix_path); status != 0) finish(false, uv_strerror(status));
    return;
  }
  connect_next("no address");
}

void HealthProbe::connect_next(std::string why_not_before) {
  while (next_ < target_.addresses.size()) {
    const auto& address = target_.addresses[next_++];
    const int status = stream_.connect(reinterpret_cast<const sockaddr*>(&address));
    if (status == 0) return;
    why_not_before = uv_strerror(status);
  }
  finish(false, std::move(why_not_before));
}

void HealthProbe::on_stream_connected() {
  if (target_.path.empty()) return finish(true, {});
  output_ = "GET " + target_.path + " HTTP/1.1\r\nHost: " + target_.host +
            "\r\nUser-Agent: gatewayd-health-check\r\nAccept: */*\r\nConnection: close\r\n\r\n";
  stream_.start_reading();
  stream_.flush(output_);
}

void HealthProbe::on_stream_data(std::string_view data) {
  received_.append(data.substr(0, kStatusEnd));
  auto verdict = judge_probe_answer(received_);
  if (!verdict.complete) return;
  const bool success = verdict.detail.empty();
  finish(success, std::move(verdict.detail));
}

void HealthProbe::on_stream_end() {
  finish(false, "the connection was closed without an answer");
}

void HealthProbe::on_stream_failed(int status) {
  if (target_.unix_path.empty() && received_.empty()) return connect_next(uv_strerror(status));
  finish(false, uv_strerror(status));
}

void HealthProbe::finish(bool success, std::string detail) {
  deadline_.stop();
  stream_.close();
  if (auto done = std::exchange(done_, {})) done(success, std::move(detail));
}

}  // namespace gateway::gatewayd
