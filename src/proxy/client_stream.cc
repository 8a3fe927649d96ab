#include "proxy/client_stream.h"

#include <utility>

namespace gateway::proxy {
namespace {
// From here on plaintext is encrypted straight away instead of being joined with what follows in the same turn.
constexpr std::size_t kDirectBytes = 4096;
constexpr std::size_t kRecordBytes = 16384;   // RFC 8446 section 5.1
constexpr std::size_t kReadBytes = 64 << 10;  // of ciphertext that is kept if nobody wants it now
}  // namespace

ClientStream::ClientStream(core::EventLoop& loop, ClientStreamEvents& events, std::vector<char>& plaintext_scratch)
    : loop_(loop), events_(events), plaintext_scratch_(plaintext_scratch), stream_(loop, *this, kReadBytes) {}

void ClientStream::start(std::unique_ptr<tls::TlsSession> session) {
  session_ = std::move(session);
  established_ = session_ == nullptr;
  stream_.start_reading();
}

void ClientStream::on_stream_data(std::string_view data) {
  bytes_received_ += data.size();
  if (closing_) {
    discarded_ += data.size();
    if (!linger_ || discarded_ > core::kLingerBytes) gone("closed");
    return;
  }
  if (!session_) {
    events_.on_plaintext(data);
  } else {
    session_->lend(data);
    pump();
    if (session_) session_->reclaim();
  }
  update_reading();
}

bool ClientStream::pump_handshake() {
  switch (session_->handshake()) {
    case tls::HandshakeStatus::pending:
      return false;
    case tls::HandshakeStatus::refused:
      loop_.at_turn_end(*this);
      events_.on_refused();
      return false;
    case tls::HandshakeStatus::established:
      established_ = true;
      events_.on_established();
      return !closing_;
    case tls::HandshakeStatus::barred:
      established_ = true;
      events_.on_barred();
      return !closing_;
  }
  return false;
}

// As many records as are at hand and fit.
tls::ReadResult ClientStream::read_records() {
  const std::span<char> room(plaintext_scratch_);
  tls::ReadResult all = session_->read(room);
  while (all.status == tls::ReadStatus::data && all.more && all.bytes < room.size()) {
    const tls::ReadResult next = session_->read(room.subspan(all.bytes));
    all.bytes += next.bytes;
    // An end or a failure is met again by whoever asks for more.
    if (next.status != tls::ReadStatus::data) all.more = next.status != tls::ReadStatus::want_input;
    if (next.status != tls::ReadStatus::data) break;
    all.more = next.more;
  }
  return all;
}

void ClientStream::pump() {
  if (pumping_ || gone_) return;
  pumping_ = true;
  loop_.at_turn_end(*this);
  bool more = established_ || pump_handshake();
  while (more && !closing_ && !gone_ && !input_ended_ && events_.wants_input()) {
    const tls::ReadResult result = read_records();
    switch (result.status) {
      case tls::ReadStatus::data:
        more = result.more;
        events_.on_plaintext({plaintext_scratch_.data(), result.bytes});
        break;
      case tls::ReadStatus::want_input:
        more = false;
        break;
      case tls::ReadStatus::closed:
        input_ended_ = true;
        events_.on_input_end();
        break;
      case tls::ReadStatus::failed:
        more = false;
        flush();
        gone(session_->last_error().detail);
        break;
    }
  }
  input_left_ = more;
  pumping_ = false;
}

void ClientStream::update_reading() {
  if (gone_ || !stream_.is_open()) return;
  if (closing_ ? linger_ : (input_ended_ || events_.wants_input() || !established_)) {
    stream_.start_reading();
  } else {
    stream_.stop_reading();
  }
}

void ClientStream::resume_input() {
  if (pumping_ || gone_ || closing_) return;
  if (session_ && established_ && input_left_) {
    session_->lend({});
    pump();
    if (session_) session_->reclaim();
  }
  update_reading();
}

void ClientStream::on_stream_end() {
  if (closing_) return gone("closed");
  if (input_ended_) return;
  input_ended_ = true;
  events_.on_input_end();
}

void ClientStream::on_stream_failed(int status) {
  gone(uv_strerror(status));
}

void ClientStream::gone(std::string_view detail) {
  if (gone_) return;
  gone_ = true;
  stream_.close();
  events_.on_gone(detail);
}

void ClientStream::send(std::string_view plaintext) {
  if (gone_ || output_ended_) return;
  loop_.at_turn_end(*this);
  if (session_ && plaintext.size() >= kDirectBytes) {
    encrypt_large(plaintext);
  } else {
    loop_.buffers().take(plain_output_);
    plain_output_ += plaintext;
  }
  if (output().size() >= core::kEarlyFlushBytes) push();
}

std::string& ClientStream::plaintext() {
  loop_.buffers().take(plain_output_);
  return plain_output_;
}

void ClientStream::plaintext_written() {
  if (gone_ || output_ended_) return loop_.buffers().give(plain_output_);
  loop_.at_turn_end(*this);
}

std::size_t ClientStream::pending_output() const {
  return stream_.unsent() + plain_output_.size() + (session_ ? session_->output().size() : 0);
}

void ClientStream::encrypt(std::string_view plaintext) {
  loop_.buffers().take(session_->output());
  session_->write(plaintext);
}

void ClientStream::encrypt_waiting() {
  if (!session_ || !established_ || plain_output_.empty()) return;
  encrypt(plain_output_);
  loop_.buffers().give(plain_output_);
}

// In full records, as far as it goes.
void ClientStream::encrypt_large(std::string_view plaintext) {
  if (!plain_output_.empty() && plain_output_.size() < kRecordBytes) {
    const std::string_view first = plaintext.substr(0, kRecordBytes - plain_output_.size());
    plain_output_ += first;
    plaintext.remove_prefix(first.size());
  }
  encrypt_waiting();
  const std::size_t tail = plaintext.size() % kRecordBytes < kDirectBytes ? plaintext.size() % kRecordBytes : 0;
  if (tail != plaintext.size()) encrypt(plaintext.substr(0, plaintext.size() - tail));
  if (tail == 0) return;
  loop_.buffers().take(plain_output_);
  plain_output_ += plaintext.substr(plaintext.size() - tail);
}

void ClientStream::push() {
  const std::size_t waiting = pending_output();
  const std::size_t before = output().size();
  stream_.push(output());
  bytes_sent_ += before - output().size();
  progress_ = progress_ || pending_output() < waiting;
}

void ClientStream::flush_now() {
  if (gone_ || closing_ || output_ended_) return;
  encrypt_waiting();
  push();
}

void ClientStream::flush() {
  encrypt_waiting();
  const std::size_t before = output().size();
  stream_.flush(output());
  bytes_sent_ += before - output().size();
}

void ClientStream::at_turn_end() {
  if (gone_) return;
  const std::size_t before = pending_output();
  flush();
  if (gone_) return;
  if (pending_output() == 0 && (output_ended_ || closing_)) finish_close();
  const bool progress = std::exchange(progress_, false) || pending_output() < before;
  if (!gone_ && !closing_ && progress) events_.on_output_progress();
}

void ClientStream::on_stream_written() {
  progress_ = true;
  loop_.at_turn_end(*this);
}

void ClientStream::close(bool linger) {
  if (closing_ || gone_) return;
  closing_ = true;
  linger_ = linger && !input_ended_;
  if (session_ && established_) {
    encrypt_waiting();
    session_->shutdown();
  }
  loop_.at_turn_end(*this);
}

void ClientStream::close_with_clear_text(std::string_view bytes) {
  if (closing_ || gone_) return;
  session_.reset();
  plain_output_ = bytes;
  close(true);
}

void ClientStream::end_output() {
  if (output_ended_ || closing_ || gone_) return;
  if (session_ && established_) {
    encrypt_waiting();
    session_->shutdown();
  }
  output_ended_ = true;
  loop_.at_turn_end(*this);
}

void ClientStream::finish_close() {
  if (!fin_sent_) {
    fin_sent_ = true;
    stream_.shutdown();
  }
  if (!closing_) return;
  if (linger_) {
    stream_.start_reading();
  } else {
    gone("closed");
  }
}

}  // namespace gateway::proxy
