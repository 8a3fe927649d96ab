#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

struct sockaddr;

namespace gateway::core {

// An IPv4 or IPv6 address without port or scope. An IPv4-mapped IPv6 address is kept as IPv4, so that one rule matches
// both.
class IpAddress {
 public:
  IpAddress() = default;
  // Dotted-quad or RFC 4291 text, no brackets, no zone.
  static std::optional<IpAddress> parse(std::string_view text);
  // `bytes` has 4 or 16 bytes in network order (as in an iPAddress SAN); anything else gives nullopt.
  static std::optional<IpAddress> from_bytes(std::string_view bytes);
  // AF_INET or AF_INET6; any other family (a Unix socket) gives nullopt.
  static std::optional<IpAddress> from_sockaddr(const sockaddr* address);

  [[nodiscard]] bool is_v6() const { return v6_; }
  [[nodiscard]] unsigned bit_length() const { return v6_ ? 128 : 32; }
  // Network order; for IPv4 only the first four bytes count, the others are zero.
  [[nodiscard]] const std::array<std::uint8_t, 16>& bytes() const { return bytes_; }
  [[nodiscard]] std::string to_string() const;
  // The address with all bits behind the first `prefix_length` cleared.
  [[nodiscard]] IpAddress masked(unsigned prefix_length) const;

  friend bool operator==(const IpAddress&, const IpAddress&) = default;
  friend auto operator<=>(const IpAddress&, const IpAddress&) = default;

 private:
  std::array<std::uint8_t, 16> bytes_{};
  bool v6_ = false;
};

// A network in CIDR notation; a bare address is a network of one.
struct Cidr {
  IpAddress network;
  unsigned prefix_length = 0;

  // Fails on host bits behind the prefix, too: "10.0.0.1/8" is most often a slip.
  static std::optional<Cidr> parse(std::string_view text);
  [[nodiscard]] bool contains(const IpAddress& address) const;
};

}  // namespace gateway::core
