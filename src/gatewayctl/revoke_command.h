#pragma once

#include <string>

#include "gatewayctl/admin_commands.h"
#include "gatewayctl/output.h"

namespace gateway::ctl {

struct RevokeArguments {
  std::string fingerprint = {};  // or
  std::string serial = {};
  std::string issuer = {};
  std::string comment = {};
  bool remove = false;
  bool list = false;
};

// Revokes one certificate at the daemon at once, whatever CRLs say; or takes that back, or lists what is revoked so.
// Done once every worker goes by it and it is on disk. Refused: nothing has changed, or it is in force but not on disk;
// the message says which.
ExitCode revoke(const AdminArguments& admin, const RevokeArguments& arguments, const Output& output);

}  // namespace gateway::ctl
