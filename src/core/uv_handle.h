#pragma once

#include <uv.h>

#include <cstdio>
#include <cstdlib>
#include <utility>

namespace gateway::core {

// Ends the process: an invariant is broken and going on could let somebody in.
[[noreturn]] inline void broken_invariant(const char* what) noexcept {
  std::fprintf(stderr, "{\"level\":\"fatal\",\"message\":\"broken invariant: %s\"}\n", what);
  std::abort();
}

// Owns one libuv handle of type T. The handle's memory lives on the heap until libuv's close callback, so the owner may
// die at any time: the destructor cuts the way back to the owner and closes. Neither copied nor moved; used on the
// loop's thread. This file has the only uv_close for handles of connections, timers and mailboxes.
template <typename T>
class UvHandle {
 public:
  UvHandle() = default;
  UvHandle(const UvHandle&) = delete;
  UvHandle& operator=(const UvHandle&) = delete;
  ~UvHandle() { close(); }

  // `initialise(handle)` calls the matching uv_*_init and returns its status. `owner` is what owner<>() gives
  // callbacks.
  template <typename Initialise>
  int init(Initialise&& initialise, void* owner) {
    close();
    auto* handle = static_cast<T*>(std::calloc(1, sizeof(T)));
    if (handle == nullptr) broken_invariant("out of memory for a uv handle");
    const int status = std::forward<Initialise>(initialise)(handle);
    if (status != 0) {
      std::free(handle);
      return status;
    }
    handle->data = owner;
    handle_ = handle;
    return 0;
  }

  void close() {
    if (handle_ == nullptr) return;
    handle_->data = nullptr;
    uv_close(base(), [](uv_handle_t* handle) { std::free(handle); });
    handle_ = nullptr;
  }

  [[nodiscard]] T* get() const { return handle_; }
  [[nodiscard]] uv_handle_t* base() const { return reinterpret_cast<uv_handle_t*>(handle_); }
  explicit operator bool() const { return handle_ != nullptr; }

  // Null once the owner has died: callbacks may still come, some with status 0.
  template <typename Owner>
  static Owner* owner(T* handle) {
    return static_cast<Owner*>(handle->data);
  }

 private:
  T* handle_ = nullptr;
};

}  // namespace gateway::core
