#include "tls/first_bytes.h"

namespace gateway::tls {

FirstBytes classify_first_bytes(std::string_view bytes) noexcept {
  constexpr char kHandshakeRecord = 0x16;
  constexpr char kMajorVersion = 0x03;
  constexpr std::size_t kShortestMethod = 3;
  if (bytes.empty()) return FirstBytes::undecided;
  if (bytes.front() == kHandshakeRecord) {
    if (bytes.size() < 2) return FirstBytes::undecided;
    return bytes[1] == kMajorVersion ? FirstBytes::tls : FirstBytes::garbage;
  }
  // A method in capitals and a space: HTTP of any version ("PRI * HTTP/2.0" too).
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const char c = bytes[i];
    if (c == ' ' && i >= kShortestMethod) return FirstBytes::plain_http;
    if ((c < 'A' || c > 'Z') && c != '-') return FirstBytes::garbage;
  }
  return bytes.size() < kFirstBytesNeeded ? FirstBytes::undecided : FirstBytes::garbage;
}

}  // namespace gateway::tls
