#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "config/diagnostic.h"
#include "config/environment.h"
#include "core/peer_identity.h"

namespace gateway::config {

struct Config;  // config/config.h

// The last config text that was decoded without a finding, and what came of it: a reload for new certificates finds the
// text of before, and ten thousand hosts take longer to parse than to compare. For one thread.
class DecodeMemory {
 public:
  // As decode(), with the defaults of `environment` filled in: the admin socket and the state directory. What was
  // decoded before is given again if the text and every variable that was asked for are the same. Null as for decode().
  std::shared_ptr<const Config> decode(std::string_view text, DiagnosticSink& sink, const Environment& environment);
  // How many texts had to be decoded, ever.
  [[nodiscard]] std::size_t decoded() const { return decoded_; }

 private:
  using Variables = std::map<std::string, std::optional<std::string>>;
  struct Known {
    core::Sha256 text{};  // its digest
    Variables variables;
    std::shared_ptr<const Config> config;
  };

  std::optional<Known> known_;
  std::size_t decoded_ = 0;
};

}  // namespace gateway::config
