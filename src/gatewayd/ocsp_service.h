#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>

#include "core/deadline_wheel.h"
#include "core/event_loop.h"
#include "fetch/http_fetcher.h"
#include "gatewayd/ocsp_report.h"
#include "proxy/ocsp_message.h"

namespace gateway::gatewayd {

// Asks OCSP responders for the workers. Equal questions are asked once, answers are shared by all workers for as long
// as they count, and how many questions run or wait is bounded: for each responder, so that one that hangs doesn't keep
// others from being asked, and for all. Only what tls/ocsp_response believes gets into the cache. Lives on the status
// thread.
class OcspService {
 public:
  static constexpr std::size_t kMaxAskingOneResponder = 32;
  static constexpr std::size_t kMaxAsking = 256;
  static constexpr std::size_t kMaxQuestions = 4096;  // asked and queued

  struct Parts {
    core::EventLoop& loop;
    fetch::HttpFetcher& fetcher;             // outlives this
    std::function<void(OcspReport)> report;  // called a moment after something was counted
    std::function<std::chrono::sys_seconds()> clock;
  };
  explicit OcspService(Parts parts);
  ~OcspService();
  OcspService(const OcspService&) = delete;
  OcspService& operator=(const OcspService&) = delete;

  // Answers by query.reply: at once if the cache knows, within the timeout in any case. Every worker that has ever
  // asked is told of a certificate that is not good.
  void ask(proxy::OcspQuery query);

 private:
  struct Question;
  // One host and port: where a question goes.
  struct Responder {
    std::size_t asking = 0;
    std::deque<tls::OcspKey> queue;  // those that are answered meanwhile are skipped
    bool failing = false;
  };
  using Responders = std::map<std::string, Responder>;

  void begin(Question& question);
  bool can_ask(const Responder& responder) const;
  void send(Question& question);
  void on_response(Question& question, fetch::FetchResult result);
  void conclude(Question& question, tls::OcspEntry entry, OcspOutcome outcome);
  void start_waiting();
  void note_responder(Responder& responder, const std::string& name, OcspOutcome outcome, const std::string& detail);
  void counted();

  Parts parts_;
  core::DeadlineWheel wheel_;
  core::Deadline report_deadline_;
  tls::OcspTable table_;
  std::map<unsigned, std::function<void(proxy::OcspAnswered)>> workers_;
  std::unordered_map<tls::OcspKey, std::unique_ptr<Question>, tls::OcspKeyHash> questions_;
  Responders responders_;
  std::size_t asking_ = 0;
  bool starting_ = false;
  OcspReport report_;
};

}  // namespace gateway::gatewayd
