#include "core/buffer_pool.h"

#include <exception>
#include <utility>

#include "core/limits.h"

namespace gateway::core {

void BufferPool::take(std::string& buffer) {
  if (!buffer.empty() || buffer.capacity() >= kPooledBufferBytes) return;
  if (spare_.empty()) {
    buffer.reserve(kPooledBufferBytes);
    return;
  }
  spare_bytes_ -= spare_.back().capacity();
  buffer = std::move(spare_.back());
  spare_.pop_back();
}

void BufferPool::give(std::string& buffer) noexcept {
  const std::size_t bytes = buffer.capacity();
  buffer.clear();
  if (bytes < kPooledBufferBytes || spare_bytes_ + bytes > kSpareBufferBytes) return std::string().swap(buffer);
  try {
    spare_.emplace_back().swap(buffer);
    spare_bytes_ += bytes;
  } catch (const std::exception&) {
    std::string().swap(buffer);
  }
}

}  // namespace gateway::core
