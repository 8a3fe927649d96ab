#include "tls/ocsp_request.h"

#include <openssl/rand.h>

#include <algorithm>
#include <array>

#include "tls/asn1_values.h"
#include "tls/limits.h"
#include "tls/openssl_error.h"

namespace gateway::tls {
namespace {

bool is_usable_url(std::string_view url) {
  constexpr std::string_view kScheme = "http://";
  if (url.size() <= kScheme.size() || url.size() > kMaxOcspUrlBytes) return false;
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; };
  for (std::size_t i = 0; i < kScheme.size(); ++i) {
    if (lower(url[i]) != kScheme[i]) return false;
  }
  return std::ranges::all_of(url, [](char c) { return c > 0x20 && c < 0x7f; });
}

}  // namespace

std::string make_ocsp_nonce() {
  std::array<unsigned char, 32> bytes{};
  if (RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1) return {};
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

core::Result<std::string> build_ocsp_request(const OcspQuestion& question) {
  const X509Ptr certificate = parse_certificate(question.certificate, nullptr);
  const X509Ptr issuer = parse_certificate(question.issuer, nullptr);
  if (!certificate || !issuer) return openssl_failure("no certificate to ask an OCSP responder about");
  const OcspRequestPtr request(OCSP_REQUEST_new());
  OcspCertIdPtr id(OCSP_cert_to_id(EVP_sha1(), certificate.get(), issuer.get()));
  if (!request || !id || OCSP_request_add0_id(request.get(), id.get()) == nullptr) {
    return openssl_failure("no OCSP request");
  }
  static_cast<void>(id.release());  // the request's now
  if (!question.nonce.empty()) {
    std::string nonce = question.nonce;
    if (OCSP_request_add1_nonce(request.get(), reinterpret_cast<unsigned char*>(nonce.data()),
                                static_cast<int>(nonce.size())) != 1) {
      return openssl_failure("no nonce for an OCSP request");
    }
  }
  unsigned char* raw = nullptr;
  const int size = i2d_OCSP_REQUEST(request.get(), &raw);
  const OpensslBytes<unsigned char> owner(raw);
  if (size <= 0) return openssl_failure("no OCSP request");
  return std::string(reinterpret_cast<const char*>(raw), static_cast<std::size_t>(size));
}

std::optional<std::string> ocsp_url_of(const Der& certificate) {
  const X509Ptr parsed = parse_certificate(certificate, nullptr);
  const AccessDescriptionsPtr access(
      parsed ? static_cast<AUTHORITY_INFO_ACCESS*>(X509_get_ext_d2i(parsed.get(), NID_info_access, nullptr, nullptr))
             : nullptr);
  take_openssl_errors();
  if (!access) return std::nullopt;
  for (int i = 0; i < sk_ACCESS_DESCRIPTION_num(access.get()); ++i) {
    const ACCESS_DESCRIPTION* entry = sk_ACCESS_DESCRIPTION_value(access.get(), i);
    if (OBJ_obj2nid(entry->method) != NID_ad_OCSP || entry->location->type != GEN_URI) continue;
    const std::string_view url = bytes_of(entry->location->d.uniformResourceIdentifier);
    if (is_usable_url(url)) return std::string(url);
  }
  return std::nullopt;
}

}  // namespace gateway::tls
