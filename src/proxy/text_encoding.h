#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>

namespace gateway::proxy {

// Each appends to `out`.

void append_number(std::uint64_t number, std::string& out);
void append_hex(std::string_view bytes, std::string& out);  // lower case
void append_base64(std::string_view bytes, std::string& out);
// As nginx's $ssl_client_escaped_cert: the PEM of a certificate with all but unreserved bytes percent-encoded.
void append_escaped_pem(std::string_view der, std::string& out);

// A name out of a certificate or a handshake as one field value (RFC 9110 section 5.5) that no two names share: bytes
// outside of 0x20 to 0x7E, "%" itself and a space at either end are percent-encoded.
void append_escaped_name(std::string_view name, std::string& out);
// The same for a URI, in which "%" already is an escape.
void append_escaped_uri(std::string_view uri, std::string& out);
// An RFC 4514 name: bytes outside of 0x20 to 0x7E become that RFC's \XX.
void append_escaped_dn(std::string_view dn, std::string& out);

// RFC 3339 in UTC.
void append_timestamp(std::chrono::sys_seconds time, std::string& out);
void append_timestamp_micros(std::chrono::system_clock::time_point time, std::string& out);
// IMF-fixdate (RFC 9110 section 5.6.7).
void append_http_date(std::chrono::sys_seconds time, std::string& out);

}  // namespace gateway::proxy
