#include "gatewayd/control_http.h"

#include <llhttp.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "core/uv_stream.h"
#include "gatewayd/timer.h"

namespace gateway::gatewayd {
namespace {

constexpr std::string_view kPlainText = "text/plain; charset=utf-8";

std::string_view phrase(unsigned status) {
  switch (status) {
    case 200:
      return "OK";
    case 400:
      return "Bad Request";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 413:
      return "Content Too Large";
    case 422:
      return "Unprocessable Content";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    default:
      return "Internal Server Error";
  }
}

std::string serialise(const HttpResponse& response, bool with_body) {
  std::string out = "HTTP/1.1 " + std::to_string(response.status) + ' ';
  out += phrase(response.status);
  out += "\r\nContent-Type: " + response.content_type;
  out += "\r\nContent-Length: " + std::to_string(response.body.size());
  out += "\r\nConnection: close\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n\r\n";
  if (with_body) out += response.body;
  return out;
}

// Keeps a connection alive until the loop's turn has ended: it dies while its own methods are on the stack.
struct DyingConnection final : core::Retirable {
  explicit DyingConnection(std::shared_ptr<ControlConnection> connection) : kept(std::move(connection)) {}
  std::shared_ptr<ControlConnection> kept;
};

}  // namespace

// One client: reads one request, waits for its answer, sends it, reads on until the client has closed. Closing earlier,
// with input unread, would make the kernel reset the connection and take the answer with it.
class ControlConnection final : public core::StreamEvents, public std::enable_shared_from_this<ControlConnection> {
 public:
  explicit ControlConnection(ControlHttpServer& server)
      : server_(server), stream_(server.loop_, *this), timer_(server.loop_, [this] { on_time(); }) {
    llhttp_settings_init(&settings_);
    settings_.on_url = [](llhttp_t* parser, const char* data, size_t size) {
      of(parser).target_.append(data, size);
      return 0;
    };
    settings_.on_body = [](llhttp_t* parser, const char* data, size_t size) {
      of(parser).request_.body.append(data, size);
      return 0;
    };
    // Pauses, so that nothing behind the request is looked at.
    settings_.on_message_complete = [](llhttp_t* parser) { return of(parser).complete_request(); };
    llhttp_init(&parser_, HTTP_REQUEST, &settings_);
    parser_.data = this;
  }

  int start(uv_stream_t* server) {
    if (const int status = stream_.accept(server); status != 0) return status;
    timer_.start(server_.limits_.request_time);
    stream_.start_reading();
    return 0;
  }

  void respond(HttpResponse response) {
    if (state_ != State::reading && state_ != State::answering) return;
    state_ = State::sending;
    output_ = serialise(response, !head_only_);
    timer_.start(server_.limits_.request_time);
    stream_.flush(output_);
    if (state_ == State::sending && stream_.unsent() == 0) linger();
  }

 private:
  enum class State : std::uint8_t { reading, answering, sending, lingering, closed };

  static ControlConnection& of(llhttp_t* parser) { return *static_cast<ControlConnection*>(parser->data); }

  int complete_request() {
    request_.method = llhttp_method_name(static_cast<llhttp_method_t>(parser_.method));
    const auto question = target_.find('?');
    request_.path = target_.substr(0, question);
    if (question != std::string::npos) request_.query = target_.substr(question + 1);
    head_only_ = request_.method == "HEAD";
    complete_ = true;
    return HPE_PAUSED;
  }

  void on_stream_data(std::string_view data) override {
    if (state_ == State::lingering || state_ == State::sending) return discard(data.size());
    if (state_ != State::reading) return;
    received_ += data.size();
    if (received_ > server_.limits_.request_bytes) return refuse(413, "The request is too large.\n");
    const llhttp_errno_t status = llhttp_execute(&parser_, data.data(), data.size());
    if (complete_) {
      // No stop of reading: a client that goes away while it waits for its answer shall be noticed.
      state_ = State::answering;
      timer_.start(server_.limits_.response_time);
      server_.handler_(std::move(request_), Responder(weak_from_this()));
      return;
    }
    if (status != HPE_OK) refuse(400, "This is not an HTTP/1.1 request.\n");
  }

  void on_stream_end() override {
    ended_ = true;
    if (state_ == State::reading || state_ == State::lingering) close();
  }
  void on_stream_failed(int) override { close(); }
  void on_stream_written() override {
    if (state_ == State::sending) linger();
  }

  void on_time() {
    if (state_ == State::reading) return refuse(408, "The request took too long.\n");
    if (state_ == State::answering) return refuse(504, "The answer took too long.\n");
    close();
  }

  void refuse(unsigned status, std::string_view why) {
    respond({.status = status, .content_type = std::string(kPlainText), .body = std::string(why)});
  }

  void linger() {
    if (ended_) return close();
    state_ = State::lingering;
    stream_.shutdown();
    timer_.start(server_.limits_.linger_time);
  }

  void discard(std::size_t bytes) {
    received_ += bytes;
    if (received_ > 16 * server_.limits_.request_bytes) close();
  }

  void close() {
    if (state_ == State::closed) return;
    state_ = State::closed;
    timer_.stop();
    stream_.close();
    server_.forget(*this);
  }

  ControlHttpServer& server_;
  core::UvStream stream_;
  Timer timer_;
  llhttp_settings_t settings_{};
  llhttp_t parser_{};
  State state_ = State::reading;
  bool complete_ = false;
  bool head_only_ = false;
  bool ended_ = false;  // the client sends no more
  std::size_t received_ = 0;
  std::string target_;
  std::string output_;
  HttpRequest request_;
};

void Responder::operator()(HttpResponse response) {
  if (const auto connection = connection_.lock()) connection->respond(std::move(response));
}

ControlHttpServer::ControlHttpServer(core::EventLoop& loop, Handler handler, Limits limits)
    : loop_(loop),
      handler_(std::move(handler)),
      limits_(limits),
      listener_([this](uv_stream_t* server) { on_connection(server); }) {}

ControlHttpServer::~ControlHttpServer() = default;

// libuv's "tcp" handle watches any stream socket that is bound already, so one listener serves both kinds.
int ControlHttpServer::listen(core::UniqueFd socket) {
  return listener_.start(loop_, std::move(socket));
}

void ControlHttpServer::on_connection(uv_stream_t* server) {
  auto connection = std::make_shared<ControlConnection>(*this);
  if (connections_.size() >= limits_.connections) {
    core::UvStream refused(loop_, *connection);
    static_cast<void>(refused.accept(server));
    return;
  }
  connections_.push_back(connection);
  if (connection->start(server) != 0) forget(*connection);
}

void ControlHttpServer::forget(ControlConnection& connection) {
  const auto found = std::ranges::find_if(connections_, [&](const auto& held) { return held.get() == &connection; });
  if (found == connections_.end()) return;
  loop_.retire(std::make_unique<DyingConnection>(std::move(*found)));
  connections_.erase(found);
}

}  // namespace gateway::gatewayd
