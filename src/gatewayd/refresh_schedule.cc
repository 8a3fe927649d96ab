#include "gatewayd/refresh_schedule.h"

#include <algorithm>

namespace gateway::gatewayd {
namespace {

constexpr std::chrono::seconds kShortest{5};  // before the end
constexpr std::chrono::seconds kOverdue{60};  // and after it
constexpr std::chrono::seconds kFirstPause{5};
constexpr std::chrono::seconds kLongestPause{600};
constexpr std::uint64_t kMaxDoublings = 10;

core::Milliseconds share_of(std::chrono::seconds time, double share) {
  const auto ms = std::chrono::duration_cast<core::Milliseconds>(time);
  return core::Milliseconds(static_cast<std::int64_t>(static_cast<double>(ms.count()) * share));
}

}  // namespace

core::Milliseconds after_success(std::chrono::seconds interval, std::optional<std::chrono::sys_seconds> end,
                                 std::chrono::sys_seconds now, double dice) {
  auto delay = interval;
  if (end && *end != std::chrono::sys_seconds::max()) {
    delay = std::min(interval, *end > now ? std::max<std::chrono::seconds>((*end - now) / 2, kShortest) : kOverdue);
  }
  return share_of(delay, 1.0 - 0.1 * dice);
}

core::Milliseconds after_failure(std::chrono::seconds interval, std::uint64_t failures, double dice) {
  const auto doublings = std::min(failures == 0 ? 0 : failures - 1, kMaxDoublings);
  const auto pause = std::min({std::chrono::seconds(kFirstPause.count() << doublings), interval, kLongestPause});
  return share_of(pause, 1.0 - 0.5 * dice);
}

}  // namespace gateway::gatewayd
