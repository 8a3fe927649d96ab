#pragma once

#include "gatewayctl/output.h"

namespace gateway::ctl {

// Our own version and OpenSSL's: the one we were built with and the one that runs, which a security update replaces
// alone.
ExitCode print_version(const Output& output);

}  // namespace gateway::ctl
