#pragma once

#include <sys/socket.h>

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

// One TCP or Unix stream connection. Owned by what serves it; used on the loop's thread.
class UvStream {
 public:
  UvStream(EventLoop& loop, StreamEvents& events) : loop_(loop), events_(events) {}
  UvStream(const UvStream&) = delete;
  UvStream& operator=(const UvStream&) = delete;
  ~UvStream() { close(); }

  // Take the next connection of a listening handle. Status as libuv's.
  int accept(uv_stream_t* server);
  // Start connecting: on_stream_connected() or on_stream_failed() follows, never before the call returns. Status as
  // libuv's.
  int connect(const sockaddr* address);
  int connect_unix(const std::string& path);

  void start_reading();
  void stop_reading();

  // Sends `bytes` as far as the socket takes them and owns the rest until on_stream_written(). While an earlier rest is
  // on its way `bytes` is left as it is: flush again from on_stream_written(). `bytes` is empty once it was taken.
  void flush(std::string& bytes);
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
  void on_connected(int status);
  void on_read(ssize_t size, const uv_buf_t* buffer);
  void on_written(int status);
  static void read_callback(uv_stream_t* stream, ssize_t size, const uv_buf_t* buffer) noexcept;
  static void allocate(uv_handle_t* handle, size_t suggested, uv_buf_t* buffer) noexcept;

  EventLoop& loop_;
  StreamEvents& events_;
  UvHandle<uv_tcp_t> tcp_;
  UvHandle<uv_pipe_t> pipe_;
  std::size_t unsent_ = 0;
  bool reading_ = false;
  bool ended_ = false;  // EOF was delivered
  bool shutdown_wanted_ = false;
  bool write_failed_ = false;
};

}  // namespace gateway::core
