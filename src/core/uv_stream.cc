#include "core/uv_stream.h"

#include <cerrno>
#include <utility>

namespace gateway::core {
namespace {

// The owner of a libuv stream handle, whichever kind it is: null after its death.
UvStream* stream_owner(void* data) {
  return static_cast<UvStream*>(data);
}

}  // namespace

// Outlives the UvStream: owns its bytes until libuv is done with them.
struct UvStream::WriteRequest {
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
  *buffer = uv_buf_init(scratch.data(), static_cast<unsigned>(scratch.size()));
}

void UvStream::read_callback(uv_stream_t* stream, ssize_t size, const uv_buf_t* buffer) noexcept {
  if (auto* self = stream_owner(stream->data)) self->on_read(size, buffer);
}

void UvStream::start_reading() {
  if (reading_ || ended_ || !is_open()) return;
  reading_ = true;
  if (const int status = uv_read_start(stream(), &UvStream::allocate, &UvStream::read_callback); status != 0)
    fail(status);
}

void UvStream::stop_reading() {
  if (!reading_ || !is_open()) return;
  reading_ = false;
  uv_read_stop(stream());
}

void UvStream::on_read(ssize_t size, const uv_buf_t* buffer) {
  if (size > 0) return events_.on_stream_data({buffer->base, static_cast<std::size_t>(size)});
  if (size == 0) return;
  if (size != UV_EOF) return fail(static_cast<int>(size));
  stop_reading();
  ended_ = true;
  events_.on_stream_end();
}

void UvStream::flush(std::string& bytes) {
  if (!is_open() || write_failed_) {
    bytes.clear();
    return;
  }
  if (unsent_ != 0 || bytes.empty()) return;
  const uv_buf_t now = uv_buf_init(bytes.data(), static_cast<unsigned>(bytes.size()));
  const int sent = uv_try_write(stream(), &now, 1);
  if (sent < 0 && sent != UV_EAGAIN) {
    bytes.clear();
    return fail_write(sent);
  }
  if (sent == static_cast<int>(bytes.size())) {
    bytes.clear();
    return;
  }
  auto request = std::make_unique<WriteRequest>();
  if (sent > 0) bytes.erase(0, static_cast<std::size_t>(sent));
  request->bytes = std::exchange(bytes, {});
  unsent_ = request->bytes.size();
  request->request.data = request.get();
  const uv_buf_t rest = uv_buf_init(request->bytes.data(), static_cast<unsigned>(request->bytes.size()));
  WriteRequest* const raw = request.release();
  const int status = uv_write(&raw->request, stream(), &rest, 1, [](uv_write_t* done, int result) {
    const std::unique_ptr<WriteRequest> owned(static_cast<WriteRequest*>(done->data));
    if (auto* self = stream_owner(done->handle->data)) self->on_written(result);
  });
  if (status != 0) {
    delete raw;
    fail_write(status);
  }
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
