#include "config/tls_material.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>

#include "config/quote.h"
#include "core/host_name.h"
#include "tls/crl_index.h"

namespace gateway::config {
namespace {

constexpr std::chrono::days kSoon{14};

std::string date_of(std::chrono::sys_seconds time) {
  return fmt::format("{:%Y-%m-%d %H:%M:%S} UTC", fmt::gmtime(std::chrono::system_clock::to_time_t(time)));
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return out;
}

// RFC 6125: a wildcard stands for exactly one label. `host` may be a wildcard itself, which only the same wildcard
// covers.
bool covers(std::string_view certificate_name, std::string_view host) {
  if (certificate_name == host) return true;
  if (!certificate_name.starts_with("*.") || host.starts_with("*.")) return false;
  const std::size_t dot = host.find('.');
  return dot != std::string_view::npos && dot > 0 && host.substr(dot) == certificate_name.substr(1);
}

bool is_root(const tls::CertificateFacts& facts) {
  return facts.subject == facts.issuer;
}

bool is_readable_by_all(const std::string& path) {
  struct stat status{};
  return ::stat(path.c_str(), &status) == 0 && (status.st_mode & S_IROTH) != 0;
}

}  // namespace

std::shared_ptr<const TlsMaterial::Chain> TlsMaterial::read_chain(const Text& path) {
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
  chains_.emplace(path.value, chain);
  return chain;
}

void TlsMaterial::check_lifetime(const Text& path, const tls::CertificateFacts& facts, std::string_view what) {
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

void TlsMaterial::record(const std::string& host, std::string_view kind, const tls::CertificateFacts& facts) {
  certificates_.push_back({host, std::string(kind), facts.subject, facts.not_after});
}

void TlsMaterial::read_anchors(const TrustConfig& config, tls::TrustSet& set, Trust& trust) {
  for (const Text& path : config.ca) {
    const auto chain = read_chain(path);
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
      check_lifetime(path, facts, "CA certificate");
      set.anchors.push_back(chain->certificates[i]);
      trust.anchors.push_back(facts);
      trust.anchor_paths.push_back(path);
    }
  }
}

// A client's chain must end in a root that is in the set: an intermediate alone vouches for nobody.
void TlsMaterial::check_roots(const TrustConfig& config, const Trust& trust) {
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
                    "{}: {} refused (unknown_ca); add the root",
                    in_quotes(trust.anchors[anchor].subject), in_quotes(path.value), in_quotes(root),
                    in_quotes(config.name.value),
                    rootless.size() == trust.anchors.size() ? "every client is" : "its clients are"));
  }
}

bool TlsMaterial::read_crls(const TrustConfig& config, const Trust& trust, tls::TrustSet& set) {
  std::vector<std::string> contents;
  bool complete = true;
  for (const Text& path : config.crl) {
    const auto content = files_.read(path.value);
    if (!content) {
      sink_.error(path.at, path.value, content.error());
      complete = false;
    } else {
      contents.push_back(**content);
    }
  }
  if (!complete || trust.anchors.empty()) return false;
  auto index = tls::CrlIndex::build(contents, set.anchors);
  if (index) {
    set.crls = std::move(*index);
    return true;
  }
  // The index says that one of the files is at fault; building it from each alone says which.
  bool found = false;
  for (std::size_t i = 0; i < contents.size(); ++i) {
    const auto alone = tls::CrlIndex::build({contents[i]}, set.anchors);
    if (alone) continue;
    found = true;
    sink_.error(config.crl[i].at, config.crl[i].value,
                fmt::format("{} can't be used: {}", in_quotes(config.crl[i].value), alone.error().detail));
  }
  if (!found)
    sink_.error(config.name.at, config.name.value, fmt::format("the CRLs can't be used: {}", index.error().detail));
  return false;
}

void TlsMaterial::check_crls(const TrustConfig& config, const Trust& trust, const tls::TrustSet& set) {
  const std::vector<tls::CrlIndex::Info> crls = set.crls->describe();
  for (const tls::CrlIndex::Info& crl : crls) {
    if (crl.superseded || crl.next_update >= now_) continue;
    sink_.warning(config.name.at, config.name.value,
                  fmt::format("the CRL of {} expired on {}: clients of this issuer are refused (crl_expired)",
                              in_quotes(crl.issuer), date_of(crl.next_update)));
  }
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

void TlsMaterial::load_trust_set(const TrustConfig& config) {
  auto set = std::make_shared<tls::TrustSet>();
  Trust trust;
  set->name = config.name.value;
  set->depth = config.depth;
  set->require_revocation = config.require_revocation;
  set->send_ca_names = config.send_ca_names;
  set->strict_profile = config.strict_profile;
  const std::size_t errors_before = sink_.errors();
  read_anchors(config, *set, trust);
  if (!read_crls(config, trust, *set) || sink_.errors() != errors_before) return;
  check_roots(config, trust);
  check_crls(config, trust, *set);
  const auto crls = set->crls->describe();
  std::size_t entries = 0;
  for (const tls::CrlIndex::Info& crl : crls) entries += crl.entries;
  trust_summary_.push_back(
      fmt::format("trust set {}: {} CA certificate(s), {} CRL(s) with {} revoked serial(s), depth {}",
                  config.name.value, set->anchors.size(), crls.size(), entries, set->depth));
  trust.set = std::move(set);
  trust_.insert_or_assign(config.name.value, std::move(trust));
}

bool TlsMaterial::read_key(const TlsConfig& tls, const tls::Der& certificate, std::string& key) {
  const Text& path = tls.key;
  if (path.value.empty()) return false;
  const std::string pair = tls.certificate.value + '\0' + path.value;
  if (const auto known = keys_.find(pair); known != keys_.end()) {
    key = known->second;
    return true;
  }
  const auto content = files_.read(path.value);
  if (!content) {
    sink_.error(path.at, path.value, content.error());
    return false;
  }
  auto parsed = tls::parse_private_key(**content);
  if (!parsed) {
    sink_.error(path.at, path.value, fmt::format("{}: {}", in_quotes(path.value), parsed.error().detail));
    return false;
  }
  if (is_readable_by_all(files_.absolute(path.value))) {
    sink_.warning(path.at, path.value,
                  fmt::format("private key {} is readable by every user; chmod 600 it", in_quotes(path.value)));
  }
  if (certificate.empty()) return false;
  const auto matches = tls::check_key_matches(certificate, *parsed);
  if (!matches || !*matches) {
    sink_.error(path.at, path.value,
                fmt::format("{} does not match the certificate: {}", in_quotes(path.value),
                            matches ? "the keys differ" : matches.error().detail));
    return false;
  }
  key = *parsed;
  keys_.emplace(pair, std::move(*parsed));
  return true;
}

void TlsMaterial::check_names_covered(const VirtualHostConfig& host, const tls::CertificateFacts& leaf) {
  for (const Text& name : host.hosts) {
    const bool is_wildcard = name.value.starts_with("*.");
    const auto canonical = core::canonical_host_name(std::string_view(name.value).substr(is_wildcard ? 2 : 0));
    if (!canonical || canonical->starts_with('[') || core::IpAddress::parse(*canonical)) continue;
    const std::string pattern = (is_wildcard ? "*." : "") + *canonical;
    const bool is_covered =
        std::ranges::any_of(leaf.dns_names, [&](const std::string& dns) { return covers(lower(dns), pattern); });
    if (is_covered) continue;
    sink_.warning(name.at, name.value,
                  fmt::format("the certificate {} is not for host {}, so clients will refuse it",
                              in_quotes(host.tls->certificate.value), in_quotes(name.value)));
  }
}

void TlsMaterial::check_server_certificates(const VirtualHostConfig& host, const Chain& chain) {
  const Text& path = host.tls->certificate;
  for (std::size_t i = 0; i < chain.facts.size(); ++i) {
    const tls::CertificateFacts& facts = chain.facts[i];
    if (i > 0 && facts.subject != chain.facts[i - 1].issuer) {
      sink_.warning(
          path.at, path.value,
          fmt::format(
              "{}: certificate {} is not the issuer of the one before it; put the server certificate first, then "
              "each issuer",
              in_quotes(path.value), in_quotes(facts.subject)));
    }
    check_lifetime(path, facts, i == 0 ? "server certificate" : "certificate");
    record(host.name.value, i == 0 ? "server" : "chain", facts);
  }
  check_names_covered(host, chain.facts.front());
}

std::shared_ptr<const tls::HostOptions> TlsMaterial::load_host(const VirtualHostConfig& config) {
  const TlsConfig& tls = *config.tls;
  auto options = std::make_shared<tls::HostOptions>();
  options->name = config.name.value;
  options->client_auth = tls.client_auth;
  options->min_version = tls.min_version;
  options->max_version = tls.max_version;
  if (const auto chain = read_chain(tls.certificate)) {
    options->chain = chain->certificates;
    check_server_certificates(config, *chain);
  }
  const bool has_key =
      read_key(tls, options->chain.empty() ? tls::Der() : options->chain.front(), options->private_key);
  if (tls.client_auth != tls::ClientAuth::off) {
    const auto trust = tls.trust ? trust_.find(tls.trust->value) : trust_.end();
    if (trust == trust_.end()) return nullptr;
    options->trust = trust->second.set;
    for (const tls::CertificateFacts& anchor : trust->second.anchors) record(config.name.value, "trust", anchor);
  }
  return has_key ? options : nullptr;
}

}  // namespace gateway::config
