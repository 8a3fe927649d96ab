#pragma once

#include <chrono>
#include <cstdint>
#include <list>
#include <string>
#include <string_view>
#include <unordered_map>

#include "core/peer_identity.h"
#include "core/reason.h"
#include "tls/ocsp_options.h"

namespace gateway::tls {

struct OcspAnswer;  // tls/ocsp_response.h

// Which certificate, and who is believed about it.
struct OcspKey {
  core::Sha256 authority{};   // OcspOptions::authority
  core::Sha256 issuer_key{};  // of the leaf; as ChainElement's, like the serial
  std::string serial;
  friend bool operator==(const OcspKey&, const OcspKey&) = default;
};
struct OcspKeyHash {
  std::size_t operator()(const OcspKey& key) const noexcept;
};

// What is known of a certificate's status.
struct OcspEntry {
  enum class What : std::uint8_t { good, revoked, unknown, unavailable };

  What what = What::unavailable;
  std::chrono::sys_seconds until{};      // not used from then on
  std::chrono::sys_seconds ask_again{};  // from then on whoever uses it has the next answer fetched
  std::string detail;                    // for the log: why there is no answer, or that it is "unknown"

  // Whether a client passes with it. `unknown` is an answer, signed by who may give it: its CA doesn't vouch for this
  // certificate. So only silence is forgiven by `soft`.
  [[nodiscard]] core::Reason judge(OcspMode mode) const noexcept;
};
std::string_view to_string(OcspEntry::What what) noexcept;

OcspEntry entry_of(const OcspAnswer& answer, std::chrono::sys_seconds now);
// No answer could be had: not tried again before kOcspRetry is over.
OcspEntry unavailable_entry(std::string detail, std::chrono::sys_seconds now);

// Answers by certificate, bounded; the oldest leave first. Only answers that were verified get here, and the fact that
// there was none. One thread.
class OcspTable {
 public:
  static constexpr std::size_t kDefaultCapacity = 1U << 16;

  explicit OcspTable(std::size_t capacity = kDefaultCapacity) : capacity_(capacity) {}

  // Null if nothing is known that counts at `now`. Valid until the next change.
  [[nodiscard]] const OcspEntry* find(const OcspKey& key, std::chrono::sys_seconds now) const;
  // That there was no answer doesn't end one that still counts, and never what is revoked: only a newer answer does.
  // What is known then.
  const OcspEntry& put(const OcspKey& key, OcspEntry entry, std::chrono::sys_seconds now);
  [[nodiscard]] std::size_t size() const { return entries_.size(); }

 private:
  struct Stored {
    OcspEntry entry;
    std::list<OcspKey>::iterator place;
  };

  std::size_t capacity_;
  std::list<OcspKey> order_;  // oldest first
  std::unordered_map<OcspKey, Stored, OcspKeyHash> entries_;
};

}  // namespace gateway::tls
