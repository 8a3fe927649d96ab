#pragma once
#include <cstdint>
#include <string>
#include <string_view>

namespace bench {

// Reads one HTTP/1.1 response with a Content-Length, as all of ours have. What it can't read is an error.
class Response {
 public:
  enum class State { incomplete, complete, malformed };

  // Takes the next bytes; those behind the end of the response are malformed: nobody has asked for them.
  State take(std::string_view bytes);

  void reset();

  int status() const { return status_; }
  std::uint64_t length() const { return length_; }

 private:
  bool read_head();

  std::string head_;
  bool in_body_ = false;
  int status_ = 0;
  std::uint64_t length_ = 0;
  std::uint64_t taken_ = 0;
};

}  // namespace bench
