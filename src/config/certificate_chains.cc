#include "config/certificate_chains.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include "config/quote.h"
#include "tls/digest.h"

namespace gateway::config {
namespace {

constexpr std::chrono::days kSoon{14};

}  // namespace

std::string date_of(std::chrono::sys_seconds time) {
  return fmt::format("{:%Y-%m-%d %H:%M:%S} UTC", fmt::gmtime(std::chrono::system_clock::to_time_t(time)));
}

std::shared_ptr<const CertificateChains::Chain> CertificateChains::read(const Text& path) {
  if (path.value.empty()) return nullptr;
  if (const auto known = chains_.find(path.value); known != chains_.end()) return known->second;
  const auto reject = [&](std::string_view why) {
    sink_.error(path.at, path.value, fmt::format("{}: {}", in_quotes(path.value), why));
    return nullptr;
  };
  const auto content = files_.read(path.value);
  if (!content) {
    sink_.error(path.at, path.value, content.error());
    return nullptr;
  }
  const core::Sha256& digest = files_.digest(path.value);
  if (auto known = memory_ != nullptr ? memory_->chains.find(digest) : nullptr) {
    return chains_.emplace(path.value, std::move(known)).first->second;
  }
  auto certificates = tls::parse_certificates(**content);
  if (!certificates) return reject(certificates.error().detail);
  if (certificates->empty()) return reject("no certificate was found");
  auto chain = std::make_shared<Chain>();
  for (tls::Der& certificate : *certificates) {
    auto facts = tls::facts_of(certificate);
    if (!facts) return reject(facts.error().detail);
    chain->certificates.push_back(std::move(certificate));
    chain->facts.push_back(std::move(*facts));
  }
  if (memory_ != nullptr) memory_->chains.keep(digest, chain);
  chains_.emplace(path.value, chain);
  return chain;
}

void CertificateChains::check_lifetime(const Text& path, const tls::CertificateFacts& facts, std::string_view what) {
  const auto warn = [&](std::string_view message) {
    sink_.warning(path.at, path.value,
                  fmt::format("{} {} of {} {}", what, in_quotes(facts.subject), in_quotes(path.value), message));
  };
  if (facts.not_after < now_) {
    warn(fmt::format("expired on {}", date_of(facts.not_after)));
  } else if (facts.not_before > now_) {
    warn(fmt::format("is not valid before {}", date_of(facts.not_before)));
  } else if (facts.not_after - now_ < kSoon) {
    warn(fmt::format("expires soon, on {}", date_of(facts.not_after)));
  }
}

}  // namespace gateway::config
