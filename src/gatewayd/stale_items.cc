#include "gatewayd/stale_items.h"

#include <algorithm>

#include "core/log.h"

namespace gateway::gatewayd {
namespace {

using std::chrono::steady_clock;

void log(core::LogLevel level, std::string_view message, const StaleItems::Stale& stale) {
  core::log_event(level, message,
                  {{"item", std::string(config::to_string(stale.kept.item.kind))},
                   {"name", stale.kept.item.name},
                   {"file", stale.kept.file},
                   {"detail", stale.kept.reason},
                   {"since", core::format_time(stale.since)}});
}

}  // namespace

StaleItems::StaleItems(core::EventLoop& loop, core::Milliseconds settle)
    : settle_(settle), timer_(loop, [this] { raise_due(); }) {}

void StaleItems::on_rotation(const std::vector<config::Item>& rotated, std::vector<config::KeptItem> kept) {
  for (const config::Item& item : rotated) ++counts_[{item.kind, Outcome::rotated}];
  std::map<config::Item, Stale> before = std::exchange(items_, {});
  for (config::KeptItem& one : kept) {
    const config::Item item = one.item;
    const auto known = before.find(item);
    if (known == before.end()) {
      ++counts_[{item.kind, Outcome::kept}];
      settling_.emplace(item, steady_clock::now() + settle_);
      items_.emplace(item, Stale{.kept = std::move(one), .since = std::chrono::system_clock::now()});
      continue;
    }
    Stale stale = std::move(known->second);
    before.erase(known);
    const bool is_new_fault = stale.is_alarm && stale.kept != one;
    stale.kept = std::move(one);
    if (is_new_fault) log(core::LogLevel::error, "a file still can't be taken, now for another reason", stale);
    items_.insert_or_assign(item, std::move(stale));
  }
  for (const auto& [item, stale] : before) {
    settling_.erase(item);
    if (stale.is_alarm) log(core::LogLevel::info, "a file that could not be taken is mended", stale);
  }
  raise_due();
}

void StaleItems::raise_due() {
  const auto now = steady_clock::now();
  auto next = steady_clock::time_point::max();
  for (auto at = settling_.begin(); at != settling_.end();) {
    if (at->second > now) {
      next = std::min(next, at->second);
      ++at;
      continue;
    }
    Stale& stale = items_.at(at->first);
    stale.is_alarm = true;
    log(core::LogLevel::error, "a file can't be taken: what was in use before is kept", stale);
    at = settling_.erase(at);
  }
  if (settling_.empty()) return timer_.stop();
  timer_.start(std::chrono::ceil<core::Milliseconds>(next - now));
}

std::string_view to_string(StaleItems::Outcome outcome) noexcept {
  return outcome == StaleItems::Outcome::rotated ? "rotated" : "kept";
}

}  // namespace gateway::gatewayd
