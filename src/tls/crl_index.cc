#include "tls/crl_index.h"

#include <fmt/format.h>
#include <openssl/err.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstring>
#include <mutex>
#include <set>
#include <unordered_map>

#include "tls/asn1_values.h"
#include "tls/crl_file.h"
#include "tls/digest.h"

namespace gateway::tls {
namespace {

// More intermediate CAs than this are not remembered, and then refused as unknown while a CRL is unclaimed.
constexpr std::size_t kMaxIssuers = 1024;

// A CRL, shared with other tables, and what this table knows of it: guarded by CrlTable::mutex_ once built.
struct Crl {
  std::shared_ptr<const ParsedCrl> parsed;
  bool claimed = false;
  core::Sha256 claimed_by{};  // digest of the key that signed it
  bool superseded = false;    // a later complete one of the same key counts instead
};

// An issuer that was shown, and the CRLs that its key signed. Immutable once published.
struct Issuer {
  core::Sha256 issuer_key{};
  unsigned long name_hash = 0;
  Der public_key;
  std::vector<const ParsedCrl*> crls;
};

class CrlTable final : public CrlIndex {
 public:
  CrlTable(std::vector<std::shared_ptr<const ParsedCrl>> parsed, std::vector<core::Sha256> anchors);

  [[nodiscard]] std::vector<Info> describe() const override;
  [[nodiscard]] bool is_anchor(const core::Sha256& fingerprint) const override {
    return std::ranges::binary_search(anchors_, fingerprint);
  }
  [[nodiscard]] Finding look_up(const core::Sha256& issuer_key, std::string_view serial, bool is_ca,
                                std::chrono::sys_seconds as_of) const override;
  void show_issuer(const X509* issuer, const core::Sha256& issuer_key, OSSL_LIB_CTX* library) const override;
  void show_issuers_of(const CrlIndex& previous) const override;

 private:
  [[nodiscard]] const Issuer* find(const core::Sha256& issuer_key) const;
  // Claims what `key` signed and publishes the issuer.
  void add(Issuer issuer, EVP_PKEY* key, OSSL_LIB_CTX* library) const;
  [[nodiscard]] std::vector<const ParsedCrl*> claim(const Issuer& issuer, EVP_PKEY* key, OSSL_LIB_CTX* library) const;

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

CrlTable::CrlTable(std::vector<std::shared_ptr<const ParsedCrl>> parsed, std::vector<core::Sha256> anchors)
    : anchors_(std::move(anchors)), slots_(kSlots) {
  std::ranges::sort(anchors_);
  for (auto& one : parsed) {
    crls_.push_back(std::make_unique<Crl>(Crl{.parsed = std::move(one)}));
    by_name_.emplace(crls_.back()->parsed->issuer_name_hash, crls_.back().get());
  }
  unclaimed_ = crls_.size();
}

std::vector<CrlIndex::Info> CrlTable::describe() const {
  std::vector<Info> all;
  const std::lock_guard lock(mutex_);
  for (const auto& crl : crls_) {
    all.push_back(crl->parsed->info);
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

CrlIndex::Finding CrlTable::look_up(const core::Sha256& issuer_key, std::string_view serial, bool is_ca,
                                    std::chrono::sys_seconds as_of) const {
  if (crls_.empty()) return Finding::no_crl;
  const Issuer* issuer = find(issuer_key);
  if (issuer == nullptr) {
    return unclaimed_.load(std::memory_order_acquire) == 0 ? Finding::no_crl : Finding::unknown_issuer;
  }
  bool covered = false;
  bool fresh = true;
  for (const ParsedCrl* crl : issuer->crls) {
    if (crl->revoked.contains(serial)) return Finding::revoked;
    if (!(is_ca ? crl->covers_cas : crl->covers_end_entities)) continue;
    covered = true;
    fresh = fresh && as_of < crl->info.next_update;
  }
  if (!covered) return Finding::no_crl;
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

std::vector<const ParsedCrl*> CrlTable::claim(const Issuer& issuer, EVP_PKEY* key, OSSL_LIB_CTX* library) const {
  std::vector<const ParsedCrl*> mine;
  const core::Sha256 key_digest = sha256({issuer.public_key});
  Crl* newest = nullptr;
  const auto [begin, end] = by_name_.equal_range(issuer.name_hash);
  for (auto at = begin; at != end; ++at) {
    Crl& crl = *at->second;
    if (!crl.claimed) {
      if (!crl.parsed->signature.is_by(key, library)) continue;
      crl.claimed = true;
      crl.claimed_by = key_digest;
      unclaimed_.fetch_sub(1, std::memory_order_release);
    } else if (crl.claimed_by != key_digest) {
      continue;
    }
    if (crl.parsed->partitioned) {
      mine.push_back(crl.parsed.get());
      continue;
    }
    // Of several complete CRLs the last one counts.
    crl.superseded = newest != nullptr && crl.parsed->info.this_update <= newest->parsed->info.this_update;
    if (crl.superseded) continue;
    if (newest != nullptr) newest->superseded = true;
    newest = &crl;
  }
  if (newest != nullptr) mine.push_back(newest->parsed.get());
  return mine;
}

// Whether the CRL bears an anchor's name, and yet no such anchor signed it.
bool is_forged(const ParsedCrl& crl, const std::vector<X509Ptr>& anchors) {
  bool named = false;
  for (const X509Ptr& anchor : anchors) {
    if (X509_NAME_cmp(X509_get_subject_name(anchor.get()), crl.issuer.get()) != 0) continue;
    if (crl.signature.is_by(X509_get0_pubkey(anchor.get()), nullptr)) return false;
    named = true;
  }
  return named;
}

}  // namespace

std::expected<std::shared_ptr<const CrlIndex>, CrlIndex::BuildError> CrlIndex::build(std::span<const CrlFile> files,
                                                                                     const std::vector<Der>& anchors) {
  std::vector<X509Ptr> certificates;
  std::vector<core::Sha256> fingerprints;
  for (const Der& anchor : anchors) {
    certificates.push_back(parse_certificate(anchor, nullptr));
    if (!certificates.back())
      return std::unexpected(BuildError{.file = files.size(), .detail = "a CA that can't be parsed"});
    fingerprints.push_back(sha256({anchor}));
  }
  std::vector<std::shared_ptr<const ParsedCrl>> all;
  std::set<const void*> known;
  for (std::size_t i = 0; i < files.size(); ++i) {
    if (!known.insert(files[i].get()).second) continue;
    for (const ParsedCrl& crl : *files[i]) {
      if (is_forged(crl, certificates)) {
        return std::unexpected(BuildError{
            .file = i, .detail = fmt::format("its signature is not by the key of its issuer {}", crl.info.issuer)});
      }
      all.emplace_back(files[i], &crl);
    }
  }
  auto index = std::make_shared<CrlTable>(std::move(all), std::move(fingerprints));
  for (const X509Ptr& anchor : certificates) {
    const core::Sha256 key =
        sha256({name_der_of(X509_get_subject_name(anchor.get())), public_key_der_of(anchor.get())});
    index->show_issuer(anchor.get(), key, nullptr);
  }
  return index;
}

std::vector<CrlIndex::Info> infos_of(const CrlFile& file) {
  std::vector<CrlIndex::Info> infos;
  for (const ParsedCrl& crl : *file) infos.push_back(crl.info);
  return infos;
}

}  // namespace gateway::tls
