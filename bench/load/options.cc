#include "bench/load/options.h"

#include <cstdio>
#include <cstdlib>
#include <sstream>
#include <string_view>

namespace bench {
namespace {

[[noreturn]] void refuse(const std::string& text) {
  std::fprintf(stderr, "bench_load: %s\n", text.c_str());
  std::exit(2);
}

CertificateFiles certificate_files(const std::string& text) {
  const auto comma = text.find(',');
  if (comma == std::string::npos) {
    refuse("expected CERTIFICATE,KEY: " + text);
  }
  return {text.substr(0, comma), text.substr(comma + 1)};
}

Mode mode_of(const std::string& text) {
  static const std::map<std::string, Mode> modes = {
      {"full", Mode::full}, {"resume", Mode::resume}, {"keepalive", Mode::keepalive}, {"idle", Mode::idle}};
  const auto found = modes.find(text);
  if (found == modes.end()) {
    refuse("no such mode: " + text);
  }
  return found->second;
}

// NAME=PID,PID
void add_processes(Options& options, const std::string& text) {
  const auto equals = text.find('=');
  std::istringstream pids(text.substr(equals + 1));
  for (std::string pid; std::getline(pids, pid, ',');) {
    options.cpu_of[text.substr(0, equals)].push_back(std::atoi(pid.c_str()));
  }
}

bool set_number(Options& options, std::string_view name, const std::string& value) {
  const double number = std::atof(value.c_str());
  const auto count = static_cast<unsigned>(number);
  if (name == "--port") {
    options.port = static_cast<std::uint16_t>(count);
  } else if (name == "--mint") {
    options.mint = count;
  } else if (name == "--connections") {
    options.connections = count;
  } else if (name == "--header-bytes") {
    options.header_bytes = count;
  } else if (name == "--upload") {
    options.upload = count;
  } else if (name == "--expect") {
    options.expect = count;
  } else if (name == "--operations") {
    options.operations = count;
  } else if (name == "--rate") {
    options.rate = number;
  } else if (name == "--warmup-operations") {
    options.warmup_operations = count;
  } else if (name == "--warmup") {
    options.warmup = number;
  } else if (name == "--duration") {
    options.duration = number;
  } else {
    return false;
  }
  return true;
}

bool set_text(Options& options, std::string_view name, const std::string& value) {
  if (name == "--mode") {
    options.mode = mode_of(value);
  } else if (name == "--name") {
    options.name = value;
  } else if (name == "--ca") {
    options.ca = value;
  } else if (name == "--client") {
    options.clients.push_back(certificate_files(value));
  } else if (name == "--issuer") {
    options.issuer = certificate_files(value);
  } else if (name == "--tls") {
    options.tls = value;
  } else if (name == "--path") {
    options.path = value;
  } else if (name == "--cpu-of") {
    add_processes(options, value);
  } else {
    return false;
  }
  return true;
}

}  // namespace

Options parse_options(int argc, char** argv) {
  Options options;
  for (int index = 1; index < argc; index += 2) {
    const std::string name = argv[index];
    if (index + 1 == argc) {
      refuse(name + " needs a value");
    }
    if (!set_text(options, name, argv[index + 1]) && !set_number(options, name, argv[index + 1])) {
      refuse("no such option: " + name);
    }
  }
  if (options.port == 0 || options.ca.empty() || (options.clients.empty() && options.mint == 0)) {
    refuse("needs --port, --ca, and --client or --mint with --issuer");
  }
  return options;
}

}  // namespace bench
