#pragma once

#include <istream>
#include <string>

#include "pki/error.h"

namespace gateway::ctl {

// The password of a PKCS#12 bundle. It never stands in a command line, where every user of the machine could read it.
struct BundlePassword {
  std::string text;
  bool generated = false;  // then it has to be shown, once
};

// From the first line of the file `source`, of `input` if that is "-", or drawn at random if it is empty.
pki::Result<BundlePassword> bundle_password(const std::string& source, std::istream& input);

}  // namespace gateway::ctl
