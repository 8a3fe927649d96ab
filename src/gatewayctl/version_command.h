#pragma once

#include "gatewayctl/admin_commands.h"

namespace gateway::ctl {

// The versions of this program and of its libraries, and those of the daemon if one can be reached: that there is none
// is no failure.
ExitCode print_version(const AdminArguments& arguments, const Output& output);

}  // namespace gateway::ctl
