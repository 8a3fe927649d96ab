#include "core/secret.h"

#include <string.h>  // explicit_bzero is no part of <cstring>

#include <algorithm>
#include <utility>

namespace gateway::core {

void wipe(void* bytes, std::size_t size) noexcept {
  if (size != 0) ::explicit_bzero(bytes, size);
}

Secret::Secret(std::string_view bytes) : bytes_(new char[bytes.size() + 1]), size_(bytes.size()) {
  std::ranges::copy(bytes, bytes_.get());
  bytes_[size_] = '\0';
}

Secret::Secret(Secret&& other) noexcept : bytes_(std::move(other.bytes_)), size_(std::exchange(other.size_, 0)) {}

Secret& Secret::operator=(Secret&& other) noexcept {
  std::swap(bytes_, other.bytes_);
  std::swap(size_, other.size_);
  return *this;
}

Secret::~Secret() {
  wipe(bytes_.get(), size_);
}

}  // namespace gateway::core
