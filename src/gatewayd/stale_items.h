#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "config/rotation.h"
#include "core/event_loop.h"
#include "gatewayd/timer.h"

namespace gateway::gatewayd {

// Certificates, CAs, CRLs and ticket keys whose files can't be taken, so that what was in use before goes on. A fault
// that ends soon is none: a certificate and its key are two files, replaced one after the other. One that stays is an
// alarm, until it is mended. Control thread only.
class StaleItems {
 public:
  static constexpr core::Milliseconds kSettleTime{5'000};

  struct Stale {
    config::KeptItem kept;
    std::chrono::system_clock::time_point since;
    bool is_alarm = false;
  };
  enum class Outcome : std::uint8_t { rotated, kept };
  using Counts = std::map<std::pair<config::ItemKind, Outcome>, std::uint64_t>;

  explicit StaleItems(core::EventLoop& loop, core::Milliseconds settle = kSettleTime);

  // After a rotation: `kept` is all that is at fault now.
  void on_rotation(const std::vector<config::Item>& rotated, std::vector<config::KeptItem> kept);
  // After a load that was taken: everything is what its files say.
  void on_load() { on_rotation({}, {}); }

  // In the order of kinds and names.
  [[nodiscard]] const std::map<config::Item, Stale>& all() const { return items_; }
  [[nodiscard]] bool empty() const { return items_.empty(); }
  // How often an item was rotated, and how often a fault of one came up.
  [[nodiscard]] const Counts& counts() const { return counts_; }

 private:
  void raise_due();

  core::Milliseconds settle_;
  std::map<config::Item, Stale> items_;
  std::map<config::Item, std::chrono::steady_clock::time_point> settling_;  // until when
  Counts counts_;
  Timer timer_;
};

std::string_view to_string(StaleItems::Outcome outcome) noexcept;  // "rotated", "kept"

}  // namespace gateway::gatewayd
