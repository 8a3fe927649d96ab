#include "proxy/identity_headers.h"

#include "proxy/text_encoding.h"

namespace gateway::proxy {
namespace {

// `dn` is RFC 4514 text: its \" and \\ become \22 and \5C, which mean the same there.
void append_quoted_dn(std::string_view dn, std::string& out) {
  std::string escaped;
  append_escaped_dn(dn, escaped);
  out += '"';
  for (std::size_t i = 0; i < escaped.size(); ++i) {
    const char c = escaped[i];
    const bool escapes_next = c == '\\' && i + 1 < escaped.size();
    if (c == '"') {
      out += "\\22";
    } else if (escapes_next && escaped[i + 1] == '"') {
      out += "\\22";
      ++i;
    } else if (c == '\\' && (!escapes_next || escaped[i + 1] == '\\')) {
      out += "\\5C";
      ++i;
    } else {
      out += c;
    }
  }
  out += '"';
}

void append_quoted_name(std::string_view name, bool is_uri, std::string& out) {
  std::string escaped;
  if (is_uri) {
    append_escaped_uri(name, escaped);
  } else {
    append_escaped_name(name, escaped);
  }
  const bool needs_quotes = escaped.find_first_of(",;=") != std::string::npos;
  if (needs_quotes) out += '"';
  for (const char c : escaped) {
    if (c == '"') {
      out += "%22";
    } else if (c == '\\') {
      out += "%5C";
    } else {
      out += c;
    }
  }
  if (needs_quotes) out += '"';
}

}  // namespace

void write_client_cert_field(const core::PeerIdentity& identity, std::string& out) {
  out += "Client-Cert: :";
  append_base64(identity.certificate_der, out);
  out += ":\r\n";
}

void write_forwarded_client_cert_field(const core::PeerIdentity& identity, std::string& out) {
  out += "X-Forwarded-Client-Cert: Hash=";
  append_hex({reinterpret_cast<const char*>(identity.fingerprint.data()), identity.fingerprint.size()}, out);
  out += ";Subject=";
  append_quoted_dn(identity.subject_dn, out);
  for (const std::string& uri : identity.uri_sans) {
    out += ";URI=";
    append_quoted_name(uri, true, out);
  }
  for (const std::string& name : identity.dns_sans) {
    out += ";DNS=";
    append_quoted_name(name, false, out);
  }
  out += "\r\n";
}

}  // namespace gateway::proxy
