#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

namespace gateway::core {

// An http URL (RFC 9110 section 4.2.1) as a client needs it. Never https: what is fetched so (CRLs, OCSP) is signed
// itself, and https would need a CRL to be checked (RFC 5280 section 8).
struct HttpUrl {
  static constexpr std::size_t kMaxBytes = 2048;

  std::string host;  // as core::canonical_host(): an IPv6 literal is in brackets
  std::uint16_t port = 80;
  std::string target;  // path and query as written; at least "/"

  // Strict: no user information, no fragment, no byte that RFC 3986 does not know, no bad percent-encoding. The error
  // says what is wrong, without the URL.
  static std::expected<HttpUrl, std::string> parse(std::string_view text);
  // Whether `text` begins like an http URL: then it is meant as one and no file name.
  static bool is_meant(std::string_view text);

  // What `reference` means in a response from here (RFC 3986 section 5.2), for Location fields.
  [[nodiscard]] std::expected<HttpUrl, std::string> resolve(std::string_view reference) const;

  // The Host field: without the port if it is 80.
  [[nodiscard]] std::string authority() const;
  [[nodiscard]] std::string text() const { return "http://" + authority() + target; }

  friend bool operator==(const HttpUrl&, const HttpUrl&) = default;
};

}  // namespace gateway::core
