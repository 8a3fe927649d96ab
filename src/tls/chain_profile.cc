#include "tls/chain_profile.h"

#include <openssl/x509v3.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tls/asn1_values.h"
#include "tls/extension_rules.h"
#include "tls/key_rules.h"
#include "tls/openssl_error.h"

namespace gateway::tls {
namespace {

using core::Reason;
using NameConstraintsPtr = Owned<NAME_CONSTRAINTS, NAME_CONSTRAINTS_free>;

std::unexpected<core::Error> refused(Reason reason, std::string rule) {
  take_openssl_errors();
  return core::fail(reason, core::Side::client, std::move(rule));
}

bool has(const X509* certificate, int nid) {
  return X509_get_ext_by_NID(certificate, nid, -1) >= 0;
}

std::unexpected<core::Error> malformed(std::string_view rule, const X509* certificate) {
  return refused(Reason::malformed_certificate,
                 std::string(rule) + " in " + rfc4514_of(X509_get_subject_name(certificate)));
}

bool is_critical(const X509* certificate, int nid) {
  const int at = X509_get_ext_by_NID(certificate, nid, -1);
  return at >= 0 && X509_EXTENSION_get_critical(X509_get_ext(certificate, at)) != 0;
}

// For every certificate below the anchor: section 4.1.2.2, 4.1.2.4 and 4.2.1.1.
core::Result<bool> check_issued(const X509* certificate) {
  constexpr std::size_t kMaxSerialOctets = 20;
  const ASN1_INTEGER* serial = X509_get0_serialNumber(certificate);
  const std::string octets = serial_bytes_of(serial);
  const bool zero = octets.find_first_not_of('\0') == std::string::npos;
  if (zero || (ASN1_STRING_type(serial) & V_ASN1_NEG) != 0 || octets.size() > kMaxSerialOctets) {
    return malformed("a serial number that isn't positive or is over 20 octets", certificate);
  }
  if (X509_NAME_entry_count(X509_get_issuer_name(certificate)) == 0) return malformed("no issuer", certificate);
  // Certificates of version 1 have no extensions to ask for.
  if (X509_get_version(certificate) == X509_VERSION_3 && !has(certificate, NID_authority_key_identifier)) {
    return malformed("no authorityKeyIdentifier", certificate);
  }
  return true;
}

// Sections 4.2.1.2 and 4.2.1.9.
core::Result<bool> check_ca(const X509* certificate) {
  if (X509_get_version(certificate) != X509_VERSION_3) return true;
  if (!has(certificate, NID_subject_key_identifier)) return malformed("no subjectKeyIdentifier", certificate);
  if (!is_critical(certificate, NID_basic_constraints)) {
    return malformed("basicConstraints that aren't critical", certificate);
  }
  return true;
}

// Sections 4.1, 4.1.2.6, 4.2.1.3 and 4.2.1.10.
core::Result<bool> check_leaf(X509* leaf) {
  if (X509_get_version(leaf) != X509_VERSION_3 && X509_get_ext_count(leaf) > 0) {
    return malformed("extensions without version 3", leaf);
  }
  const std::uint32_t flags = X509_get_extension_flags(leaf);
  if ((flags & EXFLAG_CA) == 0) {
    if ((flags & EXFLAG_KUSAGE) != 0 && (X509_get_key_usage(leaf) & KU_KEY_CERT_SIGN) != 0) {
      return malformed("keyCertSign without CA", leaf);
    }
    if (has(leaf, NID_name_constraints)) return malformed("name constraints without CA", leaf);
  }
  const bool nameless = X509_NAME_entry_count(X509_get_subject_name(leaf)) == 0;
  if (nameless && !is_critical(leaf, NID_subject_alt_name)) {
    return malformed("an empty subject without a critical subjectAltName", leaf);
  }
  return true;
}

std::string lower(std::string_view name) {
  std::string result(name);
  for (char& c : result) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return result;
}

std::vector<std::string> dns_names(const STACK_OF(GENERAL_SUBTREE) * trees) {
  std::vector<std::string> names;
  for (int i = 0; trees != nullptr && i < sk_GENERAL_SUBTREE_num(trees); ++i) {
    int type = 0;
    const void* value = GENERAL_NAME_get0_value(sk_GENERAL_SUBTREE_value(trees, i)->base, &type);
    if (type == GEN_DNS) names.push_back(lower(bytes_of(static_cast<const ASN1_STRING*>(value))));
  }
  return names;
}

// What stands behind "*." in each wildcard of the leaf.
std::vector<std::string> wildcard_parents(const X509* leaf) {
  std::vector<std::string> parents;
  const GeneralNamesPtr names(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(leaf, NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; names && i < sk_GENERAL_NAME_num(names.get()); ++i) {
    int type = 0;
    const void* value = GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(names.get(), i), &type);
    if (type != GEN_DNS) continue;
    const std::string name = lower(bytes_of(static_cast<const ASN1_STRING*>(value)));
    if (name.starts_with("*.")) parents.push_back(name.substr(2));
  }
  return parents;
}

// Section 4.2.1.10. X509_verify_cert() has compared the names; this is what it leaves out: constraints that aren't
// well-formed, and wildcards that would match an excluded name (CVE-2025-61727).
core::Result<bool> check_constraints(const X509* ca, X509* leaf, const std::vector<std::string>& wildcards,
                                     bool strict) {
  const int at = X509_get_ext_by_NID(ca, NID_name_constraints, -1);
  if (at < 0) return true;
  const NameConstraintsPtr constraints(
      static_cast<NAME_CONSTRAINTS*>(X509_get_ext_d2i(ca, NID_name_constraints, nullptr, nullptr)));
  if (!constraints) return refused(Reason::name_constraint, "name constraints that can't be read");
  const std::vector<std::string> permitted = dns_names(constraints->permittedSubtrees);
  const std::vector<std::string> excluded = dns_names(constraints->excludedSubtrees);
  for (const std::string& name : excluded) {
    const auto dot = name.find('.');
    if (dot != std::string::npos && std::ranges::find(wildcards, name.substr(dot + 1)) != wildcards.end()) {
      return refused(Reason::name_constraint, "a wildcard that covers the excluded " + name);
    }
  }
  // OpenSSL looks at a common name that could be a host's only if there is no DNS name beside it; policies may look at
  // it in any case.
  if (NAME_CONSTRAINTS_check_CN(leaf, constraints.get()) != X509_V_OK) {
    return refused(Reason::name_constraint, "a common name that a CA may not give");
  }
  // SIZE (1..MAX): does an empty list permit all names or none?
  if ((constraints->permittedSubtrees != nullptr && sk_GENERAL_SUBTREE_num(constraints->permittedSubtrees) == 0) ||
      (constraints->excludedSubtrees != nullptr && sk_GENERAL_SUBTREE_num(constraints->excludedSubtrees) == 0)) {
    return refused(Reason::name_constraint, "name constraints with an empty list");
  }
  if (!strict) return true;
  if (constraints->permittedSubtrees == nullptr && constraints->excludedSubtrees == nullptr) {
    return refused(Reason::name_constraint, "name constraints without a name");
  }
  const auto is_dotted = [](const std::string& name) { return name.starts_with('.'); };
  if (std::ranges::any_of(permitted, is_dotted) || std::ranges::any_of(excluded, is_dotted)) {
    return refused(Reason::name_constraint, "a DNS name constraint that begins with a dot");
  }
  return true;
}

}  // namespace

core::Result<bool> check_profile(const STACK_OF(X509) * chain, const TrustSet& trust, unsigned min_rsa_bits) {
  const int count = sk_X509_num(chain);
  const bool strict = trust.strict_profile;
  X509* leaf = sk_X509_value(chain, 0);
  const std::vector<std::string> wildcards = wildcard_parents(leaf);
  // A leaf that is itself the anchor was chosen by the operator as it is.
  if (strict && count > 1) {
    TRY([[maybe_unused]] const bool leaf_good, check_leaf(leaf));
  }
  for (int i = 0; i < count; ++i) {
    const X509* certificate = sk_X509_value(chain, i);
    const bool is_anchor = i + 1 == count;
    TRY([[maybe_unused]] const bool strong, check_key(certificate, min_rsa_bits, strict && !is_anchor));
    if (!is_anchor) {
      TRY([[maybe_unused]] const bool readable, check_extensions(certificate, strict));
      if (strict) {
        TRY([[maybe_unused]] const bool issued_well, check_issued(certificate));
      }
    }
    if (i == 0) continue;
    if (strict) {
      TRY([[maybe_unused]] const bool ca_good, check_ca(certificate));
    }
    TRY([[maybe_unused]] const bool constrained, check_constraints(certificate, leaf, wildcards, strict));
  }
  // X509_verify_cert() has refused an extendedKeyUsage without clientAuth, anyExtendedKeyUsage alone among them.
  if (trust.require_client_purpose && !has(leaf, NID_ext_key_usage)) {
    return refused(Reason::wrong_purpose, "no extendedKeyUsage with clientAuth");
  }
  return true;
}

}  // namespace gateway::tls
