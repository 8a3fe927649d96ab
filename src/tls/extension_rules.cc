#include "tls/extension_rules.h"

#include <openssl/asn1t.h>
#include <openssl/x509v3.h>

#include "tls/asn1_values.h"
#include "tls/limits.h"
#include "tls/openssl_error.h"

namespace gateway::tls {
namespace {

using AccessPtr = Owned<AUTHORITY_INFO_ACCESS, AUTHORITY_INFO_ACCESS_free>;

std::unexpected<core::Error> malformed(std::string_view rule, const X509* certificate) {
  take_openssl_errors();
  return core::fail(core::Reason::malformed_certificate, core::Side::client,
                    std::string(rule) + " in " + rfc4514_of(X509_get_subject_name(certificate)));
}

// OpenSSL's own parsers of extensions take trailing bytes.
bool parses(X509_EXTENSION* extension) {
  const X509V3_EXT_METHOD* method = X509V3_EXT_get(extension);
  if (method == nullptr || method->it == nullptr) return true;
  const ASN1_OCTET_STRING* value = X509_EXTENSION_get_data(extension);
  const unsigned char* at = ASN1_STRING_get0_data(value);
  const unsigned char* const end = at + ASN1_STRING_length(value);
  ASN1_VALUE* parsed = ASN1_item_d2i(nullptr, &at, ASN1_STRING_length(value), ASN1_ITEM_ptr(method->it));
  if (parsed == nullptr) return false;
  ASN1_item_free(parsed, ASN1_ITEM_ptr(method->it));
  return at == end;
}

core::Result<bool> check_one(X509_EXTENSION* extension, const X509* certificate) {
  if (!parses(extension)) return malformed("an extension that can't be read", certificate);
  switch (OBJ_obj2nid(X509_EXTENSION_get_object(extension))) {
    case NID_policy_constraints:
    case NID_inhibit_any_policy:
      // Sections 4.2.1.11 and 4.2.1.14.
      if (X509_EXTENSION_get_critical(extension) == 0) {
        return malformed("policy constraints that aren't critical", certificate);
      }
      return true;
    case NID_info_access:
    case NID_sinfo_access: {
      // Section 4.2.2.1: SIZE (1..MAX).
      const AccessPtr access(static_cast<AUTHORITY_INFO_ACCESS*>(X509V3_EXT_d2i(extension)));
      if (!access || sk_ACCESS_DESCRIPTION_num(access.get()) <= 0) {
        return malformed("an information access without a description", certificate);
      }
      return true;
    }
    case NID_subject_alt_name:
    case NID_issuer_alt_name: {
      // Section 4.2.1.6: SIZE (1..MAX).
      const GeneralNamesPtr names(static_cast<GENERAL_NAMES*>(X509V3_EXT_d2i(extension)));
      if (!names || sk_GENERAL_NAME_num(names.get()) <= 0)
        return malformed("an alternative name without a name", certificate);
      return true;
    }
    default:
      return true;
  }
}

}  // namespace

core::Result<bool> check_extensions(const X509* certificate, bool strict) {
  const int count = X509_get_ext_count(certificate);
  if (count > kMaxExtensions) return malformed("too many extensions", certificate);
  for (int i = 0; i < count; ++i) {
    X509_EXTENSION* extension = X509_get_ext(certificate, i);
    if (X509_get_ext_by_OBJ(certificate, X509_EXTENSION_get_object(extension), i) >= 0) {
      return malformed("an extension that is there twice", certificate);
    }
    if (strict) {
      TRY([[maybe_unused]] const bool good, check_one(extension, certificate));
    }
  }
  return true;
}

}  // namespace gateway::tls
