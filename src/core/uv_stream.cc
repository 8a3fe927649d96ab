#include "core/uv_stream.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "core/recycled.h"

namespace gateway::core {
namespace {

// The owner of a libuv stream handle, whichever kind it is: null after its death.
UvStream* stream_owner(void* data) {
  return static_cast<UvStream*>(data);
}

}  // namespace

// Outlives the UvStream: owns its bytes until libuv is done with them.
struct UvStream::WriteRequest final : Recycled<UvStream::WriteRequest> {
  uv_write_t request{};
  std::string bytes;
};

uv_stream_t* UvStream::stream() const {
  if (tcp_) return reinterpret_cast<uv_stream_t*>(tcp_.get());
  if (pipe_) return reinterpret_cast<uv_stream_t*>(pipe_.get());
  return nullptr;
}

int UvStream::init_tcp() {
  return tcp_.init([&](uv_tcp_t* handle) { return uv_tcp_init(loop_.get(), handle); }, this);
}

int UvStream::accept(uv_stream_t* server) {
  if (const int status = init_tcp(); status != 0) return status;
  const int status = uv_accept(server, stream());
  if (status != 0) {
    close();
    return status;
  }
  uv_tcp_nodelay(tcp_.get(), 1);
  return 0;
}

int UvStream::connect(const sockaddr* address) {
  if (const int status = init_tcp(); status != 0) return status;
  uv_tcp_nodelay(tcp_.get(), 1);
  auto request = std::make_unique<uv_connect_t>();
  const int status = uv_tcp_connect(request.get(), tcp_.get(), address, [](uv_connect_t* done, int result) {
    const std::unique_ptr<uv_connect_t> owned(done);
    if (auto* self = stream_owner(done->handle->data)) self->on_connected(result);
  });
  if (status == 0) {
    static_cast<void>(request.release());
  } else {
    close();
  }
  return status;
}

int UvStream::connect_unix(const std::string& path) {
  const int status = pipe_.init([&](uv_pipe_t* handle) { return uv_pipe_init(loop_.get(), handle, 0); }, this);
  if (status != 0) return status;
  auto request = std::make_unique<uv_connect_t>();
  uv_pipe_connect(request.release(), pipe_.get(), path.c_str(), [](uv_connect_t* done, int result) {
    const std::unique_ptr<uv_connect_t> owned(done);
    if (auto* self = stream_owner(done->handle->data)) self->on_connected(result);
  });
  return 0;
}

void UvStream::on_connected(int status) {
  if (status != 0) return fail(status);
  events_.on_stream_connected();
}

void UvStream::allocate(uv_handle_t* handle, size_t, uv_buf_t* buffer) noexcept {
  auto* self = stream_owner(handle->data);
  if (self == nullptr) {
    *buffer = uv_buf_init(nullptr, 0);
    return;
  }
  auto& scratch = self->loop_.read_scratch();
  *buffer = uv_buf_init(scratch.data(), static_cast<unsigned>(self->read_bytes_));
}

void UvStream::read_callback(uv_stream_t* stream, ssize_t size, const uv_buf_t* buffer) noexcept {
  if (auto* self = stream_owner(stream->data)) self->on_read(size, buffer);
}

void UvStream::start_reading() {
  if (reading_ || ended_ || !is_open()) return;
  reading_ = true;
  if (yielded_) return;
  if (const int status = uv_read_start(stream(), &UvStream::allocate, &UvStream::read_callback); status != 0)
    fail(status);
}

void UvStream::stop_reading() {
  if (!reading_ || !is_open()) return;
  reading_ = false;
  uv_read_stop(stream());
}

// libuv reads on as long as each read fills its buffer.
void UvStream::yield_after(std::size_t bytes) {
  if (read_at_ != loop_.now()) {
    read_at_ = loop_.now();
    read_now_ = 0;
  }
  read_now_ += bytes;
  if (read_now_ < kReadBytesPerTurn) return;
  read_now_ = 0;
  uv_read_stop(stream());
  yielded_ = true;
  loop_.at_turn_end(*this);
}

void UvStream::at_turn_end() {
  yielded_ = false;
  if (!reading_ || !is_open()) return;
  if (const int status = uv_read_start(stream(), &UvStream::allocate, &UvStream::read_callback); status != 0)
    fail(status);
}

void UvStream::on_read(ssize_t size, const uv_buf_t* buffer) {
  if (size > 0) {
    yield_after(static_cast<std::size_t>(size));
    return events_.on_stream_data({buffer->base, static_cast<std::size_t>(size)});
  }
  if (size == 0) return;
  if (size != UV_EOF) return fail(static_cast<int>(size));
  stop_reading();
  ended_ = true;
  events_.on_stream_end();
}

// Past libuv, whose write costs more and can't be told to spare us a signal. How many bytes, or libuv's error.
ssize_t UvStream::send_now(std::string_view bytes) const {
  uv_os_fd_t fd = -1;
  if (const int status = uv_fileno(reinterpret_cast<const uv_handle_t*>(stream()), &fd); status != 0) return status;
  for (;;) {
    const ssize_t sent = ::send(fd, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent >= 0) return sent;
    if (errno == EAGAIN || errno == EWOULDBLOCK) return 0;
    if (errno != EINTR) return uv_translate_sys_error(errno);
  }
}

std::size_t UvStream::try_send(std::string_view bytes) {
  if (!is_open() || write_failed_ || unsent_ != 0 || bytes.empty()) return 0;
  return static_cast<std::size_t>(std::max<ssize_t>(send_now(bytes), 0));
}

void UvStream::flush(std::string& bytes) {
  if (!is_open() || write_failed_) return loop_.buffers().give(bytes);
  if (unsent_ != 0 || bytes.empty()) return;
  if (const int status = send_or_queue(bytes); status != 0) {
    loop_.buffers().give(bytes);
    fail_write(status);
  }
}

void UvStream::push(std::string& bytes) {
  if (is_open() && !write_failed_ && unsent_ == 0 && !bytes.empty()) static_cast<void>(send_or_queue(bytes));
}

// 0, or libuv's error with `bytes` as it was.
int UvStream::send_or_queue(std::string& bytes) {
  const ssize_t sent = send_now(bytes);
  if (sent < 0) return static_cast<int>(sent);
  if (static_cast<std::size_t>(sent) < bytes.size()) return queue(bytes, static_cast<std::size_t>(sent));
  loop_.buffers().give(bytes);
  return 0;
}

// libuv sends the rest once the socket takes more.
int UvStream::queue(std::string& bytes, std::size_t sent) {
  auto request = std::make_unique<WriteRequest>();
  const std::string_view rest = std::string_view(bytes).substr(sent);
  // A slow peer shall not pin a large buffer for a few bytes.
  const bool small = rest.size() < bytes.capacity() / 4;
  request->bytes = small ? std::string(rest) : std::move(bytes);
  const std::size_t offset = small ? 0 : sent;
  const uv_buf_t left =
      uv_buf_init(request->bytes.data() + offset, static_cast<unsigned>(request->bytes.size() - offset));
  request->request.data = request.get();
  const int status = uv_write(&request->request, stream(), &left, 1, [](uv_write_t* done, int result) {
    const std::unique_ptr<WriteRequest> owned(static_cast<WriteRequest*>(done->data));
    auto* self = stream_owner(done->handle->data);
    if (self == nullptr) return;
    self->loop_.buffers().give(owned->bytes);
    self->on_written(result);
  });
  if (status != 0) {
    bytes = request->bytes.substr(offset);
    return status;
  }
  loop_.buffers().give(bytes);
  unsent_ = left.len;
  static_cast<void>(request.release());
  return 0;
}

void UvStream::on_written(int status) {
  unsent_ = 0;
  if (status != 0) return fail_write(status);
  if (shutdown_wanted_) {
    shutdown_wanted_ = false;
    shutdown();
  }
  events_.on_stream_written();
}

void UvStream::shutdown() {
  if (!is_open()) return;
  if (unsent_ != 0) {
    shutdown_wanted_ = true;
    return;
  }
  auto request = std::make_unique<uv_shutdown_t>();
  const int status = uv_shutdown(request.get(), stream(), [](uv_shutdown_t* done, int) { delete done; });
  if (status == 0) static_cast<void>(request.release());
}

void UvStream::fail(int status) {
  if (!is_open()) return;
  close();
  events_.on_stream_failed(status);
}

void UvStream::fail_write(int status) {
  if (events_.keep_reading_after_write_error() && !ended_) {
    write_failed_ = true;
    unsent_ = 0;
    return;
  }
  fail(status);
}

void UvStream::close() {
  reading_ = false;
  unsent_ = 0;
  tcp_.close();
  pipe_.close();
}

bool UvStream::is_quiet() const {
  uv_os_fd_t fd = -1;
  if (!is_open() || uv_fileno(reinterpret_cast<const uv_handle_t*>(stream()), &fd) != 0) return false;
  char byte = 0;
  return ::recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}

sockaddr_storage UvStream::peer_address() const {
  sockaddr_storage address{};
  int size = sizeof(address);
  if (!tcp_ || uv_tcp_getpeername(tcp_.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0)
    address.ss_family = AF_UNSPEC;
  return address;
}

}  // namespace gateway::core
