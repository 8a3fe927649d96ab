#include <openssl/err.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <set>
#include <string>
#include <string_view>

#include "tls/asn1_values.h"
#include "tls/crl_file.h"
#include "tls/pem_blocks.h"

namespace {

using namespace gateway::tls;

// What our walk over the entries takes from a CRL is what OpenSSL's own parser takes: the same serials, nothing more
// and nothing less.
void compare_with_openssl(std::string_view der, const ParsedCrl& ours) {
  const auto* at = reinterpret_cast<const unsigned char*>(der.data());
  const CrlPtr theirs(d2i_X509_CRL(nullptr, &at, static_cast<long>(der.size())));
  if (!theirs || at != reinterpret_cast<const unsigned char*>(der.data()) + der.size()) std::abort();
  std::set<std::string> serials;
  STACK_OF(X509_REVOKED)* entries = X509_CRL_get_REVOKED(theirs.get());
  for (int i = 0; i < sk_X509_REVOKED_num(entries); ++i)
    serials.insert(serial_bytes_of(X509_REVOKED_get0_serialNumber(sk_X509_REVOKED_value(entries, i))));
  if (serials.size() != ours.revoked.size()) std::abort();
  for (const std::string& serial : serials) {
    if (!ours.revoked.contains(serial)) std::abort();
  }
  if (ours.info.this_update != time_of(X509_CRL_get0_lastUpdate(theirs.get()))) std::abort();
  if (X509_NAME_cmp(ours.issuer.get(), X509_CRL_get_issuer(theirs.get())) != 0) std::abort();
  ERR_clear_error();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto file = parse_crl_file(bytes);
  if (!file) {
    if (file.error().detail.empty()) std::abort();
  } else if (!looks_like_pem(bytes)) {
    compare_with_openssl(bytes, (*file)->front());
  }
  if (ERR_peek_error() != 0) std::abort();
  return 0;
}
