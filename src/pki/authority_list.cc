#include <map>
#include <system_error>
#include <utility>

#include "pki/authority.h"

namespace gateway::pki {
namespace {

namespace fs = std::filesystem;

struct Found {
  std::string name;
  std::string subject;
};

// The certificates of a folder by serial. A file that is none is passed over: it can't take a row of ours with it.
std::map<std::string, Found> certificates_in(const fs::path& folder) {
  std::map<std::string, Found> by_serial;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    if (entry->path().extension() != ".pem") continue;
    const auto pem = read_file(entry->path());
    if (!pem) continue;
    const auto certificate = certificate_from_pem(*pem, entry->path());
    if (!certificate) continue;
    by_serial[serial_of(certificate->get())] = {.name = entry->path().stem().string(),
                                                .subject = subject_of(certificate->get())};
  }
  return by_serial;
}

}  // namespace

Result<std::vector<ListedCertificate>> Authority::list(std::chrono::sys_seconds now) const {
  const std::map<std::string, Found> by_serial = certificates_in(folder_ / "issued");
  TRY(const std::vector<IndexRow> rows, read_index());
  std::vector<ListedCertificate> listed;
  for (const IndexRow& row : rows) {
    ListedCertificate certificate{.name = {},
                                  .serial = row.serial,
                                  .subject = row.subject,
                                  .not_after = row.not_after,
                                  .status = row.status,
                                  .revocation = {}};
    if (const auto found = by_serial.find(row.serial); found != by_serial.end()) {
      certificate.name = found->second.name;
      certificate.subject = found->second.subject;
    }
    if (row.status == IndexStatus::revoked) {
      certificate.revocation = parse_revocation(row.revocation);
    } else {
      certificate.status = row.not_after < now ? IndexStatus::expired : IndexStatus::valid;
    }
    listed.push_back(std::move(certificate));
  }
  return listed;
}

}  // namespace gateway::pki
