#include "gatewayd/metrics_writer.h"

namespace gateway::gatewayd {
namespace {

void add_reloads(MetricsWriter& writer) {
  auto reloads =
      writer.counter("gateway_config_reloads_total",
                     "Loads of the configuration, what asked for each, and how it ended.", {"trigger", "result"});
  const auto name = [](ReloadResult result) { return MetricsWriter::label_of(to_string(result)); };
  // A start that does not end well is not scraped.
  reloads.add({"start", name(ReloadResult::reloaded)}, 0);
  for (const char* trigger : {"admin", "signal", "watch"}) {
    for (const auto result : {ReloadResult::reloaded, ReloadResult::refused, ReloadResult::timeout}) {
      reloads.add({trigger, name(result)}, 0);
    }
  }
  for (const auto& [key, count] : writer.input().reloads) reloads.add({key.first, name(key.second)}, number(count));
  writer.add(reloads);
}

void add_config(MetricsWriter& writer) {
  writer.add_single(
      writer.gauge("gateway_config_generation", "Number of the configuration that is served; a reload adds one."),
      number(writer.snapshot().generation));
  writer.add_single(
      writer.gauge("gateway_config_last_reload_success", "1 if the last load of the configuration was taken."),
      writer.input().last_reload_success ? 1 : 0);
  writer.add_single(
      writer.gauge("gateway_config_last_reload_timestamp_seconds", "When the configuration was last loaded."),
      seconds_of(writer.input().last_reload_time));
  add_reloads(writer);
  writer.add_single(writer.gauge("gateway_emergency_revocations", "Certificates that gatewayctl revoke has revoked."),
                    number(writer.input().revocations));
  writer.add_single(writer.gauge("gateway_emergency_revocations_saved",
                                 "0 if what gatewayctl revoke was told is in force, but lost at a restart."),
                    writer.input().revocations_saved ? 1 : 0);
  writer.add_single(writer.gauge("gateway_draining", "1 while the daemon asks to get no more requests."),
                    writer.input().draining ? 1 : 0);
  auto build = writer.gauge("gateway_build_info", "Always 1: the versions of the gateway and of its OpenSSL.",
                            {"version", "openssl"});
  build.add({writer.input().version, writer.input().openssl}, 1);
  writer.add(build);
  writer.add_single(writer.gauge("gateway_workers", "Threads that serve clients."),
                    number(writer.input().workers.size()));
  writer.add_single(
      writer.gauge("gateway_workers_answering", "Of these, those that have answered this scrape in time."),
      number(writer.input().workers_answering));
}

void add_process(MetricsWriter& writer) {
  const auto& process = writer.input().process;
  const auto add = [&](Family family, const auto& value) {
    if (value) writer.add_single(std::move(family), static_cast<double>(*value));
  };
  add(writer.counter("process_cpu_seconds_total", "Total user and system CPU time spent in seconds."),
      process.cpu_seconds);
  add(writer.gauge("process_start_time_seconds", "Start time of the process since unix epoch in seconds."),
      process.start_time_seconds);
  add(writer.gauge("process_resident_memory_bytes", "Resident memory size in bytes."), process.resident_bytes);
  add(writer.gauge("process_virtual_memory_bytes", "Virtual memory size in bytes."), process.virtual_bytes);
  add(writer.gauge("process_open_fds", "Number of open file descriptors."), process.open_descriptors);
  add(writer.gauge("process_max_fds", "Maximum number of open file descriptors."), process.max_descriptors);
}

}  // namespace

void add_daemon_metrics(MetricsWriter& writer) {
  add_config(writer);
  add_process(writer);
}

}  // namespace gateway::gatewayd
