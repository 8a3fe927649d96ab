#include "tls/session_app_data.h"

#include <algorithm>
#include <cstring>

#include "tls/limits.h"

namespace gateway::tls {
namespace {

constexpr char kVersion = 2;

void put_number(std::string& out, std::uint64_t value) {
  for (int shift = 56; shift >= 0; shift -= 8) out += static_cast<char>(value >> shift & 0xff);
}

void put_time(std::string& out, std::chrono::sys_seconds time) {
  put_number(out, static_cast<std::uint64_t>(time.time_since_epoch().count()));
}

void put_digest(std::string& out, const core::Sha256& digest) {
  out.append(reinterpret_cast<const char*>(digest.data()), digest.size());
}

// Each take fails once the bytes run out; failed() is asked at the end.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}

  std::string_view bytes(std::size_t size) {
    if (rest_.size() < size) {
      failed_ = true;
      rest_ = {};
      return {};
    }
    const std::string_view taken = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return taken;
  }
  std::size_t byte() {
    const std::string_view taken = bytes(1);
    return taken.empty() ? 0 : static_cast<unsigned char>(taken.front());
  }
  std::chrono::sys_seconds time() {
    std::uint64_t value = 0;
    for (const char c : bytes(8)) value = value << 8 | static_cast<unsigned char>(c);
    return std::chrono::sys_seconds(std::chrono::seconds(static_cast<std::int64_t>(value)));
  }
  core::Sha256 digest() {
    core::Sha256 digest{};
    if (const std::string_view taken = bytes(digest.size()); !taken.empty()) {
      std::memcpy(digest.data(), taken.data(), digest.size());
    }
    return digest;
  }
  [[nodiscard]] bool failed() const { return failed_; }
  [[nodiscard]] bool empty() const { return rest_.empty(); }

 private:
  std::string_view rest_;
  bool failed_ = false;
};

}  // namespace

std::chrono::sys_seconds session_end(const SessionAppData& session, std::chrono::seconds lifetime) {
  return std::min(session.chain.session_deadline, session.chain.session_start + lifetime);
}

std::string encode_session(const SessionAppData& session) {
  std::string out(1, kVersion);
  put_digest(out, session.session_context);
  put_time(out, session.chain.session_start);
  put_time(out, session.chain.session_deadline);
  out += static_cast<char>(session.chain.elements.size());
  for (const ChainElement& element : session.chain.elements) {
    put_digest(out, element.fingerprint);
    put_digest(out, element.issuer_key);
    put_digest(out, element.issuer_name);
    out += static_cast<char>(element.serial.size());
    out += element.serial;
    out += static_cast<char>(element.is_ca ? 1 : 0);
    put_time(out, element.not_before);
    put_time(out, element.not_after);
  }
  return out;
}

std::optional<SessionAppData> decode_session(std::string_view bytes) {
  Reader in(bytes);
  if (in.byte() != kVersion) return std::nullopt;
  SessionAppData session;
  session.session_context = in.digest();
  session.chain.session_start = in.time();
  session.chain.session_deadline = in.time();
  const std::size_t count = in.byte();
  if (count > kMaxChainElements) return std::nullopt;
  std::vector<ChainElement> elements;
  for (std::size_t i = 0; i < count && !in.failed(); ++i) {
    ChainElement& element = elements.emplace_back();
    element.fingerprint = in.digest();
    element.issuer_key = in.digest();
    element.issuer_name = in.digest();
    const std::size_t serial_bytes = in.byte();
    if (serial_bytes == 0 || serial_bytes > kMaxSerialBytes) return std::nullopt;
    element.serial = in.bytes(serial_bytes);
    const std::size_t is_ca = in.byte();
    if (is_ca > 1) return std::nullopt;
    element.is_ca = is_ca == 1;
    element.not_before = in.time();
    element.not_after = in.time();
  }
  if (in.failed() || !in.empty()) return std::nullopt;
  session.chain.elements = std::move(elements);
  return session;
}

}  // namespace gateway::tls
