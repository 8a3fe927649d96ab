#include "tls/crl_index.h"

#include <fmt/format.h>
#include <openssl/err.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstring>
#include <mutex>
#include <unordered_map>

#include "tls/asn1_values.h"
#include "tls/crl_file.h"
#include "tls/digest.h"
#include "tls/openssl_error.h"

namespace gateway::tls {
namespace {

// More intermediate CAs than this are not remembered, and then refused as unknown while a CRL is unclaimed.
constexpr std::size_t kMaxIssuers = 1024;

struct Crl {
  CrlIndex::Info info;
  SerialSet revoked;
  bool partitioned = false;
  // Guarded by CrlTable::mutex_ once built.
  bool claimed = false;
  core::Sha256 claimed_by{};  // digest of the key that signed it
  Der der;                    // until claimed
  bool superseded = false;    // a later complete one of the same key counts instead
};

// An issuer that was shown, and the CRLs that its key signed. Immutable once published.
struct Issuer {
  core::Sha256 issuer_key{};
  unsigned long name_hash = 0;
  Der public_key;
  std::vector<const Crl*> crls;
};

class CrlTable final : public CrlIndex {
 public:
  CrlTable(std::vector<ParsedCrl> parsed, std::vector<core::Sha256> anchors);

  [[nodiscard]] std::vector<Info> describe() const override;
  [[nodiscard]] bool is_anchor(const core::Sha256& fingerprint) const override {
    return std::ranges::binary_search(anchors_, fingerprint);
  }
  [[nodiscard]] Finding look_up(const core::Sha256& issuer_key, std::string_view serial,
                                std::chrono::sys_seconds now) const override;
  void show_issuer(const X509* issuer, const core::Sha256& issuer_key, OSSL_LIB_CTX* library) const override;
  void show_issuers_of(const CrlIndex& previous) const override;

 private:
  [[nodiscard]] const Issuer* find(const core::Sha256& issuer_key) const;
  // Claims what `key` signed and publishes the issuer.
  void add(Issuer issuer, EVP_PKEY* key, OSSL_LIB_CTX* library) const;
  [[nodiscard]] std::vector<const Crl*> claim(const Issuer& issuer, EVP_PKEY* key, OSSL_LIB_CTX* library) const;

  std::vector<core::Sha256> anchors_;  // sorted
  std::vector<std::unique_ptr<Crl>> crls_;
  std::unordered_multimap<unsigned long, Crl*> by_name_;
  // Readers probe without a lock; entries are only ever added, by release stores.
  static constexpr std::size_t kSlots = std::bit_ceil(2 * kMaxIssuers);
  mutable std::vector<std::atomic<const Issuer*>> slots_;  // kSlots; without a CRL, too: a later one asks
  mutable std::atomic<std::size_t> unclaimed_ = 0;
  mutable std::mutex mutex_;
  mutable std::vector<std::unique_ptr<const Issuer>> issuers_;  // guarded by mutex_
};

std::size_t first_slot(const core::Sha256& issuer_key, std::size_t slots) {
  std::size_t hash = 0;
  std::memcpy(&hash, issuer_key.data(), sizeof hash);
  return hash & (slots - 1);
}

CrlTable::CrlTable(std::vector<ParsedCrl> parsed, std::vector<core::Sha256> anchors)
    : anchors_(std::move(anchors)), slots_(kSlots) {
  std::ranges::sort(anchors_);
  for (ParsedCrl& one : parsed) {
    auto crl = std::make_unique<Crl>();
    crl->info = std::move(one.info);
    crl->revoked = std::move(one.revoked);
    crl->partitioned = one.partitioned;
    crl->der = std::move(one.der);
    by_name_.emplace(one.issuer_name_hash, crl.get());
    crls_.push_back(std::move(crl));
  }
  unclaimed_ = crls_.size();
}

std::vector<CrlIndex::Info> CrlTable::describe() const {
  std::vector<Info> all;
  const std::lock_guard lock(mutex_);
  for (const auto& crl : crls_) {
    all.push_back(crl->info);
    all.back().superseded = crl->superseded;
  }
  return all;
}

const Issuer* CrlTable::find(const core::Sha256& issuer_key) const {
  for (std::size_t slot = first_slot(issuer_key, kSlots);; slot = (slot + 1) & (kSlots - 1)) {
    const Issuer* issuer = slots_[slot].load(std::memory_order_acquire);
    if (issuer == nullptr || issuer->issuer_key == issuer_key) return issuer;
  }
}

CrlIndex::Finding CrlTable::look_up(const core::Sha256& issuer_key, std::string_view serial,
                                    std::chrono::sys_seconds now) const {
  if (crls_.empty()) return Finding::no_crl;
  const Issuer* issuer = find(issuer_key);
  if (issuer == nullptr) {
    return unclaimed_.load(std::memory_order_acquire) == 0 ? Finding::no_crl : Finding::unknown_issuer;
  }
  if (issuer->crls.empty()) return Finding::no_crl;
  bool fresh = true;
  for (const Crl* crl : issuer->crls) {
    if (crl->revoked.contains(serial)) return Finding::revoked;
    fresh = fresh && now < crl->info.next_update;
  }
  return fresh ? Finding::good : Finding::crl_expired;
}

void CrlTable::show_issuer(const X509* issuer, const core::Sha256& issuer_key, OSSL_LIB_CTX* library) const {
  if (find(issuer_key) != nullptr) return;
  add({.issuer_key = issuer_key,
       .name_hash = canonical_name_hash(X509_get_subject_name(issuer)),
       .public_key = public_key_der_of(issuer),
       .crls = {}},
      X509_get0_pubkey(issuer), library);
}

void CrlTable::show_issuers_of(const CrlIndex& previous) const {
  // There is one implementation of CrlIndex.
  const auto& old = static_cast<const CrlTable&>(previous);
  if (&old == this) return;
  for (const auto& slot : old.slots_) {
    const Issuer* known = slot.load(std::memory_order_acquire);
    if (known == nullptr || find(known->issuer_key) != nullptr) continue;
    const auto* at = reinterpret_cast<const unsigned char*>(known->public_key.data());
    const PkeyPtr key(d2i_PUBKEY(nullptr, &at, static_cast<long>(known->public_key.size())));
    add({.issuer_key = known->issuer_key, .name_hash = known->name_hash, .public_key = known->public_key, .crls = {}},
        key.get(), nullptr);
  }
  ERR_clear_error();
}

void CrlTable::add(Issuer issuer, EVP_PKEY* key, OSSL_LIB_CTX* library) const {
  const std::lock_guard lock(mutex_);
  if (issuers_.size() >= kMaxIssuers || find(issuer.issuer_key) != nullptr) return;
  issuer.crls = claim(issuer, key, library);
  issuers_.push_back(std::make_unique<const Issuer>(std::move(issuer)));
  const Issuer* added = issuers_.back().get();
  std::size_t slot = first_slot(added->issuer_key, kSlots);
  while (slots_[slot].load(std::memory_order_relaxed) != nullptr) slot = (slot + 1) & (kSlots - 1);
  slots_[slot].store(added, std::memory_order_release);
}

std::vector<const Crl*> CrlTable::claim(const Issuer& issuer, EVP_PKEY* key, OSSL_LIB_CTX* library) const {
  std::vector<const Crl*> mine;
  const core::Sha256 key_digest = sha256({issuer.public_key});
  Crl* newest = nullptr;
  const auto [begin, end] = by_name_.equal_range(issuer.name_hash);
  for (auto at = begin; at != end; ++at) {
    Crl& crl = *at->second;
    if (!crl.claimed) {
      if (!crl_signed_by(crl.der, key, library)) continue;
      crl.claimed = true;
      crl.claimed_by = key_digest;
      Der().swap(crl.der);
      unclaimed_.fetch_sub(1, std::memory_order_release);
    } else if (crl.claimed_by != key_digest) {
      continue;
    }
    if (crl.partitioned) {
      mine.push_back(&crl);
      continue;
    }
    // Of several complete CRLs the last one counts.
    crl.superseded = newest != nullptr && crl.info.this_update <= newest->info.this_update;
    if (crl.superseded) continue;
    if (newest != nullptr) newest->superseded = true;
    newest = &crl;
  }
  if (newest != nullptr) mine.push_back(newest);
  return mine;
}

// Whether some anchor has the CRL's issuer as its name, and whether one of those signed it.
struct AnchorMatch {
  bool named = false;
  bool signed_by_it = false;
};

AnchorMatch match_anchors(const ParsedCrl& crl, const std::vector<X509Ptr>& anchors) {
  AnchorMatch match;
  for (const X509Ptr& anchor : anchors) {
    if (X509_NAME_cmp(X509_get_subject_name(anchor.get()), crl.issuer.get()) != 0) continue;
    match.named = true;
    match.signed_by_it = match.signed_by_it || crl_signed_by(crl.der, X509_get0_pubkey(anchor.get()), nullptr);
  }
  return match;
}

}  // namespace

core::Result<std::shared_ptr<const CrlIndex>> CrlIndex::build(const std::vector<std::string>& files,
                                                              const std::vector<Der>& anchors) {
  std::vector<X509Ptr> certificates;
  for (const Der& anchor : anchors) {
    certificates.push_back(parse_certificate(anchor, nullptr));
    if (!certificates.back()) return openssl_failure("a trust anchor can't be parsed");
  }
  std::vector<ParsedCrl> all;
  for (std::size_t i = 0; i < files.size(); ++i) {
    auto parsed = parse_crl_file(files[i]);
    if (!parsed) {
      parsed.error().detail = fmt::format("CRL file {}: {}", i, parsed.error().detail);
      return std::unexpected(std::move(parsed.error()));
    }
    for (ParsedCrl& crl : *parsed) {
      const AnchorMatch match = match_anchors(crl, certificates);
      if (match.named && !match.signed_by_it) {
        return core::fail(
            core::Reason::internal, core::Side::gateway,
            fmt::format("CRL file {}: its signature is not by the key of its issuer {}", i, crl.info.issuer));
      }
      all.push_back(std::move(crl));
    }
  }
  std::vector<core::Sha256> fingerprints;
  for (const Der& anchor : anchors) fingerprints.push_back(sha256({anchor}));
  auto index = std::make_shared<CrlTable>(std::move(all), std::move(fingerprints));
  for (const X509Ptr& anchor : certificates) {
    const core::Sha256 key =
        sha256({name_der_of(X509_get_subject_name(anchor.get())), public_key_der_of(anchor.get())});
    index->show_issuer(anchor.get(), key, nullptr);
  }
  return index;
}

}  // namespace gateway::tls
