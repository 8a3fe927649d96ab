#include "gatewayd/staple_fetcher.h"

#include <utility>

#include "gatewayd/staple_download.h"

namespace gateway::gatewayd {

StapleFetcher::StapleFetcher(Parts parts) : parts_(std::move(parts)) {}

StapleFetcher::~StapleFetcher() = default;

void StapleFetcher::watch(std::vector<config::StapleSource> sources, const StateDirectory& directory) {
  std::map<core::Sha256, std::unique_ptr<StapleDownload>> next;
  for (config::StapleSource& source : sources) {
    const core::Sha256 certificate = source.fingerprint;
    if (const auto known = downloads_.find(certificate); known != downloads_.end()) {
      known->second->update(std::move(source));
      next.emplace(certificate, std::move(known->second));
    } else {
      next.emplace(certificate, std::make_unique<StapleDownload>(*this, std::move(source), directory));
    }
  }
  std::erase_if(downloads_, [](const auto& download) { return download.second == nullptr; });
  downloads_ = std::move(next);
  report();
}

bool StapleFetcher::take_place() {
  if (running_ >= kMaxRunning) return false;
  ++running_;
  return true;
}

void StapleFetcher::report() {
  auto states = std::make_shared<StapleStates>();
  auto staples = std::make_shared<tls::Staples>();
  for (const auto& [certificate, download] : downloads_) {
    states->push_back(download->state());
    if (download->staple()) staples->emplace(certificate, *download->staple());
  }
  parts_.report({.states = std::move(states), .staples = std::move(staples)});
}

}  // namespace gateway::gatewayd
