#pragma once

#include <openssl/asn1.h>
#include <openssl/x509.h>

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "tls/openssl_ptr.h"
#include "tls/trust_set.h"

namespace gateway::tls {

// OpenSSL's ASN.1 values as plain ones.

std::string_view bytes_of(const ASN1_STRING* text) noexcept;
std::optional<std::chrono::sys_seconds> time_of(const ASN1_TIME* time);
// The INTEGER's content bytes, as they stand in DER.
std::string serial_bytes_of(const ASN1_INTEGER* serial);
// Upper-case hex of whole bytes, as openssl prints it.
std::string serial_hex_of(const ASN1_INTEGER* serial);
// RFC 4514, UTF-8; control bytes are escaped.
std::string rfc4514_of(const X509_NAME* name);

// One certificate that fills all of `der`; null if it doesn't parse. `library` may be null (the default one).
X509Ptr parse_certificate(const Der& der, OSSL_LIB_CTX* library);
// The encoding that `certificate` was parsed from; "" only for want of memory.
Der der_of(const X509* certificate);
// SubjectPublicKeyInfo in DER.
Der public_key_der_of(const X509* certificate);
Der name_der_of(const X509_NAME* name);

}  // namespace gateway::tls
