#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/event_loop.h"
#include "core/uv_stream.h"
#include "tls/tls_session.h"

namespace gateway::proxy {

// What happens on a ClientStream. After on_refused() and on_gone() nothing more comes.
class ClientStreamEvents {
 public:
  virtual void on_established() = 0;                     // TLS stands; on a plain listener it never comes
  virtual void on_barred() = 0;                          // TLS stands, but only to tell the refusal in report()
  virtual void on_refused() = 0;                         // the handshake failed: session()->report() says why
  virtual void on_plaintext(std::string_view data) = 0;  // valid until the call returns
  virtual void on_input_end() = 0;                       // the client sends no more (close_notify or FIN)
  virtual void on_gone(std::string_view detail) = 0;     // reset, write error, broken record, or a finished close()
  virtual void on_output_progress() = 0;                 // less is waiting to be sent than before
  [[nodiscard]] virtual bool wants_input() const = 0;

 protected:
  ~ClientStreamEvents() = default;
};

// Joins a client's socket and its TLS session: plaintext in and out, few and large writes, backpressure both ways.
// Without a session it is a plain connection. Owned by the ClientConnection.
class ClientStream final : private core::StreamEvents, private core::TurnEndTask {
 public:
  ClientStream(core::EventLoop& loop, ClientStreamEvents& events, std::vector<char>& plaintext_scratch);

  int accept(uv_stream_t* server) { return stream_.accept(server); }
  // Begins to read. `session` is null on a plain listener.
  void start(std::unique_ptr<tls::TlsSession> session);

  void send(std::string_view plaintext);
  // The same in two steps, for what is written in place: where to append it, and that it is there.
  std::string& plaintext();
  void plaintext_written();
  // Sends what is waiting, as far as the socket takes it, before the turn ends: for the end of a message. No event
  // comes of it.
  void flush_now();
  // Bytes that the client has not been sent yet.
  [[nodiscard]] std::size_t pending_output() const;
  // Takes up reading again after wants_input() was false.
  void resume_input();

  // Sends what is waiting, with an alert or close_notify, then the FIN. `linger`: reads on and throws away until the
  // client ends, because a reset in answer to unread bytes would destroy what was sent last. on_gone() follows.
  void close(bool linger);
  // Sends raw bytes past TLS, then closes: for plain HTTP on a TLS port.
  void close_with_clear_text(std::string_view bytes);
  // Ends output only (a tunnel's half-close).
  void end_output();
  // At once; on_gone() does not follow.
  void abort() { stream_.close(); }

  [[nodiscard]] tls::TlsSession* session() const { return session_.get(); }
  [[nodiscard]] sockaddr_storage peer_address() const { return stream_.peer_address(); }
  [[nodiscard]] std::uint64_t bytes_received() const { return bytes_received_; }
  [[nodiscard]] std::uint64_t bytes_sent() const { return bytes_sent_; }

 private:
  void on_stream_data(std::string_view data) override;
  void on_stream_end() override;
  void on_stream_failed(int status) override;
  void on_stream_written() override;
  void at_turn_end() override;

  void pump();
  bool pump_handshake();
  tls::ReadResult read_records();
  void update_reading();
  void encrypt(std::string_view plaintext);
  void encrypt_waiting();
  void encrypt_large(std::string_view plaintext);
  void push();
  void flush();
  void finish_close();
  void gone(std::string_view detail);
  std::string& output() { return session_ ? session_->output() : plain_output_; }

  core::EventLoop& loop_;
  ClientStreamEvents& events_;
  std::vector<char>& plaintext_scratch_;
  core::UvStream stream_;
  std::unique_ptr<tls::TlsSession> session_;
  std::string plain_output_;  // with TLS: plaintext that waits to be joined into one record
  std::uint64_t bytes_received_ = 0;
  std::uint64_t bytes_sent_ = 0;
  std::uint64_t discarded_ = 0;
  bool established_ = false;
  bool pumping_ = false;
  bool input_left_ = false;  // the session has plaintext, or ciphertext, that nobody wanted yet
  bool input_ended_ = false;
  bool closing_ = false;  // no more input is delivered
  bool linger_ = false;
  bool output_ended_ = false;  // FIN is due once all is sent
  bool fin_sent_ = false;
  bool progress_ = false;  // bytes have left since the last turn's end
  bool gone_ = false;
};

}  // namespace gateway::proxy
