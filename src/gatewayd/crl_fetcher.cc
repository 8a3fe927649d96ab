#include "gatewayd/crl_fetcher.h"

#include <utility>

#include "gatewayd/crl_download.h"

namespace gateway::gatewayd {

CrlFetcher::CrlFetcher(Parts parts) : parts_(std::move(parts)) {}

CrlFetcher::~CrlFetcher() = default;

void CrlFetcher::watch(std::vector<config::CrlSource> sources, const StateDirectory& directory) {
  std::map<std::string, std::unique_ptr<CrlDownload>> next;
  for (config::CrlSource& source : sources) {
    const std::string url = source.url.text();
    if (const auto known = downloads_.find(url); known != downloads_.end()) {
      known->second->update(std::move(source));
      next.emplace(url, std::move(known->second));
    } else {
      next.emplace(url, std::make_unique<CrlDownload>(*this, std::move(source), directory));
    }
  }
  std::erase_if(downloads_, [](const auto& download) { return download.second == nullptr; });
  downloads_ = std::move(next);
  report(false);
}

bool CrlFetcher::take_place() {
  if (running_ >= kMaxRunning) return false;
  ++running_;
  return true;
}

void CrlFetcher::give_place() {
  --running_;
}

void CrlFetcher::report(bool has_new) {
  auto states = std::make_shared<CrlSourceStates>();
  for (const auto& [url, download] : downloads_) states->push_back(download->state());
  parts_.report({.states = std::move(states), .has_new = has_new});
}

}  // namespace gateway::gatewayd
