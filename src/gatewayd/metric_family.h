#pragma once

#include <prometheus/metric_family.h>

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "core/histogram.h"

namespace gateway::gatewayd {

// Bounds how many series are ever exported. A series that was once admitted stays admitted: a counter that came and
// went would look like resets. Virtual hosts that left the config keep theirs.
class SeriesLimit {
 public:
  static constexpr std::size_t kMaxSeries = 20'000;
  explicit SeriesLimit(std::size_t max = kMaxSeries) : max_(max) {}
  bool admit(const std::string& series, std::size_t size) {
    if (admitted_.contains(series)) return true;
    if (used_ + size > max_) return false;
    admitted_.insert(series);
    used_ += size;
    return true;
  }

 private:
  std::size_t max_;
  std::size_t used_ = 0;
  std::unordered_set<std::string> admitted_;
};

// One metric on its way out: series that are added twice (by two workers) are summed, those beyond the limit are summed
// in one whose labels are all "other".
class Family {
 public:
  using Values = std::vector<std::string>;  // of the labels, in their order
  // `limit` outlives the family.
  Family(SeriesLimit& limit, prometheus::MetricType type, std::string name, std::string help,
         std::vector<std::string> labels = {});

  void add(Values values, double number);
  void add(Values values, const core::Histogram& histogram);
  [[nodiscard]] prometheus::MetricFamily take();

 private:
  struct Series {
    double number = 0;
    core::Histogram histogram;
  };
  Series& series_of(Values values, std::size_t size);

  SeriesLimit& limit_;
  prometheus::MetricFamily family_;
  std::vector<std::string> labels_;
  std::map<Values, Series> series_;
};

}  // namespace gateway::gatewayd
