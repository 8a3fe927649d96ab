#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

#include "tls/openssl_ptr.h"

namespace gateway::tls {

// The two ends of a TLS session's ciphertext: a BIO that reads what was lent (after what was kept of earlier loans) and
// appends what OpenSSL writes to a string. Nothing else; in particular no I/O.
class StreamBio {
 public:
  StreamBio() = default;
  StreamBio(const StreamBio&) = delete;
  StreamBio& operator=(const StreamBio&) = delete;

  // A new BIO on this stream, which must outlive it; null only for want of memory.
  BioPtr make_bio();

  void lend(std::string_view ciphertext) { lent_ = ciphertext; }
  // Keeps what was not read.
  void reclaim();
  [[nodiscard]] std::size_t unread() const { return kept_.size() - kept_read_ + lent_.size(); }
  // Copies the first unread bytes, as many as there are.
  [[nodiscard]] std::size_t peek(char* out, std::size_t size) const;

  std::string& output() { return output_; }
  [[nodiscard]] std::uint64_t total_read() const { return total_read_; }

  // Reads past this many bytes in total fail; lets the caller bound what a peer may send up to some moment.
  void set_read_limit(std::uint64_t total_bytes) { read_limit_ = total_bytes; }
  void clear_read_limit() { read_limit_ = std::numeric_limits<std::uint64_t>::max(); }
  // Every further read fails.
  void cut() { read_limit_ = 0; }
  [[nodiscard]] bool limit_hit() const { return limit_hit_; }

 private:
  static const BIO_METHOD* method();
  static int on_read(BIO* bio, char* out, int size) noexcept;
  static int on_write(BIO* bio, const char* bytes, int size) noexcept;
  static long on_control(BIO* bio, int command, long number, void* pointer) noexcept;

  std::string_view lent_;
  std::string kept_;
  std::size_t kept_read_ = 0;
  std::string output_;
  std::uint64_t total_read_ = 0;
  std::uint64_t read_limit_ = std::numeric_limits<std::uint64_t>::max();
  bool limit_hit_ = false;
};

}  // namespace gateway::tls
