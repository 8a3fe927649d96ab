#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

namespace gateway::core {

// Bytes that nobody may find in memory once they are no longer needed: private keys, passphrases, PINs. Can't be copied
// and never moves its bytes, so that what its destructor wipes is all there is. Immutable but for assignment.
class Secret {
 public:
  Secret() noexcept = default;
  explicit Secret(std::string_view bytes);
  Secret(Secret&& other) noexcept;
  Secret& operator=(Secret&& other) noexcept;
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;
  ~Secret();

  // Lives as long as this object.
  [[nodiscard]] std::string_view view() const noexcept { return {bytes_.get(), size_}; }
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }

 private:
  std::unique_ptr<char[]> bytes_;  // one byte longer: a NUL stands behind the secret
  std::size_t size_ = 0;
};

using SharedSecret = std::shared_ptr<const Secret>;

// Overwrites `size` bytes in a way that no compiler leaves out.
void wipe(void* bytes, std::size_t size) noexcept;

}  // namespace gateway::core
