#include "tls/crl_cache.h"

#include "tls/crl_file.h"
#include "tls/digest.h"

namespace gateway::tls {

core::Result<CrlFile> CrlCache::parse(std::string_view bytes) {
  const core::Sha256 digest = sha256({bytes});
  if (const auto found = files_.find(digest); found != files_.end()) {
    if (CrlFile file = found->second.lock()) return file;
  }
  TRY(CrlFile file, parse_crl_file(bytes));
  ++parsed_;
  std::erase_if(files_, [](const auto& entry) { return entry.second.expired(); });
  files_.insert_or_assign(digest, file);
  return file;
}

}  // namespace gateway::tls
