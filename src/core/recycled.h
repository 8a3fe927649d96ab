#pragma once

#include <cstddef>
#include <memory>
#include <new>
#include <string>
#include <utility>
#include <vector>

namespace gateway::core {

// Empties `text` and keeps its memory for whoever fills it next, unless it is unusually large.
inline void clear_for_reuse(std::string& text) {
  constexpr std::size_t kKeptBytes = 1024;
  if (text.capacity() > kKeptBytes) {
    std::string().swap(text);
  } else {
    text.clear();
  }
}

// Base of a final class T whose objects come and go with each request: their memory is kept for the next one of the
// same thread, up to kKept pieces. Not under AddressSanitizer, which must see memory die.
template <typename T>
class Recycled {
 public:
#if !defined(__SANITIZE_ADDRESS__)
  static void* operator new(std::size_t bytes) {
    auto& kept = spare().pieces;
    if (kept.empty()) return ::operator new(bytes);
    void* const piece = kept.back();
    kept.pop_back();
    return piece;
  }
  static void operator delete(void* piece) noexcept {
    auto& kept = spare().pieces;
    if (kept.size() == kept.capacity()) return ::operator delete(piece);
    kept.push_back(piece);
  }
#endif

 protected:
  ~Recycled() = default;

 private:
  static constexpr std::size_t kKept = 128;
  struct Spare {
    std::vector<void*> pieces;
    Spare() { pieces.reserve(kKept); }
    ~Spare() {
      for (void* const piece : pieces) ::operator delete(piece);
      pieces = {};  // what dies later in this thread finds no room
    }
  };
  static Spare& spare() {
    static thread_local Spare instance;
    return instance;
  }
};

// Objects that are dear to make and cheap to clear, kept for the next who needs one: the last that was given back is
// the first to be taken. One thread.
template <typename T>
class SpareObjects {
 public:
  // Null if there is none.
  std::unique_ptr<T> take() {
    if (spare_.empty()) return nullptr;
    auto object = std::move(spare_.back());
    spare_.pop_back();
    return object;
  }
  void give(std::unique_ptr<T> object) {
    if (object && spare_.size() < kKept) spare_.push_back(std::move(object));
  }

 private:
  static constexpr std::size_t kKept = 128;
  std::vector<std::unique_ptr<T>> spare_;
};

}  // namespace gateway::core
