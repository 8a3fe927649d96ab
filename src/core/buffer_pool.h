#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace gateway::core {

// Byte buffers that travel between the connections of one loop: whoever has bytes to collect takes one and gives it
// back once they are gone. So an idle connection holds none, a busy one allocates none, and the buffer that was used
// last, which is in the CPU's cache, is the next one used. Not thread-safe.
class BufferPool {
 public:
  // Gives `buffer` room for what one turn usually brings, unless something is in it.
  void take(std::string& buffer);
  // Takes the buffer away; `buffer` is empty and owns no memory afterwards.
  void give(std::string& buffer) noexcept;

 private:
  std::vector<std::string> spare_;
  std::size_t spare_bytes_ = 0;  // their capacities
};

}  // namespace gateway::core
