#include "config/tls_material.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>

#include "config/quote.h"
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

bool is_readable_by_all(const std::string& path) {
  struct stat status{};
  return ::stat(path.c_str(), &status) == 0 && (status.st_mode & S_IROTH) != 0;
}

}  // namespace

void TlsMaterial::record(const std::string& host, std::string_view kind, const tls::CertificateFacts& facts) {
  certificates_.push_back({host, std::string(kind), facts.subject, facts.not_after});
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

void TlsMaterial::check_server_certificates(const VirtualHostConfig& host, const CertificateChains::Chain& chain) {
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
    chains_.check_lifetime(path, facts, i == 0 ? "server certificate" : "certificate");
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
  if (const auto chain = chains_.read(tls.certificate)) {
    options->chain = chain->certificates;
    check_server_certificates(config, *chain);
  }
  const bool has_key =
      read_key(tls, options->chain.empty() ? tls::Der() : options->chain.front(), options->private_key);
  if (tls.client_auth != tls::ClientAuth::off) {
    const TrustMaterial::Trust* trust = tls.trust ? trust_.find(tls.trust->value) : nullptr;
    if (trust == nullptr) return nullptr;
    options->trust = trust->set;
    for (const tls::CertificateFacts& anchor : trust->anchors) record(config.name.value, "trust", anchor);
  }
  return has_key ? options : nullptr;
}

}  // namespace gateway::config
