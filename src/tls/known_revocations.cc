#include "tls/known_revocations.h"

#include <algorithm>
#include <cstring>

#include "tls/digest.h"
#include "tls/judge.h"
#include "tls/limits.h"

namespace gateway::tls {
namespace {

int digit_of(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

}  // namespace

std::optional<std::string> parse_serial(std::string_view hex) {
  if (hex.starts_with("0x") || hex.starts_with("0X")) hex.remove_prefix(2);
  std::string digits;
  for (std::size_t i = 0; i < hex.size(); ++i) {
    // Colons stand between bytes only.
    if (hex[i] == ':' && i > 0 && i + 1 < hex.size() && hex[i + 1] != ':') continue;
    const int digit = digit_of(hex[i]);
    if (digit < 0) return std::nullopt;
    digits += static_cast<char>(digit);
  }
  if (digits.empty()) return std::nullopt;
  if (digits.size() % 2 != 0) digits.insert(digits.begin(), '\0');
  std::string bytes;
  for (std::size_t i = 0; i < digits.size(); i += 2) bytes += static_cast<char>(digits[i] * 16 + digits[i + 1]);
  bytes = canonical_serial(bytes);
  if (bytes.size() > kMaxSerialBytes) return std::nullopt;
  return bytes;
}

std::string canonical_serial(std::string_view content) {
  while (content.size() > 1 && content.front() == '\0') content.remove_prefix(1);
  return std::string(content);
}

std::size_t KnownRevocations::Hash::operator()(const core::Sha256& digest) const noexcept {
  std::size_t hash = 0;
  std::memcpy(&hash, digest.data(), sizeof(hash));
  return hash;
}

KnownRevocations::KnownRevocations(std::span<const RevokedCertificate> certificates) : size_(certificates.size()) {
  for (const RevokedCertificate& certificate : certificates) {
    if (certificate.serial.empty()) {
      fingerprints_.insert(certificate.fingerprint);
      continue;
    }
    Issuers& issuers = serials_[certificate.serial];
    if (const auto* name = std::get_if<IssuerName>(&certificate.issuer)) {
      issuers.emplace_back(sha256({name->canonical}));
    } else if (const auto* issuer = std::get_if<IssuerCertificate>(&certificate.issuer)) {
      issuers.emplace_back(*issuer);
    } else {
      issuers.emplace_back(AnyIssuer{});
    }
  }
}

const std::shared_ptr<const KnownRevocations>& KnownRevocations::none() {
  static const auto none = std::make_shared<const KnownRevocations>(std::span<const RevokedCertificate>());
  return none;
}

std::optional<std::size_t> KnownRevocations::find(const VerifiedChain& chain) const {
  if (size_ == 0) return std::nullopt;
  const std::vector<ChainElement>& elements = chain.elements.all();
  for (std::size_t i = 0; i < elements.size(); ++i) {
    if (fingerprints_.contains(elements[i].fingerprint)) return i;
    // The serial number of an anchor is its own affair: many roots have 1, as has the first client of such a root.
    if (i + 1 == elements.size() || serials_.empty()) continue;
    const auto found = serials_.find(canonical_serial(elements[i].serial));
    if (found == serials_.end()) continue;
    const bool matches = std::ranges::any_of(found->second, [&](const auto& issuer) {
      if (const auto* name = std::get_if<core::Sha256>(&issuer)) return *name == elements[i].issuer_name;
      const auto* certificate = std::get_if<IssuerCertificate>(&issuer);
      return certificate == nullptr || certificate->fingerprint == elements[i + 1].fingerprint;
    });
    if (matches) return i;
  }
  return std::nullopt;
}

}  // namespace gateway::tls
