#include "config/trust_material.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "config/ocsp_material.h"
#include "config/quote.h"
#include "tls/crl_index.h"
#include "tls/crl_update.h"
#include "tls/digest.h"

namespace gateway::config {
namespace {

bool is_root(const tls::CertificateFacts& facts) {
  return facts.subject == facts.issuer;
}

}  // namespace

void TrustMaterial::read_anchors(const TrustConfig& config, tls::TrustSet& set, Trust& trust) {
  for (const Text& path : config.ca) {
    const auto chain = chains_.read(path);
    if (!chain) continue;
    for (std::size_t i = 0; i < chain->certificates.size(); ++i) {
      const tls::CertificateFacts& facts = chain->facts[i];
      if (std::ranges::find(set.anchors, chain->certificates[i]) != set.anchors.end()) continue;
      if (!facts.is_ca) {
        sink_.error(path.at, path.value,
                    fmt::format("certificate {} of {} is no CA, so it can't vouch for clients",
                                in_quotes(facts.subject), in_quotes(path.value)));
        continue;
      }
      chains_.check_lifetime(path, facts, "CA certificate");
      set.anchors.push_back(chain->certificates[i]);
      trust.anchors.push_back(facts);
      trust.anchor_paths.push_back(path);
    }
  }
}

// A client's chain must end in a root that is in the set: an intermediate alone vouches for nobody.
void TrustMaterial::check_roots(const TrustConfig& config, const Trust& trust) {
  std::unordered_map<std::string_view, const tls::CertificateFacts*> by_subject;
  for (const tls::CertificateFacts& anchor : trust.anchors) {
    // Of two with one name the root counts.
    if (const auto [known, is_new] = by_subject.emplace(anchor.subject, &anchor); !is_new && is_root(anchor))
      known->second = &anchor;
  }
  std::vector<std::pair<std::size_t, std::string_view>> rootless;
  for (std::size_t i = 0; i < trust.anchors.size(); ++i) {
    const tls::CertificateFacts* top = &trust.anchors[i];
    // As many steps as there are anchors: certificates that name each other in a circle have no root.
    for (std::size_t steps = 0; steps < trust.anchors.size() && !is_root(*top); ++steps) {
      const auto issuer = by_subject.find(top->issuer);
      if (issuer == by_subject.end()) break;
      top = issuer->second;
    }
    if (!is_root(*top)) rootless.emplace_back(i, top->issuer);
  }
  for (const auto& [anchor, root] : rootless) {
    const Text& path = trust.anchor_paths[anchor];
    sink_.warning(
        path.at, path.value,
        fmt::format("CA certificate {} of {} is an intermediate, and {}, which issued it, is not in trust set "
                    "{}: {} refused (unknown_ca); add the root, or say 'anchors: any'",
                    in_quotes(trust.anchors[anchor].subject), in_quotes(path.value), in_quotes(root),
                    in_quotes(config.name.value),
                    rootless.size() == trust.anchors.size() ? "every client is" : "its clients are"));
  }
}

bool TrustMaterial::read_crls(const TrustConfig& config, Trust& trust, tls::TrustSet& set) {
  std::vector<tls::CrlFile> files;
  struct Origin {
    const Text& entry;
    std::string name;
  };
  std::vector<Origin> origins;
  bool complete = true;
  for (std::size_t i = 0; i < config.crl.size(); ++i) {
    const Text& entry = config.crl[i];
    CrlFiles::Entry read = crls_.read(entry.value);
    for (const auto& fault : read.faults) sink_.error(entry.at, entry.value, fault.error);
    complete = complete && read.faults.empty();
    for (CrlFiles::Entry::Source& source : read.sources) {
      if (source.is_fetched) {
        // Its CA may have changed since it was taken.
        const auto proven = tls::check_crl_issuers(
            source.crls, {.issuers = set.anchors, .take_unproven = config.require_revocation, .now = now_});
        if (!proven) {
          read.pending = fmt::format("has to be fetched again, as of the copy {}", proven.error().detail);
          continue;
        }
      }
      trust.crls.push_back({.entry = i, .name = source.name, .file = source.crls});
      files.push_back(std::move(source.crls));
      origins.push_back({entry, std::move(source.name)});
    }
    if (read.pending.empty()) continue;
    set.crls_pending = true;
    sink_.warning(
        entry.at, entry.value,
        fmt::format("the CRL of {} {}: until it is there every client of trust set {} is refused (crl_missing)",
                    in_quotes(entry.value), read.pending, in_quotes(config.name.value)));
  }
  if (!complete || trust.anchors.empty()) return false;
  auto index = tls::CrlIndex::build(files, set.anchors);
  if (!index) {
    const auto& [file, detail] = index.error();
    const bool is_of_file = file < origins.size();
    const Text& place = is_of_file ? origins[file].entry : config.name;
    sink_.error(place.at, place.value,
                fmt::format("{} can't be used: {}", in_quotes(is_of_file ? origins[file].name : place.value), detail));
    return false;
  }
  set.crls = std::move(*index);
  return true;
}

void TrustMaterial::check_crls(const TrustConfig& config, const Trust& trust, const tls::TrustSet& set) {
  const std::vector<tls::CrlIndex::Info> crls = set.crls->describe();
  for (const tls::CrlIndex::Info& crl : crls) {
    if (crl.superseded || crl.next_update >= now_) continue;
    const bool is_over = now_ - crl.next_update >= set.crl_grace;
    sink_.warning(config.name.at, config.name.value,
                  fmt::format("the CRL of {} expired on {}: clients of this issuer are refused (crl_expired){}",
                              in_quotes(crl.issuer), date_of(crl.next_update),
                              is_over ? "" : fmt::format(" from {} on", date_of(crl.next_update + set.crl_grace))));
  }
  if (set.crls_pending) return;
  std::vector<std::string_view> missing;
  for (const tls::CertificateFacts& anchor : trust.anchors) {
    if (std::ranges::find(crls, anchor.subject, &tls::CrlIndex::Info::issuer) == crls.end())
      missing.push_back(anchor.subject);
  }
  if (missing.empty() || (config.revocation_is_stated && !config.require_revocation)) return;
  if (config.require_revocation && config.crl.empty()) return;  // an error already
  const std::string issuers = missing.size() == 1
                                  ? in_quotes(missing.front())
                                  : fmt::format("{} and {} more", in_quotes(missing.front()), missing.size() - 1);
  sink_.warning(
      config.name.at, config.name.value,
      config.require_revocation
          ? fmt::format("trust set {} has no CRL of {}: clients of such an issuer are refused (crl_missing)",
                        in_quotes(config.name.value), issuers)
          : fmt::format(
                "trust set {} has no CRL of {}: revoked clients of such an issuer are not noticed (add 'crl', or say "
                "'revocation: {{require: false}}')",
                in_quotes(config.name.value), issuers));
}

void TrustMaterial::load(const TrustConfig& config) {
  auto set = std::make_shared<tls::TrustSet>();
  Trust trust;
  set->name = config.name.value;
  set->depth = config.depth;
  set->require_revocation = config.require_revocation;
  set->revocation_scope = config.revocation_scope;
  set->crl_grace = std::chrono::floor<std::chrono::seconds>(config.crl_grace);
  set->partial_chains = config.partial_chains;
  set->require_client_purpose = config.require_client_purpose;
  set->send_ca_names = config.send_ca_names;
  set->strict_profile = config.strict_profile;
  const std::size_t errors_before = sink_.errors();
  read_anchors(config, *set, trust);
  if (!read_crls(config, trust, *set) || sink_.errors() != errors_before) return;
  if (!load_ocsp(config.ocsp, chains_, sink_, *set)) return;
  if (!config.partial_chains) check_roots(config, trust);
  check_crls(config, trust, *set);
  const auto crls = set->crls->describe();
  std::size_t entries = 0;
  for (const tls::CrlIndex::Info& crl : crls) entries += crl.entries;
  summary_.push_back(fmt::format("trust set {}: {} CA certificate(s), {} CRL(s) with {} revoked serial(s), depth {}",
                                 config.name.value, set->anchors.size(), crls.size(), entries, set->depth));
  trust.set = std::move(set);
  sets_.insert_or_assign(config.name.value, std::move(trust));
}

const TrustMaterial::Trust* TrustMaterial::find(const std::string& name) const {
  const auto found = sets_.find(name);
  return found == sets_.end() ? nullptr : &found->second;
}

std::vector<CrlSource> TrustMaterial::crl_sources(const std::vector<TrustConfig>& configs) const {
  std::map<std::string, CrlSource> sources;
  for (const TrustConfig& config : configs) {
    const Trust* trust = find(config.name.value);
    if (trust == nullptr) continue;
    for (const Text& entry : config.crl) {
      const auto url = core::HttpUrl::parse(entry.value);
      if (!url) continue;
      const auto refresh = std::chrono::ceil<std::chrono::seconds>(config.crl_refresh);
      const auto [found, is_new] = sources.try_emplace(
          url->text(),
          CrlSource{
              .url = *url, .file = crl_file_name(*url), .refresh = refresh, .issuers = {}, .take_unproven = true});
      CrlSource& source = found->second;
      source.refresh = std::min(source.refresh, refresh);
      source.take_unproven = source.take_unproven && config.require_revocation;
      for (const tls::Der& anchor : trust->set->anchors) {
        if (std::ranges::find(source.issuers, anchor) == source.issuers.end()) source.issuers.push_back(anchor);
      }
    }
  }
  std::vector<CrlSource> all;
  for (auto& [url, source] : sources) all.push_back(std::move(source));
  return all;
}

std::vector<AnchorInfo> TrustMaterial::anchors_of(const std::vector<TrustConfig>& configs) const {
  std::vector<AnchorInfo> anchors;
  for (const TrustConfig& config : configs) {
    const Trust* trust = find(config.name.value);
    if (trust == nullptr) continue;
    for (std::size_t i = 0; i < trust->anchors.size(); ++i) {
      anchors.push_back({.trust = config.name.value,
                         .subject = trust->anchors[i].subject,
                         .fingerprint = tls::sha256({trust->set->anchors[i]}),
                         .not_after = trust->anchors[i].not_after});
    }
  }
  return anchors;
}

}  // namespace gateway::config
