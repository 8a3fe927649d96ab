#pragma once

#include <optional>

#include "core/uv_stream.h"
#include "fetch/http_fetcher.h"
#include "fetch/name_lookup.h"
#include "proxy/http1_codec.h"

namespace gateway::fetch {

// One fetch from the first name look-up to the callback: what HttpFetcher hands out. Ends in finish() whatever ended
// it.
class HttpExchange final : public core::Retirable,
                           private core::StreamEvents,
                           private core::TurnEndTask,
                           private proxy::BodySink {
 public:
  struct Parts {
    core::EventLoop& loop;
    core::DeadlineWheel& wheel;
    std::shared_ptr<std::size_t> running_lookups;
  };

  HttpExchange(Parts parts, FetchRequest request, FetchCallback callback);
  void start();
  // The callback won't be called, everything is closed.
  void cancel();

 private:
  void at_turn_end() override;
  void on_stream_connected() override;
  void on_stream_data(std::string_view data) override;
  void on_stream_end() override;
  void on_stream_failed(int status) override;
  void on_stream_written() override { stream_.flush(output_); }
  // A server may answer before it has read all, and close.
  bool keep_reading_after_write_error() override { return true; }
  void on_body(std::string_view data) override;

  void look_up();
  void on_addresses(int status, std::vector<sockaddr_storage> addresses);
  void connect_next(std::string why_not_before);
  void send_request();
  void on_head();
  // False: there is nothing to wait for any more.
  bool parse_some(std::string_view& data);
  void on_message_complete();
  void follow(std::string_view location);
  void fail(core::Reason reason, std::string detail);
  void finish(FetchResult result);
  [[nodiscard]] core::Milliseconds remaining() const;
  [[nodiscard]] bool is_redirect() const;

  Parts parts_;
  FetchRequest request_;
  FetchCallback callback_;  // empty once it was called, or cancelled
  core::UvStream stream_;
  core::Deadline deadline_;
  core::Deadline connect_deadline_;
  NameLookup lookup_;
  std::uint64_t end_ms_ = 0;  // of the loop's clock
  std::vector<sockaddr_storage> addresses_;
  std::size_t next_address_ = 0;
  proxy::ResponseParser parser_;
  std::string output_;
  FetchResponse response_;
  std::string location_;
  unsigned redirects_ = 0;
  unsigned interim_responses_ = 0;
  bool connected_ = false;
  bool in_body_ = false;
  bool too_large_ = false;
};

}  // namespace gateway::fetch
