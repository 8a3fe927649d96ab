#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "tls/trust_set.h"

namespace gateway::tls {

// The CRLs of one trust set (RFC 5280 section 5), parsed once into immutable sets of issuer and serial, shared by every worker.
class CrlIndex {
 public:
  struct Info {
    std::string issuer;  // RFC 4514
    std::chrono::sys_seconds this_update{};
    std::chrono::sys_seconds next_update{};  // max() if the CRL has none
    std::size_t entries = 0;
  };

  // `files`: contents of the CRL files, each PEM (one or more CRLs) or one DER CRL. A CRL whose issuer is an anchor is verified
  // here, by that anchor's key; one of an intermediate CA when a chain shows that CA's key. Error: unparsable, a signature
  // that is wrong, a delta CRL, an unhandled critical extension; `detail` names the index of the file and what is wrong.
  static core::Result<std::shared_ptr<const CrlIndex>> build(const std::vector<std::string>& files, const std::vector<Der>& anchors);
  virtual ~CrlIndex() = default;

  [[nodiscard]] virtual std::vector<Info> describe() const = 0;
};

}  // namespace gateway::tls
