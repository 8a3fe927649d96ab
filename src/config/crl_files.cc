#include "config/crl_files.h"

#include <fmt/format.h>

#include <filesystem>
#include <utility>

#include "config/certificate_chains.h"
#include "config/crl_source.h"
#include "config/quote.h"
#include "tls/crl_index.h"

namespace gateway::config {
namespace {

// Clocks of CAs and gateways differ by less.
constexpr std::chrono::minutes kClockSkew{5};

}  // namespace

CrlFiles::Entry CrlFiles::read(const std::string& entry) {
  Entry found;
  if (core::HttpUrl::is_meant(entry)) {
    add_url(entry, found);
    return found;
  }
  if (entry.find("://") != std::string::npos) {
    found.faults.push_back({entry, fmt::format("expected a file, a folder or an http URL, found {}: CRLs are signed, "
                                               "and so fetched by http only",
                                               in_quotes(entry))});
    return found;
  }
  const auto names = files_.list(entry);
  if (!names) {
    found.faults.push_back({entry, names.error()});
  } else if (*names) {
    add_folder(entry, **names, found);
  } else {
    add_file(entry, found);
  }
  return found;
}

// Whatever is wrong with the copy is no error of the config: it is fetched again, and until then nobody is admitted.
void CrlFiles::add_url(const std::string& text, Entry& found) {
  const auto url = core::HttpUrl::parse(text);
  if (!url) {
    found.faults.push_back({text, fmt::format("{} can't be fetched: {}", in_quotes(text), url.error())});
    return;
  }
  const std::string path = (std::filesystem::path(state_directory_) / crl_file_name(*url)).string();
  Entry copy;
  add_file(path, copy);
  std::error_code error;
  if (copy.faults.empty()) {
    found.sources.push_back({.name = text, .crls = copy.sources.front().crls, .is_fetched = true});
  } else if (std::filesystem::status(path, error).type() == std::filesystem::file_type::not_found) {
    found.pending = "has not been fetched yet";
  } else {
    found.pending = fmt::format("has to be fetched again, as {}", copy.faults.front().error);
  }
}

void CrlFiles::add_folder(const std::string& folder, const std::vector<std::string>& names, Entry& found) {
  const auto reject = [&](std::string_view why) {
    found.faults.push_back({folder, fmt::format("folder {} {}", in_quotes(folder), why)});
  };
  if (names.size() > kMostNames) return reject(fmt::format("holds more than {} files", kMostNames));
  std::size_t bytes = 0;
  for (const std::string& name : names) {
    const std::string path = (std::filesystem::path(folder) / name).string();
    if (files_.is_folder(path)) continue;
    bytes += add_file(path, found);
    if (bytes > kMaxFileBytes) return reject(fmt::format("holds more than {} bytes", kMaxFileBytes));
  }
  // Emptied, not filled yet, not mounted: whatever it is, nobody would be revoked any more.
  if (found.sources.empty() && found.faults.empty()) reject("holds no CRL");
}

std::size_t CrlFiles::add_file(const std::string& path, Entry& found) {
  const std::string full = files_.absolute(path);
  auto known = known_.find(full);
  if (known == known_.end()) known = known_.emplace(full, read_file(path)).first;
  const auto& [crls, bytes] = known->second;
  if (crls) {
    found.sources.push_back({.name = path, .crls = *crls});
  } else {
    found.faults.push_back({path, crls.error()});
  }
  return bytes;
}

CrlFiles::Known CrlFiles::read_file(const std::string& path) {
  const auto content = files_.take(path);
  if (!content) return {.crls = std::unexpected(content.error())};
  return {.crls = parse(path, *content), .bytes = content->size()};
}

std::expected<tls::CrlFile, std::string> CrlFiles::parse(const std::string& path, std::string_view content) {
  auto crls = cache_.parse(content);
  if (!crls) return std::unexpected(fmt::format("{} can't be used: {}", in_quotes(path), crls.error().detail));
  for (const tls::CrlIndex::Info& crl : tls::infos_of(*crls)) {
    // By a wrong clock, here or there, it would also count as the newest for as long as that is off.
    if (crl.this_update <= now_ + kClockSkew) continue;
    return std::unexpected(fmt::format("{} can't be used: the CRL of {} is of {}, which is yet to come",
                                       in_quotes(path), in_quotes(crl.issuer), date_of(crl.this_update)));
  }
  return std::move(*crls);
}

}  // namespace gateway::config
