#pragma once

#include <cstdint>
#include <string_view>

#include "proxy/http_head.h"

namespace gateway::proxy {

// What a head's fields say of framing and connection, gathered in one pass. What follows from it differs by direction.
struct FramingFields {
  enum class Coding : std::uint8_t { none, chunked, unknown, malformed };

  unsigned host_count = 0;
  unsigned content_length_count = 0;
  bool content_length_valid = true;  // every one is 1*DIGIT below 2^63
  std::uint64_t content_length = 0;  // of the last
  Coding coding = Coding::none;      // of Transfer-Encoding; malformed if there are several
  bool connection_valid = true;      // tokens only, at most kMaxConnectionOptions
  bool close = false;
  bool keep_alive = false;
  bool upgrade = false;  // the connection option
  unsigned upgrade_count = 0;
  bool upgrade_is_websocket = false;  // the last one is that alone
  unsigned expect_count = 0;
  bool expect_is_continue = false;  // the last one is that alone
};

FramingFields gather_framing(const Fields& fields);

// More than anyone sends; it bounds what it costs to compare each field with what Connection names.
inline constexpr unsigned kMaxConnectionOptions = 32;

}  // namespace gateway::proxy
