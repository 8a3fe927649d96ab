#include "tls/asn1_values.h"

#include <openssl/bn.h>

#include <ctime>

namespace gateway::tls {
namespace {

// `encode` is one of OpenSSL's i2d functions bound to its object.
template <typename Encode>
std::string encoded(Encode encode) {
  unsigned char* raw = nullptr;
  const int size = encode(&raw);
  const OpensslBytes<unsigned char> owner(raw);
  if (size <= 0 || raw == nullptr) return {};
  return {reinterpret_cast<const char*>(raw), static_cast<std::size_t>(size)};
}

}  // namespace

std::string_view bytes_of(const ASN1_STRING* text) noexcept {
  const int size = ASN1_STRING_length(text);
  if (size <= 0) return {};
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)), static_cast<std::size_t>(size)};
}

std::optional<std::chrono::sys_seconds> time_of(const ASN1_TIME* time) {
  std::tm fields{};
  // A null time would mean "now" to OpenSSL.
  if (time == nullptr || ASN1_TIME_to_tm(time, &fields) != 1) return std::nullopt;
  const std::chrono::year_month_day day(std::chrono::year(fields.tm_year + 1900),
                                        std::chrono::month(static_cast<unsigned>(fields.tm_mon + 1)),
                                        std::chrono::day(static_cast<unsigned>(fields.tm_mday)));
  if (!day.ok()) return std::nullopt;
  return std::chrono::sys_days(day) + std::chrono::hours(fields.tm_hour) + std::chrono::minutes(fields.tm_min) +
         std::chrono::seconds(fields.tm_sec);
}

std::string serial_bytes_of(const ASN1_INTEGER* serial) {
  std::string der = encoded([serial](unsigned char** out) { return i2d_ASN1_INTEGER(serial, out); });
  if (der.size() < 2) return {};
  const auto first_length = static_cast<unsigned char>(der[1]);
  const std::size_t header = 2U + (first_length < 0x80 ? 0U : first_length & 0x7fU);
  return header > der.size() ? std::string() : der.substr(header);
}

std::string serial_hex_of(const ASN1_INTEGER* serial) {
  const BignumPtr number(ASN1_INTEGER_to_BN(serial, nullptr));
  if (!number) return {};
  const OpensslBytes<char> hex(BN_bn2hex(number.get()));
  return hex ? std::string(hex.get()) : std::string();
}

std::string rfc4514_of(const X509_NAME* name) {
  const BioPtr out(BIO_new(BIO_s_mem()));
  // RFC 4514 wants UTF-8 as it is, where RFC 2253's flags would escape every byte above 0x7f.
  constexpr unsigned long kFlags = XN_FLAG_RFC2253 & ~static_cast<unsigned long>(ASN1_STRFLGS_ESC_MSB);
  if (!out || X509_NAME_print_ex(out.get(), name, 0, kFlags) < 0) return {};
  char* text = nullptr;
  const long size = BIO_get_mem_data(out.get(), &text);
  return size > 0 ? std::string(text, static_cast<std::size_t>(size)) : std::string();
}

X509Ptr parse_certificate(const Der& der, OSSL_LIB_CTX* library) {
  X509* certificate = X509_new_ex(library, nullptr);
  if (certificate == nullptr) return nullptr;
  const auto* at = reinterpret_cast<const unsigned char*>(der.data());
  const auto* const end = at + der.size();
  // On failure d2i frees what it was given and nulls the pointer.
  if (d2i_X509(&certificate, &at, static_cast<long>(der.size())) == nullptr) return nullptr;
  X509Ptr owner(certificate);
  return at == end ? std::move(owner) : nullptr;
}

Der der_of(const X509* certificate) {
  return encoded([certificate](unsigned char** out) { return i2d_X509(certificate, out); });
}

Der public_key_der_of(const X509* certificate) {
  return encoded(
      [certificate](unsigned char** out) { return i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), out); });
}

Der name_der_of(const X509_NAME* name) {
  return encoded([name](unsigned char** out) { return i2d_X509_NAME(name, out); });
}

}  // namespace gateway::tls
