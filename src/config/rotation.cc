#include "config/rotation.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <span>
#include <utility>

#include "config/accepted.h"
#include "config/certificate_chains.h"
#include "config/file_reader.h"
#include "config/host_inputs.h"
#include "config/ocsp_material.h"
#include "config/quote.h"
#include "config/ticket_key_files.h"
#include "config/tls_material.h"
#include "core/http_url.h"
#include "tls/crl_index.h"

namespace gateway::config {
namespace {

using std::chrono::sys_seconds;

const Diagnostic* first_error(std::span<const Diagnostic> found) {
  const auto error = std::ranges::find(found, Severity::error, &Diagnostic::severity);
  return error == found.end() ? nullptr : &*error;
}

// What a CRL of the same issuer, at least as new, must take the place of: else clients that are revoked would not be
// any more. An issuer that has left the trust set takes its CRLs along.
std::string lost_crl(const TrustMaterial::Trust& before, const TrustMaterial::Trust& after) {
  const auto is_anchor = [](const TrustMaterial::Trust& trust, const std::string& subject) {
    return std::ranges::find(trust.anchors, subject, &tls::CertificateFacts::subject) != trust.anchors.end();
  };
  const auto now = after.set->crls->describe();
  for (const tls::CrlIndex::Info& old : before.set->crls->describe()) {
    if (old.superseded || (is_anchor(before, old.issuer) && !is_anchor(after, old.issuer))) continue;
    const tls::CrlIndex::Info* newest = nullptr;
    for (const tls::CrlIndex::Info& crl : now) {
      if (crl.issuer == old.issuer && (newest == nullptr || crl.this_update > newest->this_update)) newest = &crl;
    }
    if (newest == nullptr) return fmt::format("no file has a CRL of {} any more", in_quotes(old.issuer));
    if (newest->this_update < old.this_update) {
      return fmt::format("the CRL of {} is of {}, older than the one in use, of {}", in_quotes(old.issuer),
                         date_of(newest->this_update), date_of(old.this_update));
    }
  }
  return {};
}

class Rotator {
 public:
  Rotator(const LoadedConfig& current, const CanServe& can_serve, sys_seconds now, Rotation& result)
      : current_(current),
        accepted_(*current.accepted),
        can_serve_(can_serve),
        now_(now),
        result_(result),
        sink_(current.path),
        files_(accepted_.file, result.watched_files),
        chains_(files_, sink_, now, nullptr),
        crls_(files_, *accepted_.crls, current.state_directory, now),
        trust_(crls_, chains_, sink_, now),
        material_(files_, chains_, trust_, sink_, accepted_.config->pkcs11_module, nullptr),
        host_inputs_(accepted_.host_inputs) {
    for (const CertificateInfo& one : current.certificates) {
      if (one.kind != "trust") certificates_.emplace(one.virtual_host, &one);
    }
  }

  void run() {
    const std::vector<TrustConfig>& sets = accepted_.config->trust;
    std::vector<std::vector<Diagnostic>> found;
    for (const TrustConfig& config : sets) found.push_back(read(config));
    // Of the files as they are now: a set that is kept for want of a CRL may wait for one of its new CA.
    auto sources = trust_.crl_sources(sets);
    for (std::size_t i = 0; i < sets.size(); ++i) rotate(sets[i], found[i]);
    auto snapshot = std::make_shared<proxy::Snapshot>(*current_.snapshot);
    std::vector<CertificateInfo> certificates;
    for (std::size_t i = 0; i < snapshot->virtual_hosts.size(); ++i) {
      auto& host = snapshot->virtual_hosts[i];
      if (host.tls) host.tls = rotate(accepted_.config->virtual_hosts[i], host.tls, certificates);
    }
    auto ticket_keys = rotate_ticket_keys();
    if (result_.rotated.empty() && sources == current_.crl_sources) return;
    LoadedConfig config = current_;
    config.snapshot = std::move(snapshot);
    config.certificates = std::move(certificates);
    config.crl_sources = std::move(sources);
    config.ticket_keys = std::move(ticket_keys);
    auto accepted = std::make_shared<Accepted>(accepted_);
    config.anchors = trust_.anchors_of(accepted_.config->trust);
    accepted->trust = trust_.take();
    accepted->host_inputs = std::move(host_inputs_);
    config.accepted = std::move(accepted);
    for (const Diagnostic& warning : result_.warnings) config.warnings.push_back(warning);
    result_.config = std::move(config);
  }

 private:
  void keep(Item item, std::string file, std::string reason, bool refuses_load) {
    result_.kept.push_back(
        {.item = std::move(item), .file = std::move(file), .reason = std::move(reason), .refuses_load = refuses_load});
  }

  // The warnings of what is taken.
  void warn(std::vector<Diagnostic>& found) {
    for (Diagnostic& one : found) {
      if (std::ranges::find(current_.warnings, one) == current_.warnings.end())
        result_.warnings.push_back(std::move(one));
    }
  }

  static bool has_url(const TrustConfig& config) {
    return std::ranges::any_of(config.crl, [](const Text& entry) { return core::HttpUrl::is_meant(entry.value); });
  }

  // The set as its files are now; what is at fault is as it was. Where a URL is among its CRLs it goes as a whole: what
  // may be fetched depends on the CAs, and whether they can be taken on what was fetched.
  std::vector<Diagnostic> read(const TrustConfig& config) {
    return has_url(config) ? read_whole(config) : read_by_file(config);
  }

  std::vector<Diagnostic> read_whole(const TrustConfig& config) {
    const std::string& name = config.name.value;
    auto found = sink_.aside([&] { trust_.load(config); });
    const TrustMaterial::Trust* now = trust_.find(name);
    if (const Diagnostic* error = first_error(found); error != nullptr || now == nullptr) {
      const bool is_ca =
          error != nullptr && std::ranges::find(config.ca, error->value, &Text::value) != config.ca.end();
      keep({is_ca ? ItemKind::ca : ItemKind::crl, name}, error == nullptr ? "" : error->value,
           error == nullptr ? "can't be used" : error->message, true);
      trust_.put(name, accepted_.trust.at(name));
    }
    return found;
  }

  std::vector<Diagnostic> read_by_file(const TrustConfig& config) {
    const std::string& name = config.name.value;
    const TrustMaterial::Trust& before = accepted_.trust.at(name);
    std::vector<TrustMaterial::Fault> faults;
    auto found = sink_.aside([&] { faults = trust_.rotate(config, before); });
    for (const bool is_crl : {false, true}) {
      const auto is_one = [&](const TrustMaterial::Fault& fault) { return fault.is_crl == is_crl; };
      const auto first = std::ranges::find_if(faults, is_one);
      if (first == faults.end()) continue;
      const auto others = std::ranges::count_if(faults, is_one) - 1;
      keep({is_crl ? ItemKind::crl : ItemKind::ca, name}, first->file,
           others == 0 ? first->reason : fmt::format("{}; and {} more", first->reason, others),
           std::ranges::any_of(faults, [&](const auto& fault) { return is_one(fault) && fault.refuses_load; }));
    }
    return found;
  }

  void rotate(const TrustConfig& config, std::vector<Diagnostic>& found) {
    return has_url(config) ? rotate_whole(config, found) : rotate_by_file(config, found);
  }

  void rotate_by_file(const TrustConfig& config, std::vector<Diagnostic>& found) {
    const std::string& name = config.name.value;
    const TrustMaterial::Trust& before = accepted_.trust.at(name);
    const TrustMaterial::Trust& now = *trust_.find(name);
    if (now.set == before.set) return;
    if (now.set->anchors != before.set->anchors || !same_ocsp_answers(now.set->ocsp.get(), before.set->ocsp.get()))
      result_.rotated.push_back({ItemKind::ca, name});
    if (now.crls != before.crls) result_.rotated.push_back({ItemKind::crl, name});
    warn(found);
  }

  void rotate_whole(const TrustConfig& config, std::vector<Diagnostic>& found) {
    const std::string& name = config.name.value;
    const TrustMaterial::Trust& before = accepted_.trust.at(name);
    const TrustMaterial::Trust* now = trust_.find(name);
    const bool same_anchors = now->set->anchors == before.set->anchors;
    const bool same_crls = now->crls == before.crls && now->set->crls_pending == before.set->crls_pending;
    const bool same_ocsp = same_ocsp_answers(now->set->ocsp.get(), before.set->ocsp.get());
    if (same_anchors && same_crls && same_ocsp) return trust_.put(name, before);
    if (now->set->crls_pending && !before.set->crls_pending) {
      const auto url = std::ranges::find_if(found, [](const auto& one) { return core::HttpUrl::is_meant(one.value); });
      keep({ItemKind::crl, name}, url == found.end() ? "" : url->value,
           "its copy is gone, or is not by a CA of the set any more: it is fetched again", false);
      return trust_.put(name, before);
    }
    if (std::string lost = lost_crl(before, *now); !lost.empty()) {
      keep({ItemKind::crl, name}, config.crl.empty() ? "" : config.crl.front().value, std::move(lost), false);
      return trust_.put(name, before);
    }
    if (!same_anchors || !same_ocsp) result_.rotated.push_back({ItemKind::ca, name});
    if (!same_crls) result_.rotated.push_back({ItemKind::crl, name});
    warn(found);
  }

  std::shared_ptr<const tls::HostOptions> rotate(const VirtualHostConfig& config,
                                                 const std::shared_ptr<const tls::HostOptions>& before,
                                                 std::vector<CertificateInfo>& certificates) {
    // The same certificates with the trust set of today: what this host has if its files are at fault.
    auto kept = before;
    if (before->trust) {
      const auto& set = trust_.find(before->trust->name)->set;
      if (set != before->trust) {
        auto copy = std::make_shared<tls::HostOptions>(*before);
        copy->trust = set;
        kept = std::move(copy);
      }
    }
    // Nothing of it has changed: no command is run again, and no token opened.
    const core::Sha256 inputs = inputs_of(config, accepted_.config->pkcs11_module, files_);
    std::vector<CertificateInfo> own;
    if (const auto known = host_inputs_.find(config.name.value);
        known != host_inputs_.end() && known->second == inputs) {
      keep_certificates(config.name.value, *kept, own);
      std::ranges::move(own, std::back_inserter(certificates));
      return kept;
    }
    std::shared_ptr<const tls::HostOptions> now;
    auto found = sink_.aside([&] { now = material_.load_host(config); });
    own = material_.take_certificates();
    bool is_taken = false;
    const Item item{ItemKind::certificate, config.name.value};
    const std::string& file = config.tls->certificates.front().certificate.value;
    if (const Diagnostic* error = first_error(found); error != nullptr || !now) {
      keep(item, error == nullptr ? file : error->value, error == nullptr ? "can't be used" : error->message, true);
    } else if (tls::content_digest_of(*now) == tls::content_digest_of(*kept)) {
      is_taken = true;
      now = kept;
    } else if (std::string reason = not_valid_now(own); !reason.empty()) {
      keep(item, file, std::move(reason), false);
    } else if (const auto able = can_serve_(*now); !able) {
      keep(item, file, able.error().detail, true);
    } else {
      is_taken = true;
      result_.rotated.push_back(item);
      warn(found);
    }
    if (is_taken) {
      host_inputs_.insert_or_assign(config.name.value, inputs);
    } else {
      now = kept;
      keep_certificates(config.name.value, *kept, own);
    }
    std::ranges::move(own, std::back_inserter(certificates));
    return now;
  }

  // All key files are one item: the order of the keys is their meaning.
  std::shared_ptr<const tls::TicketKeys> rotate_ticket_keys() {
    const SessionConfig& session = accepted_.config->session;
    if (session.ticket_keys.empty()) return current_.ticket_keys;
    const Item item{ItemKind::ticket_keys, std::string(kTicketKeysName)};
    std::shared_ptr<const tls::TicketKeys> now;
    auto found = sink_.aside([&] { now = load_ticket_keys(session, files_, sink_); });
    if (const Diagnostic* error = first_error(found); error != nullptr || !now) {
      keep(item, error == nullptr ? session.ticket_keys.front().value : error->value,
           error == nullptr ? "can't be used" : error->message, true);
      return current_.ticket_keys;
    }
    if (now->same_as(*current_.ticket_keys)) return current_.ticket_keys;
    result_.rotated.push_back(item);
    warn(found);
    return now;
  }

  [[nodiscard]] std::string not_valid_now(const std::vector<CertificateInfo>& own) const {
    for (const CertificateInfo& one : own) {
      if (one.kind != "server") continue;
      if (one.not_after < now_)
        return fmt::format("certificate {} expired on {}", in_quotes(one.subject), date_of(one.not_after));
      if (one.not_before > now_) {
        return fmt::format("certificate {} is not valid before {}", in_quotes(one.subject), date_of(one.not_before));
      }
    }
    return {};
  }

  // What is told of a host that keeps its certificates: those, and the CAs of today.
  void keep_certificates(const std::string& host, const tls::HostOptions& options,
                         std::vector<CertificateInfo>& own) const {
    own.clear();
    const auto [first, last] = certificates_.equal_range(host);
    for (auto one = first; one != last; ++one) own.push_back(*one->second);
    if (!options.trust) return;
    for (const tls::CertificateFacts& anchor : trust_.find(options.trust->name)->anchors) {
      own.push_back({host, "trust", anchor.subject, anchor.not_after, anchor.not_before});
    }
  }

  const LoadedConfig& current_;
  std::multimap<std::string_view, const CertificateInfo*> certificates_;  // what hosts show now, by host
  const Accepted& accepted_;
  const CanServe& can_serve_;
  sys_seconds now_;
  Rotation& result_;
  DiagnosticSink sink_;
  FileReader files_;
  CertificateChains chains_;
  CrlFiles crls_;
  TrustMaterial trust_;
  TlsMaterial material_;
  std::unordered_map<std::string, core::Sha256> host_inputs_;
};

}  // namespace

std::string_view to_string(ItemKind kind) noexcept {
  switch (kind) {
    case ItemKind::certificate:
      return "certificate";
    case ItemKind::ca:
      return "ca";
    case ItemKind::crl:
      return "crl";
    case ItemKind::ticket_keys:
      break;
  }
  return "ticket_keys";
}

Rotation rotate(const LoadedConfig& current, const CanServe& can_serve) {
  Rotation result;
  try {
    const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
    Rotator(current, can_serve, now, result).run();
  } catch (const std::exception& error) {
    // Out of memory, or a library's surprise: all stays as it is, and what was not read is looked at again.
    result.config.reset();
    result.failure = fmt::format("the files can't be read again: {}", error.what());
  }
  return result;
}

}  // namespace gateway::config
