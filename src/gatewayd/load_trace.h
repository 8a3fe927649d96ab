#pragma once

#include <string>
#include <vector>

#include "config/rotation.h"

namespace gateway::gatewayd {

// What a load of the config, or a rotation of its files, has left behind for whoever watches these files.
struct LoadTrace {
  enum class Kind : std::uint8_t { load, rotation };
  Kind kind = Kind::load;
  std::string trigger{};
  bool taken = false;                        // of a load: it is what is served now
  std::vector<config::WatchedFile> files{};  // that it has read, or would have liked to
  // Of a rotation.
  std::vector<config::Item> rotated{};
  std::vector<config::KeptItem> kept{};
  std::string failure{};  // nothing could be done at all; "" if it could
};

}  // namespace gateway::gatewayd
