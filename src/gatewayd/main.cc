#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "config/load.h"
#include "core/log.h"
#include "gatewayd/lifecycle_reporter.h"
#include "gatewayd/process_stats.h"
#include "gatewayd/supervisor.h"
#include "version/version_report.h"

namespace {

using gateway::core::LogLevel;
using gateway::gatewayd::ServiceEnvironment;
using gateway::gatewayd::ServiceNotifier;

constexpr int kUsageError = 2;
constexpr int kConfigError = 78;  // EX_CONFIG of sysexits.h

std::string default_config() {
  const char* const set = std::getenv("GATEWAYD_CONFIG");
  return set != nullptr && *set != '\0' ? set : "/etc/gatewayd/gatewayd.yaml";
}

void print_versions(bool json) {
  const auto components = gateway::version::daemon_components();
  const std::string text =
      json ? gateway::version::to_json("gatewayd", components) : gateway::version::to_text("gatewayd", components);
  std::fputs(text.c_str(), stdout);
}

void print_diagnostics(const gateway::config::LoadResult& loaded) {
  for (const auto& diagnostic : loaded.diagnostics) {
    const bool error = diagnostic.severity == gateway::config::Severity::error;
    const std::string line = gateway::config::to_string(diagnostic);
    const auto prefix = gateway::core::journal_prefix(error ? LogLevel::error : LogLevel::warning);
    std::fprintf(stderr, "%s%s\n", std::string(prefix).c_str(), line.c_str());
  }
}

int check(const gateway::config::LoadResult& loaded) {
  print_diagnostics(loaded);
  if (!loaded.config) return kConfigError;
  for (const auto& line : loaded.config->summary) std::printf("%s\n", line.c_str());
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  gateway::gatewayd::fill_standard_streams();
  auto sockets = gateway::gatewayd::take_inherited_sockets();
  std::signal(SIGPIPE, SIG_IGN);

  CLI::App app("A TLS gateway that makes mutual TLS easy to roll out in front of APIs that know nothing of it.",
               "gatewayd");
  std::string config_path = default_config();
  bool only_check = false;
  bool show_version = false;
  bool json = false;
  app.add_option("-c,--config", config_path,
                 "The config file; else $GATEWAYD_CONFIG, else /etc/gatewayd/gatewayd.yaml");
  app.add_flag("--check", only_check, "Check the config, say what it means, and end (0, or 78 if it is wrong)");
  app.add_flag("--version", show_version, "Print the versions of gatewayd and its libraries");
  app.add_flag("--json", json, "With --version: one JSON document")->needs("--version");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kUsageError;
  }
  if (show_version) {
    print_versions(json);
    return 0;
  }
  gateway::config::LoadMemory memory;
  auto loaded = gateway::config::load(config_path, 1, memory);
  if (only_check) return check(loaded);
  ServiceEnvironment service{.notifier = ServiceNotifier::from_environment(),
                             .watchdog = gateway::gatewayd::Watchdog::limit_from_environment(),
                             .sockets = {}};
  if (!loaded.config) {
    print_diagnostics(loaded);
    const std::string error = gateway::gatewayd::first_error(loaded.diagnostics);
    service.notifier.send(ServiceNotifier::status("Can't start: " + error));
    return kConfigError;
  }
  if (!sockets) return gateway::gatewayd::cannot_start(service, sockets.error());
  service.sockets = std::move(*sockets);
  return gateway::gatewayd::run_daemon(config_path, std::move(loaded), memory, service);
}
