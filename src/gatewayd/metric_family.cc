#include "gatewayd/metric_family.h"

#include <limits>
#include <utility>

namespace gateway::gatewayd {

Family::Family(SeriesLimit& limit, prometheus::MetricType type, std::string name, std::string help,
               std::vector<std::string> labels)
    : limit_(limit), labels_(std::move(labels)) {
  family_.name = std::move(name);
  family_.help = std::move(help);
  family_.type = type;
}

Family::Series& Family::series_of(Values values, std::size_t size) {
  std::string key = family_.name;
  for (const auto& value : values) key += '\n' + value;
  if (!values.empty() && !limit_.admit(key, size)) values.assign(labels_.size(), "other");
  return series_[std::move(values)];
}

void Family::add(Values values, double number) {
  series_of(std::move(values), 1).number += number;
}

void Family::add(Values values, const core::Histogram& histogram) {
  // Every bucket is a series, and so are _sum and _count.
  series_of(std::move(values), histogram.counts().size() + 2).histogram.merge(histogram);
}

prometheus::MetricFamily Family::take() {
  for (const auto& [values, series] : series_) {
    prometheus::ClientMetric metric;
    for (std::size_t i = 0; i < labels_.size(); ++i) metric.label.push_back({labels_[i], values[i]});
    if (family_.type == prometheus::MetricType::Counter) {
      metric.counter.value = series.number;
    } else if (family_.type == prometheus::MetricType::Gauge) {
      metric.gauge.value = series.number;
    } else {
      const auto& counts = series.histogram.counts();
      for (std::size_t i = 0; i < counts.size(); ++i) {
        metric.histogram.sample_count += counts[i];
        const double bound =
            i < core::kDurationBounds.size() ? core::kDurationBounds[i] : std::numeric_limits<double>::infinity();
        metric.histogram.bucket.push_back({metric.histogram.sample_count, bound});
      }
      metric.histogram.sample_sum = series.histogram.sum_seconds();
    }
    family_.metric.push_back(std::move(metric));
  }
  return std::move(family_);
}

}  // namespace gateway::gatewayd
