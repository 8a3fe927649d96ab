#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <span>
#include <utility>

#include "config/ocsp_material.h"
#include "config/quote.h"
#include "config/trust_material.h"
#include "tls/crl_index.h"

namespace gateway::config {
namespace {

using Crl = TrustMaterial::Crl;
using Trust = TrustMaterial::Trust;
using Fault = TrustMaterial::Fault;
using Newest = std::map<std::string, std::chrono::sys_seconds>;  // thisUpdate by issuer

const Diagnostic* first_error(std::span<const Diagnostic> found) {
  const auto error = std::ranges::find(found, Severity::error, &Diagnostic::severity);
  return error == found.end() ? nullptr : &*error;
}

// The same file of the config.
bool is_place_of(const Crl& one, const Crl& other) {
  return one.entry == other.entry && one.name == other.name;
}

auto find_place(auto& crls, const Crl& wanted) {
  return std::ranges::find_if(crls, [&](const Crl& one) { return is_place_of(one, wanted); });
}

// Why the CRLs of one file can't be used with these anchors; "" if they can.
std::string misfit(const Crl& crl, const std::vector<tls::Der>& anchors) {
  const auto index = tls::CrlIndex::build(std::span(&crl.file, 1), anchors);
  return index ? std::string() : fmt::format("{} can't be used: {}", in_quotes(crl.name), index.error().detail);
}

void note_newest(const tls::CrlIndex::Info& crl, Newest& newest) {
  const auto [known, is_new] = newest.emplace(crl.issuer, crl.this_update);
  if (!is_new) known->second = std::max(known->second, crl.this_update);
}

// What a CRL of the same issuer, at least as new, must take the place of: else clients that are revoked would not be
// any more. An issuer that has left the trust set takes its CRLs along.
Newest newest_to_keep(const Trust& before, const std::vector<tls::CertificateFacts>& anchors) {
  const auto is_among = [](const std::vector<tls::CertificateFacts>& all, const std::string& subject) {
    return std::ranges::find(all, subject, &tls::CertificateFacts::subject) != all.end();
  };
  Newest newest;
  for (const tls::CrlIndex::Info& crl : before.set->crls->describe()) {
    if (crl.superseded || (is_among(before.anchors, crl.issuer) && !is_among(anchors, crl.issuer))) continue;
    note_newest(crl, newest);
  }
  return newest;
}

// The file that had the CRL, unless it is back already.
const Crl* former_file(const Trust& before, const std::vector<Crl>& crls, const std::string& issuer,
                       std::chrono::sys_seconds this_update) {
  for (const Crl& old : before.crls) {
    if (std::ranges::find(crls, old) != crls.end()) continue;
    const auto infos = tls::infos_of(old.file);
    if (std::ranges::any_of(infos,
                            [&](const auto& crl) { return crl.issuer == issuer && crl.this_update >= this_update; })) {
      return &old;
    }
  }
  return nullptr;
}

// Brings back the file of each CRL that would be lost.
void restore_lost(const TrustConfig& config, const Trust& before, Trust& trust, std::vector<Fault>& faults) {
  const Newest wanted = newest_to_keep(before, trust.anchors);
  // Each round brings one file back, and each file only once: what it displaces may be missed in turn.
  for (std::size_t rounds = 0; rounds <= before.crls.size(); ++rounds) {
    Newest now;
    for (const Crl& one : trust.crls) {
      for (const tls::CrlIndex::Info& crl : tls::infos_of(one.file)) note_newest(crl, now);
    }
    const Crl* back = nullptr;
    for (const auto& [issuer, this_update] : wanted) {
      const auto found = now.find(issuer);
      if (found != now.end() && found->second >= this_update) continue;
      back = former_file(before, trust.crls, issuer, this_update);
      if (back == nullptr) continue;
      faults.push_back({.is_crl = true,
                        .file = config.crl[back->entry].value,
                        .reason = found == now.end()
                                      ? fmt::format("no file has a CRL of {} any more", in_quotes(issuer))
                                      : fmt::format("the CRL of {} is of {}, older than the one in use, of {}",
                                                    in_quotes(issuer), date_of(found->second), date_of(this_update)),
                        .refuses_load = false});
      break;
    }
    if (back == nullptr) return;
    if (const auto place = find_place(trust.crls, *back); place != trust.crls.end()) {
      *place = *back;
    } else {
      trust.crls.push_back(*back);
    }
  }
}

void keep_anchors(const Trust& before, tls::TrustSet& set, Trust& trust) {
  set.anchors = before.set->anchors;
  trust.anchors = before.anchors;
  trust.anchor_paths = before.anchor_paths;
}

// Takes of `read` what the anchors' keys have signed, and what was there before in place of what they have not. Why the
// new anchors can't be taken with what stays; "" if they can.
std::string choose_crls(const TrustConfig& config, const Trust& before, const std::vector<Crl>& read,
                        const std::vector<tls::Der>& anchors, std::vector<Crl>& chosen, std::vector<Fault>& faults) {
  const bool is_proven = anchors == before.set->anchors;
  for (const Crl& crl : read) {
    const auto old = find_place(before.crls, crl);
    const bool has_old = old != before.crls.end();
    const bool is_old = has_old && *old == crl;
    std::string reason = is_old && is_proven ? std::string() : misfit(crl, anchors);
    if (reason.empty()) {
      chosen.push_back(crl);
      continue;
    }
    if (is_old) return reason;
    faults.push_back({.is_crl = true, .file = config.crl[crl.entry].value, .reason = std::move(reason)});
    if (!has_old) continue;
    if (!is_proven) {
      if (reason = misfit(*old, anchors); !reason.empty()) return reason;
    }
    chosen.push_back(*old);
  }
  return {};
}

}  // namespace

void TrustMaterial::rotate_anchors(const TrustConfig& config, const Trust& before, tls::TrustSet& set, Trust& trust,
                                   std::vector<Fault>& faults) {
  set.anchors.clear();
  const auto found = sink_.aside([&] { read_anchors(config, set, trust); });
  if (const Diagnostic* error = first_error(found); error != nullptr || set.anchors.empty()) {
    faults.push_back({.file = error == nullptr ? config.ca.front().value : error->value,
                      .reason = error == nullptr ? "there is no CA in it" : error->message});
    return keep_anchors(before, set, trust);
  }
  for (const Diagnostic& one : found) sink_.warning({one.line, one.column}, one.value, one.message);
}

void TrustMaterial::rotate_crls(const TrustConfig& config, const Trust& before, tls::TrustSet& set, Trust& trust,
                                std::vector<Fault>& faults) {
  std::vector<Crl> read;
  for (std::size_t i = 0; i < config.crl.size(); ++i) {
    const std::string& entry = config.crl[i].value;
    CrlFiles::Entry found = crls_.read(entry);
    for (auto& source : found.sources) {
      read.push_back({.entry = i, .name = std::move(source.name), .file = std::move(source.crls)});
    }
    for (auto& fault : found.faults) {
      for (const Crl& old : before.crls) {
        const bool is_meant = old.entry == i && (fault.name == old.name || fault.name == entry);
        if (is_meant && find_place(read, old) == read.end()) read.push_back(old);
      }
      faults.push_back({.is_crl = true, .file = entry, .reason = std::move(fault.error)});
    }
  }
  std::vector<Fault> unfit;
  if (std::string reason = choose_crls(config, before, read, set.anchors, trust.crls, unfit); !reason.empty()) {
    // A CA with the name of another one and a key of its own: it waits for its CRL.
    keep_anchors(before, set, trust);
    faults.push_back({.file = config.ca.front().value, .reason = std::move(reason)});
    trust.crls.clear();
    unfit.clear();
    choose_crls(config, before, read, set.anchors, trust.crls, unfit);
  }
  std::ranges::move(unfit, std::back_inserter(faults));
  restore_lost(config, before, trust, faults);
  std::ranges::sort(trust.crls, {}, [](const Crl& crl) { return std::pair(crl.entry, std::string_view(crl.name)); });
}

void TrustMaterial::rotate_ocsp(const TrustConfig& config, const Trust& before, tls::TrustSet& set,
                                std::vector<Fault>& faults) {
  bool is_taken = false;
  const auto found = sink_.aside([&] { is_taken = load_ocsp(config.ocsp, chains_, sink_, set); });
  for (const Diagnostic& one : found) {
    if (one.severity == Severity::warning) sink_.warning({one.line, one.column}, one.value, one.message);
  }
  if (is_taken) return;
  const Diagnostic* error = first_error(found);
  faults.push_back(
      {.file = error == nullptr ? "" : error->value, .reason = error == nullptr ? "can't be used" : error->message});
  if (!before.set->ocsp) return;
  // As before, but for the CAs of today.
  auto options = tls::OcspOptions::build(set.name, before.set->ocsp->settings, set.anchors);
  if (options) set.ocsp = std::move(*options);
}

std::vector<Fault> TrustMaterial::rotate(const TrustConfig& config, const Trust& before) {
  std::vector<Fault> faults;
  // All else in it is of the config, which is not read again.
  auto set = std::make_shared<tls::TrustSet>(*before.set);
  Trust trust;
  rotate_anchors(config, before, *set, trust, faults);
  rotate_crls(config, before, *set, trust, faults);
  rotate_ocsp(config, before, *set, faults);
  const bool same_anchors = set->anchors == before.set->anchors;
  const bool same_crls = trust.crls == before.crls;
  const bool same_ocsp = same_ocsp_answers(set->ocsp.get(), before.set->ocsp.get());
  if (same_anchors && same_crls && same_ocsp) {
    put(config.name.value, before);
    return faults;
  }
  if (!same_anchors || !same_crls) {
    std::vector<tls::CrlFile> files;
    for (const Crl& crl : trust.crls) files.push_back(crl.file);
    auto index = tls::CrlIndex::build(files, set->anchors);
    if (!index) {
      // What came back does not go with the new CAs.
      faults.push_back({.file = config.ca.front().value, .reason = index.error().detail});
      put(config.name.value, before);
      return faults;
    }
    set->crls = std::move(*index);
  }
  if (!config.partial_chains) check_roots(config, trust);
  check_crls(config, trust, *set);
  trust.set = std::move(set);
  put(config.name.value, std::move(trust));
  return faults;
}

}  // namespace gateway::config
