#include "gatewayd/metrics_text.h"

#include <prometheus/text_serializer.h>

#include <sstream>

#include "gatewayd/metrics_writer.h"

namespace gateway::gatewayd {

std::string metrics_text(const MetricsInput& input, SeriesLimit& limit) {
  MetricsWriter writer(input, limit);
  add_tls_metrics(writer);
  add_ocsp_metrics(writer);
  add_status_metrics(writer);
  add_http_metrics(writer);
  add_upstream_metrics(writer);
  add_daemon_metrics(writer);
  add_rotation_metrics(writer);
  std::ostringstream out;
  prometheus::TextSerializer().Serialize(out, writer.take());
  return out.str();
}

}  // namespace gateway::gatewayd
