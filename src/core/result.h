#pragma once

#include <expected>
#include <string>
#include <utility>

#include "core/reason.h"

namespace gateway::core {

// On whose side a failure lies: it picks the HTTP status, the log level and the metric.
enum class Side : std::uint8_t { client, upstream, gateway };

// An expected failure on the data path, as a value. `detail` is for the log only: it is never sent to a peer.
struct Error {
  Reason reason = Reason::internal;
  Side side = Side::gateway;
  bool retryable = false;
  std::string detail;
};

template <typename T>
using Result = std::expected<T, Error>;

inline std::unexpected<Error> fail(Reason reason, Side side, std::string detail) {
  return std::unexpected(Error{.reason = reason, .side = side, .detail = std::move(detail)});
}

}  // namespace gateway::core

#define GATEWAY_CONCAT_(a, b) a##b
#define GATEWAY_CONCAT(a, b) GATEWAY_CONCAT_(a, b)
// Assigns the value of a Result to `target`, or returns its error from the calling function.
#define TRY(target, expression)                                                       \
  auto GATEWAY_CONCAT(try_result_, __LINE__) = (expression);                          \
  if (!GATEWAY_CONCAT(try_result_, __LINE__).has_value())                             \
    return std::unexpected(std::move(GATEWAY_CONCAT(try_result_, __LINE__).error())); \
  target = std::move(*GATEWAY_CONCAT(try_result_, __LINE__))
