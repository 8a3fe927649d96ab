#pragma once

#include <string_view>

#include "gatewayd/reload_outcome.h"

namespace gateway::gatewayd {

// Told of every load of the config, whoever asked for it, on the control thread. Rotated ticket keys are no load.
class ReloadObserver {
 public:
  // Before the first file is read.
  virtual void on_reload_begun(std::string_view trigger) = 0;
  // Before whoever asked gets the answer.
  virtual void on_reload_finished(const ReloadOutcome& outcome) = 0;

 protected:
  ~ReloadObserver() = default;
};

}  // namespace gateway::gatewayd
