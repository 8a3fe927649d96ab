#include "tls/ocsp_table.h"

#include <algorithm>
#include <functional>

#include "tls/limits.h"
#include "tls/ocsp_response.h"
#include "tls/sha256_hash.h"

namespace gateway::tls {
namespace {

using core::Reason;
using std::chrono::sys_seconds;
using What = OcspEntry::What;

What what_of(OcspStatus status) {
  switch (status) {
    case OcspStatus::good:
      return What::good;
    case OcspStatus::revoked:
      return What::revoked;
    case OcspStatus::unknown:
      break;
  }
  return What::unknown;
}

}  // namespace

std::size_t OcspKeyHash::operator()(const OcspKey& key) const noexcept {
  // Serial numbers are chosen by CAs: spread them.
  return (Sha256Hash{}(key.authority) ^ Sha256Hash{}(key.issuer_key)) * 31 + std::hash<std::string>{}(key.serial);
}

Reason OcspEntry::judge(OcspMode mode) const noexcept {
  switch (what) {
    case What::good:
      return Reason::none;
    case What::revoked:
      return Reason::ocsp_revoked;
    case What::unknown:
      return Reason::ocsp_unavailable;
    case What::unavailable:
      break;
  }
  return mode == OcspMode::soft ? Reason::none : Reason::ocsp_unavailable;
}

std::string_view to_string(What what) noexcept {
  switch (what) {
    case What::good:
      return "good";
    case What::revoked:
      return "revoked";
    case What::unknown:
      return "unknown";
    case What::unavailable:
      break;
  }
  return "unavailable";
}

OcspEntry entry_of(const OcspAnswer& answer, sys_seconds now) {
  const auto lifetime = std::max(answer.fresh_until - now, std::chrono::seconds(0));
  const auto ahead = std::min<std::chrono::seconds>(lifetime / 10, kOcspRefreshAhead);
  return {.what = what_of(answer.status),
          .until = answer.fresh_until,
          .ask_again = answer.fresh_until - ahead,
          .detail = answer.status == OcspStatus::unknown ? "the responder does not know the certificate" : ""};
}

OcspEntry unavailable_entry(std::string detail, sys_seconds now) {
  return {
      .what = What::unavailable, .until = now + kOcspRetry, .ask_again = now + kOcspRetry, .detail = std::move(detail)};
}

const OcspEntry* OcspTable::find(const OcspKey& key, sys_seconds now) const {
  const auto found = entries_.find(key);
  return found == entries_.end() || now >= found->second.entry.until ? nullptr : &found->second.entry;
}

const OcspEntry& OcspTable::put(const OcspKey& key, OcspEntry entry, sys_seconds now) {
  const auto found = entries_.find(key);
  if (found != entries_.end()) {
    OcspEntry& known = found->second.entry;
    if (entry.what == What::unavailable && known.what == What::revoked) {
      known.until = std::max(known.until, entry.until);
      known.ask_again = entry.ask_again;
    } else if (entry.what == What::unavailable && known.what != What::unavailable && now < known.until) {
      known.ask_again = entry.ask_again;
    } else {
      known = std::move(entry);
    }
    order_.splice(order_.end(), order_, found->second.place);
    return known;
  }
  if (entries_.size() >= capacity_) {
    entries_.erase(order_.front());
    order_.pop_front();
  }
  order_.push_back(key);
  return entries_.emplace(key, Stored{std::move(entry), std::prev(order_.end())}).first->second.entry;
}

}  // namespace gateway::tls
