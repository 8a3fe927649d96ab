#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/peer_identity.h"

namespace gateway::tls {

// One certificate of a verified chain, as far as time and revocation are concerned.
struct ChainElement {
  core::Sha256 fingerprint{};  // of its DER
  core::Sha256 issuer_key{};   // SHA-256 over the issuer's subject name (DER) and SubjectPublicKeyInfo (DER)
  core::Sha256 issuer_name{};  // SHA-256 over canonical_dn() of the issuer field; zeros if that is no name
  std::string serial;          // the INTEGER's content bytes
  bool is_ca = false;          // its basicConstraints say so; CRLs may cover only one kind
  std::chrono::sys_seconds not_before{};
  std::chrono::sys_seconds not_after{};
  friend bool operator==(const ChainElement&, const ChainElement&) = default;
};

// All of a chain, leaf first. Never changes, and copies share it: the connections of one client do. Thread-safe.
class ChainElements {
 public:
  ChainElements() = default;
  explicit(false) ChainElements(std::vector<ChainElement> elements)  // a vector is one, but for being shared
      : elements_(std::make_shared<const std::vector<ChainElement>>(std::move(elements))) {}

  [[nodiscard]] const std::vector<ChainElement>& all() const {
    static const std::vector<ChainElement> none;
    return elements_ ? *elements_ : none;
  }
  [[nodiscard]] auto begin() const { return all().begin(); }
  [[nodiscard]] auto end() const { return all().end(); }
  [[nodiscard]] std::size_t size() const { return all().size(); }
  [[nodiscard]] bool empty() const { return all().empty(); }
  [[nodiscard]] const ChainElement& front() const { return all().front(); }
  [[nodiscard]] const ChainElement& back() const { return all().back(); }
  [[nodiscard]] const ChainElement& operator[](std::size_t i) const { return all()[i]; }
  friend bool operator==(const ChainElements& left, const ChainElements& right) {
    return left.elements_ == right.elements_ || left.all() == right.all();
  }

 private:
  std::shared_ptr<const std::vector<ChainElement>> elements_;
};

}  // namespace gateway::tls
