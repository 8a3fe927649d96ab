#pragma once

#include <sys/socket.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "core/event_loop.h"
#include "core/uv_handle.h"

namespace gateway::core {

// What happens on a UvStream. After on_stream_failed() nothing more comes. Callbacks may close the stream, not free it:
// its owner is retired.
class StreamEvents {
 public:
  virtual void on_stream_connected() {}
  virtual void on_stream_data(std::string_view data) = 0;  // valid until the call returns
  virtual void on_stream_end() = 0;                        // the peer sends no more
  virtual void on_stream_failed(int status) = 0;           // a libuv error; the stream is closed
  virtual void on_stream_written() = 0;                    // what flush() had to leave behind has been sent
  // A write failed. True keeps the stream open for reading (an upstream may have answered before it closed); false ends
  // it.
  virtual bool keep_reading_after_write_error() { return false; }

 protected:
  ~StreamEvents() = default;
};

// What one stream may read while others wait for their turn.
inline constexpr std::size_t kReadBytesPerTurn = 1 << 20;

// One TCP or Unix stream connection. Owned by what serves it; used on the loop's thread.
class UvStream final : private TurnEndTask {
 public:
  // `read_bytes`: the most that one on_stream_data() brings, and whoever can't use it at once has to keep.
  UvStream(EventLoop& loop, StreamEvents& events, std::size_t read_bytes = kReadScratchBytes)
      : loop_(loop), events_(events), read_bytes_(std::min(read_bytes, kReadScratchBytes)) {}
  UvStream(const UvStream&) = delete;
  UvStream& operator=(const UvStream&) = delete;
  ~UvStream() override { close(); }

  // Take the next connection of a listening handle. Status as libuv's.
  int accept(uv_stream_t* server);
  // Start connecting: on_stream_connected() or on_stream_failed() follows, never before the call returns. Status as
  // libuv's.
  int connect(const sockaddr* address);
  int connect_unix(const std::string& path);

  void start_reading();
  void stop_reading();

  // Sends `bytes` as far as the socket takes them and owns the rest until on_stream_written(). While an earlier rest is
  // on its way `bytes` is left as it is: flush again from on_stream_written(). `bytes` is empty once it was taken, and
  // its memory is with the loop's buffers.
  void flush(std::string& bytes);
  // The same for the middle of a turn: no event comes of it. A failure leaves `bytes` to the next flush().
  void push(std::string& bytes);
  // Sends as much of `bytes` as the socket takes at this moment and keeps none; how many that were. A failure counts as
  // none: the next flush() meets it again.
  [[nodiscard]] std::size_t try_send(std::string_view bytes);
  // Bytes that were taken but not sent yet.
  [[nodiscard]] std::size_t unsent() const { return unsent_; }

  // Half-close, once everything is sent.
  void shutdown();
  void close();
  [[nodiscard]] bool is_open() const { return stream() != nullptr; }

  // Whether neither bytes nor an end wait in the socket. One system call; for an idle connection that is about to be
  // used again.
  [[nodiscard]] bool is_quiet() const;

  // The peer's address; AF_UNSPEC for a Unix socket or if it is gone.
  [[nodiscard]] sockaddr_storage peer_address() const;

 private:
  struct WriteRequest;
  [[nodiscard]] uv_stream_t* stream() const;
  int init_tcp();
  void fail(int status);
  void fail_write(int status);
  [[nodiscard]] ssize_t send_now(std::string_view bytes) const;
  int send_or_queue(std::string& bytes);
  int queue(std::string& bytes, std::size_t sent);
  void on_connected(int status);
  void on_read(ssize_t size, const uv_buf_t* buffer);
  void yield_after(std::size_t bytes);
  void at_turn_end() override;
  void on_written(int status);
  static void read_callback(uv_stream_t* stream, ssize_t size, const uv_buf_t* buffer) noexcept;
  static void allocate(uv_handle_t* handle, size_t suggested, uv_buf_t* buffer) noexcept;

  EventLoop& loop_;
  StreamEvents& events_;
  const std::size_t read_bytes_;
  UvHandle<uv_tcp_t> tcp_;
  UvHandle<uv_pipe_t> pipe_;
  std::size_t unsent_ = 0;
  std::uint64_t read_at_ = 0;  // the loop's time
  std::size_t read_now_ = 0;   // bytes since then
  bool reading_ = false;
  bool yielded_ = false;  // reading goes on at the end of the turn
  bool ended_ = false;    // EOF was delivered
  bool shutdown_wanted_ = false;
  bool write_failed_ = false;
};

}  // namespace gateway::core
