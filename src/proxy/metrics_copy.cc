#include "proxy/metrics_copy.h"

#include <algorithm>
#include <utility>

namespace gateway::proxy {
namespace {

// A host with a policy of ten thousand rules is worth many hosts.
std::size_t weight_of(const HostMetrics& host) {
  return 1 + host.decisions.size() / 4;
}
std::size_t weight_of(const EndpointMetrics& /*endpoint*/) {
  return 1;
}

// In the order of the keys, so each place is known.
template <typename Map>
void copy_some(const Map& from, typename Map::const_iterator& next, Map& to, std::size_t& room) {
  for (; room > 0 && next != from.end(); ++next) {
    to.emplace_hint(to.end(), next->first, next->second);
    room -= std::min(room, weight_of(next->second));
  }
}

}  // namespace

void MetricsCopy::begin(const WorkerMetrics& source) {
  source_ = &source;
  copy_ = std::make_shared<WorkerMetrics>();
  next_host_ = source.hosts.begin();
  next_endpoint_ = source.endpoints.begin();
}

std::shared_ptr<const WorkerMetrics> MetricsCopy::next_slice() {
  const WorkerMetrics& source = *source_;
  std::size_t room = kSlice;
  copy_some(source.hosts, next_host_, copy_->hosts, room);
  copy_some(source.endpoints, next_endpoint_, copy_->endpoints, room);
  if (room == 0) return nullptr;
  // Few: bounded by the trust anchors that were met.
  static_cast<WorkerTotals&>(*copy_) = source;
  source_ = nullptr;
  return std::exchange(copy_, nullptr);
}

}  // namespace gateway::proxy
