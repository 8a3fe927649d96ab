#include "config/tls_material.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "config/quote.h"
#include "config/stapling.h"
#include "core/host_name.h"

namespace gateway::config {
namespace {

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

}  // namespace

void TlsMaterial::record(const std::string& host, std::string_view kind, const tls::CertificateFacts& facts) {
  certificates_.push_back({host, std::string(kind), facts.subject, facts.not_after, facts.not_before});
}

void TlsMaterial::check_names_covered(const VirtualHostConfig& host, const Text& path,
                                      const tls::CertificateFacts& leaf) {
  for (const Text& name : host.hosts) {
    const bool is_wildcard = name.value.starts_with("*.");
    const auto canonical = core::canonical_host_name(std::string_view(name.value).substr(is_wildcard ? 2 : 0));
    if (!canonical || canonical->starts_with('[') || core::IpAddress::parse(*canonical)) continue;
    const std::string pattern = (is_wildcard ? "*." : "") + *canonical;
    const bool is_covered =
        std::ranges::any_of(leaf.dns_names, [&](const std::string& dns) { return covers(lower(dns), pattern); });
    if (is_covered) continue;
    sink_.warning(name.at, name.value,
                  fmt::format("the certificate {} is not for host {}, so clients will refuse it", in_quotes(path.value),
                              in_quotes(name.value)));
  }
}

void TlsMaterial::check_chain(const VirtualHostConfig& host, const Text& path, const CertificateChains::Chain& chain) {
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
    chains_.check_lifetime(path, facts, i == 0 ? "server certificate" : "certificate");
    record(host.name.value, i == 0 ? "server" : "chain", facts);
  }
  const tls::CertificateFacts& leaf = chain.facts.front();
  if (!leaf.unfit_for_servers.empty()) {
    sink_.warning(
        path.at, path.value,
        fmt::format("clients will refuse the certificate {}: {}", in_quotes(path.value), leaf.unfit_for_servers));
  }
  check_names_covered(host, path, leaf);
}

bool TlsMaterial::load_certificate(const VirtualHostConfig& host, const CertificateConfig& config,
                                   tls::ServerCertificate& certificate) {
  const auto chain = chains_.read(config.certificate);
  if (chain) {
    certificate.chain = chain->certificates;
    certificate.key_type = chain->facts.front().key_type;
    check_chain(host, config.certificate, *chain);
  }
  const bool has_key = keys_.read(config, chain ? chain->certificates.front() : tls::Der(), certificate);
  if (!chain || !has_key) return false;
  if (!certificate.key_type.empty()) return true;
  sink_.error(config.certificate.at, config.certificate.value,
              fmt::format("the key of {} is of a type that can't sign TLS handshakes; use ECDSA, RSA or Ed25519",
                          in_quotes(config.certificate.value)));
  return false;
}

bool TlsMaterial::load_certificates(const VirtualHostConfig& host, std::vector<tls::ServerCertificate>& certificates) {
  bool complete = true;
  std::map<std::string, const Text*> path_by_type;
  for (const CertificateConfig& config : host.tls->certificates) {
    tls::ServerCertificate certificate;
    if (!load_certificate(host, config, certificate)) {
      complete = false;
      continue;
    }
    const auto [known, is_new] = path_by_type.emplace(certificate.key_type, &config.certificate);
    if (!is_new) {
      sink_.error(config.certificate.at, config.certificate.value,
                  fmt::format("{} and {} both have {} keys; a host shows one certificate of each type",
                              in_quotes(known->second->value), in_quotes(config.certificate.value), known->first));
      complete = false;
    }
    certificates.push_back(std::move(certificate));
  }
  return complete && !certificates.empty();
}

std::shared_ptr<const tls::HostOptions> TlsMaterial::load_host(const VirtualHostConfig& config) {
  const TlsConfig& tls = *config.tls;
  auto options = std::make_shared<tls::HostOptions>();
  options->name = config.name.value;
  options->client_auth = tls.client_auth;
  options->on_refusal = tls.on_refusal;
  options->session_tickets = tls.session.tickets.value_or(options->session_tickets);
  options->session_lifetime = tls.session.lifetime.value_or(options->session_lifetime);
  options->session_store = tls.session.store;
  options->settings = tls.settings;
  options->max_client_chain_bytes = tls.max_client_chain_bytes;
  const bool has_certificates = load_certificates(config, options->certificates);
  if (tls.client_auth != tls::ClientAuth::off) {
    const TrustMaterial::Trust* trust = tls.trust ? trust_.find(tls.trust->value) : nullptr;
    if (trust == nullptr) return nullptr;
    options->trust = trust->set;
    for (const tls::CertificateFacts& anchor : trust->anchors) record(config.name.value, "trust", anchor);
  }
  if (!has_certificates) return nullptr;
  std::vector<std::shared_ptr<const CertificateChain>> chains;
  for (const CertificateConfig& one : tls.certificates) chains.push_back(chains_.read(one.certificate));
  options->stapled = find_stapled(tls, chains, chains_, sink_);
  return options;
}

}  // namespace gateway::config
