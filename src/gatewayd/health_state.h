#pragma once

namespace gateway::gatewayd {

// What the probes of one endpoint amount to: `fall` failures in a row take it out, `rise` successes in a row bring it
// back. A new endpoint is healthy until it proves otherwise, so that a start does not begin with an outage.
class HealthState {
 public:
  // True if the verdict changed.
  bool record(bool success, unsigned fall, unsigned rise) {
    if (success == healthy_) {
      against_ = 0;
      return false;
    }
    ++against_;
    if (against_ < (healthy_ ? fall : rise)) return false;
    healthy_ = !healthy_;
    against_ = 0;
    return true;
  }
  [[nodiscard]] bool healthy() const { return healthy_; }

 private:
  bool healthy_ = true;
  unsigned against_ = 0;  // probes in a row that contradict the verdict
};

}  // namespace gateway::gatewayd
