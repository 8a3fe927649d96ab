#include "core/ip_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <charconv>
#include <cstring>

namespace gateway::core {

std::optional<IpAddress> IpAddress::from_bytes(std::string_view bytes) {
  IpAddress address;
  if (bytes.size() == 4) {
    std::memcpy(address.bytes_.data(), bytes.data(), 4);
    return address;
  }
  if (bytes.size() != 16) return std::nullopt;
  constexpr std::array<char, 12> kMappedPrefix = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, '\xff', '\xff'};
  if (std::memcmp(bytes.data(), kMappedPrefix.data(), kMappedPrefix.size()) == 0) return from_bytes(bytes.substr(12));
  std::memcpy(address.bytes_.data(), bytes.data(), 16);
  address.v6_ = true;
  return address;
}

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
  if (text.size() >= INET6_ADDRSTRLEN) return std::nullopt;
  const std::string terminated(text);
  if (terminated.size() != std::strlen(terminated.c_str())) return std::nullopt;
  std::array<char, 16> raw{};
  if (inet_pton(AF_INET, terminated.c_str(), raw.data()) == 1) return from_bytes({raw.data(), 4});
  if (inet_pton(AF_INET6, terminated.c_str(), raw.data()) == 1) return from_bytes({raw.data(), 16});
  return std::nullopt;
}

std::optional<IpAddress> IpAddress::from_sockaddr(const sockaddr* address) {
  if (address->sa_family == AF_INET) {
    const auto* in = reinterpret_cast<const sockaddr_in*>(address);
    return from_bytes({reinterpret_cast<const char*>(&in->sin_addr), 4});
  }
  if (address->sa_family == AF_INET6) {
    const auto* in6 = reinterpret_cast<const sockaddr_in6*>(address);
    return from_bytes({reinterpret_cast<const char*>(&in6->sin6_addr), 16});
  }
  return std::nullopt;
}

std::string IpAddress::to_string() const {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (v6_) {
    inet_ntop(AF_INET6, bytes_.data(), text.data(), text.size());
    return text.data();
  }
  char* end = text.data();
  for (std::size_t i = 0; i < 4; ++i) {
    if (i != 0) *end++ = '.';
    end =
        std::to_chars(end, text.data() + text.size(), static_cast<unsigned>(static_cast<unsigned char>(bytes_[i]))).ptr;
  }
  return {text.data(), end};
}

IpAddress IpAddress::masked(unsigned prefix_length) const {
  IpAddress result = *this;
  for (unsigned i = 0; i < result.bytes_.size(); ++i) {
    const unsigned kept = prefix_length > i * 8 ? std::min(8U, prefix_length - i * 8) : 0;
    result.bytes_[i] = static_cast<std::uint8_t>(result.bytes_[i] & ~(0xFFU >> kept));
  }
  return result;
}

std::optional<Cidr> Cidr::parse(std::string_view text) {
  const auto slash = text.find('/');
  const auto address = IpAddress::parse(text.substr(0, slash));
  if (!address) return std::nullopt;
  if (slash == std::string_view::npos) return Cidr{*address, address->bit_length()};
  const std::string_view digits = text.substr(slash + 1);
  unsigned length = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), length);
  if (error != std::errc{} || end != digits.data() + digits.size() || length > address->bit_length())
    return std::nullopt;
  if (address->masked(length) != *address) return std::nullopt;
  return Cidr{*address, length};
}

bool Cidr::contains(const IpAddress& address) const {
  return address.is_v6() == network.is_v6() && address.masked(prefix_length) == network;
}

}  // namespace gateway::core
