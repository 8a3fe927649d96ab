#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "ocsp_fixture.h"
#include "tls/limits.h"
#include "tls/ocsp_response.h"

using namespace gateway::tls;

// A responder, or whoever stands between it and us, may send anything. The key that counts never signed "good" for this
// certificate, so no bytes may give that.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::string issuer = fuzz::from_hex(fuzz::kFuzzIssuer);
  static const std::string leaf = fuzz::from_hex(fuzz::kFuzzLeaf);
  // 2027-02-15, within the seeds' validity.
  constexpr std::chrono::sys_seconds kNow = std::chrono::sys_days(std::chrono::year(2027) / 2 / 15);
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  for (const auto& nonce : {std::string(), std::string(32, 'n')}) {
    const OcspQuestion question{.certificate = leaf, .issuer = issuer, .nonce = nonce, .responder_certificate = {}};
    const auto answer = read_ocsp_response(bytes, question, kNow);
    if (answer && (answer->status == OcspStatus::good || answer->fresh_until > kNow + kOcspMaxReuse)) std::abort();
    if (!answer && answer.error().detail.empty()) std::abort();
  }
  // A client's certificate verified before its URL is looked for, but its extensions are what its CA let pass.
  const std::string certificate(bytes);
  if (const auto url = ocsp_url_of(certificate); url && url->size() > kMaxOcspUrlBytes) std::abort();
  static_cast<void>(
      build_ocsp_request({.certificate = certificate, .issuer = issuer, .nonce = {}, .responder_certificate = {}}));
  return 0;
}
