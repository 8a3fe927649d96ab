#include "tls/peer_certificate.h"

#include <openssl/x509v3.h>

#include "tls/asn1_values.h"
#include "tls/digest.h"
#include "tls/limits.h"
#include "tls/name_syntax.h"
#include "tls/openssl_error.h"

namespace gateway::tls {
namespace {

using core::PeerIdentity;

std::unexpected<core::Error> malformed(std::string what) {
  take_openssl_errors();
  return core::fail(core::Reason::malformed_certificate, core::Side::client, std::move(what));
}

// C0, DEL and (in UTF-8) C1 controls: NUL cuts names short in C programs behind us, the others forge log lines and
// headers.
bool has_control(std::string_view utf8) {
  for (std::size_t i = 0; i < utf8.size(); ++i) {
    const auto byte = static_cast<unsigned char>(utf8[i]);
    if (byte < 0x20 || byte == 0x7f) return true;
    if (byte == 0xc2 && i + 1 < utf8.size() && static_cast<unsigned char>(utf8[i + 1]) < 0xa0) return true;
  }
  return false;
}

bool is_text(int type) {
  switch (type) {
    case V_ASN1_UTF8STRING:
    case V_ASN1_PRINTABLESTRING:
    case V_ASN1_IA5STRING:
    case V_ASN1_T61STRING:
    case V_ASN1_BMPSTRING:
    case V_ASN1_UNIVERSALSTRING:
    case V_ASN1_NUMERICSTRING:
    case V_ASN1_VISIBLESTRING:
      return true;
    default:
      return false;
  }
}

struct NameParts {
  std::vector<std::string>* common_names = nullptr;
  std::vector<std::string>* organizations = nullptr;
  std::vector<std::string>* organizational_units = nullptr;
};

// Appends the attributes that are asked for; all of them are checked.
core::Result<bool> read_name(const X509_NAME* name, const NameParts& parts) {
  for (int i = 0; i < X509_NAME_entry_count(name); ++i) {
    const X509_NAME_ENTRY* entry = X509_NAME_get_entry(name, i);
    std::vector<std::string>* target = nullptr;
    switch (OBJ_obj2nid(X509_NAME_ENTRY_get_object(entry))) {
      case NID_commonName:
        target = parts.common_names;
        break;
      case NID_organizationName:
        target = parts.organizations;
        break;
      case NID_organizationalUnitName:
        target = parts.organizational_units;
        break;
      default:
        break;
    }
    const ASN1_STRING* value = X509_NAME_ENTRY_get_data(entry);
    if (!is_text(ASN1_STRING_type(value))) {
      if (target != nullptr) return malformed("a name attribute that is no text");
      continue;
    }
    unsigned char* raw = nullptr;
    const int size = ASN1_STRING_to_UTF8(&raw, value);
    const OpensslBytes<unsigned char> owner(raw);
    if (size < 0) return malformed("a name attribute with broken encoding");
    std::string text(reinterpret_cast<const char*>(raw), static_cast<std::size_t>(size));
    if (has_control(text)) return malformed("a name attribute with a control byte");
    if (target != nullptr) target->push_back(std::move(text));
  }
  return true;
}

core::Result<bool> read_alt_name(const GENERAL_NAME* entry, PeerIdentity& identity) {
  int type = 0;
  const void* value = GENERAL_NAME_get0_value(entry, &type);
  if (type == GEN_IPADD) {
    const auto address = core::IpAddress::from_bytes(bytes_of(static_cast<const ASN1_STRING*>(value)));
    if (!address) return malformed("an iPAddress SAN of a wrong length");
    identity.ip_sans.push_back(*address);
    return true;
  }
  if (type != GEN_DNS && type != GEN_URI && type != GEN_EMAIL) return true;
  const std::string_view text = bytes_of(static_cast<const ASN1_STRING*>(value));
  if (type == GEN_DNS) {
    if (!is_dns_name(text)) return malformed("a dNSName SAN that is no DNS name");
    identity.dns_sans.emplace_back(text);
  } else if (type == GEN_URI) {
    if (!is_absolute_uri(text)) return malformed("a URI SAN that is no absolute URI in ASCII");
    identity.uri_sans.emplace_back(text);
  } else {
    if (!is_mailbox(text)) return malformed("an e-mail SAN that is no mailbox");
    identity.email_sans.emplace_back(text);
  }
  return true;
}

core::Result<bool> read_alt_names(const X509* leaf, PeerIdentity& identity) {
  int found = 0;
  const GeneralNamesPtr names(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(leaf, NID_subject_alt_name, &found, nullptr)));
  // -1: there is none; -2: there are several, and two readers would pick different ones.
  if (!names) return found == -1 ? core::Result<bool>(true) : malformed("a SAN extension that can't be read");
  const int count = sk_GENERAL_NAME_num(names.get());
  if (static_cast<std::size_t>(count) > kMaxAltNames) return malformed("too many SANs");
  for (int i = 0; i < count; ++i) {
    TRY([[maybe_unused]] const bool read, read_alt_name(sk_GENERAL_NAME_value(names.get(), i), identity));
  }
  return true;
}

}  // namespace

core::Result<PeerIdentity> identity_of(const X509* leaf, const EVP_MD* md) {
  PeerIdentity identity;
  const X509_NAME* subject = X509_get_subject_name(leaf);
  const X509_NAME* issuer = X509_get_issuer_name(leaf);
  TRY([[maybe_unused]] const bool subject_read,
      read_name(subject, {&identity.common_names, &identity.organizations, &identity.organizational_units}));
  TRY([[maybe_unused]] const bool issuer_read, read_name(issuer, {.common_names = &identity.issuer_common_names}));
  TRY([[maybe_unused]] const bool names_read, read_alt_names(leaf, identity));
  identity.subject_dn = rfc4514_of(subject);
  identity.issuer_dn = rfc4514_of(issuer);
  identity.serial = serial_hex_of(X509_get0_serialNumber(leaf));
  const auto not_before = time_of(X509_get0_notBefore(leaf));
  const auto not_after = time_of(X509_get0_notAfter(leaf));
  identity.certificate_der = der_of(leaf);
  const Der key = public_key_der_of(leaf);
  if (!not_before || !not_after || identity.serial.empty() || identity.certificate_der.empty() || key.empty()) {
    return malformed("a certificate whose fields can't be read");
  }
  identity.not_before = *not_before;
  identity.not_after = *not_after;
  identity.fingerprint = sha256(md, {identity.certificate_der});
  identity.spki_fingerprint = sha256(md, {key});
  return identity;
}

}  // namespace gateway::tls
