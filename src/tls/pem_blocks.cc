#include "tls/pem_blocks.h"

#include <openssl/err.h>
#include <openssl/pem.h>

#include <limits>

#include "tls/openssl_error.h"
#include "tls/openssl_ptr.h"

namespace gateway::tls {

bool looks_like_pem(std::string_view bytes) noexcept {
  return bytes.find("-----BEGIN ") != std::string_view::npos;
}

core::Result<std::vector<PemBlock>> parse_pem(std::string_view bytes) {
  if (bytes.size() > static_cast<std::size_t>(std::numeric_limits<int>::max()))
    return openssl_failure("the file is too large");
  const BioPtr in(BIO_new_mem_buf(bytes.data(), static_cast<int>(bytes.size())));
  if (!in) return openssl_failure("no memory for the file");
  std::vector<PemBlock> blocks;
  ERR_clear_error();
  while (true) {
    char* label = nullptr;
    char* header = nullptr;
    unsigned char* data = nullptr;
    long size = 0;
    const int read = PEM_read_bio(in.get(), &label, &header, &data, &size);
    const OpensslBytes<char> label_owner(label);
    const OpensslBytes<char> header_owner(header);
    const OpensslBytes<unsigned char> data_owner(data);
    if (read != 1) break;
    blocks.push_back({label, header, {reinterpret_cast<const char*>(data), static_cast<std::size_t>(size)}});
    OPENSSL_cleanse(data, static_cast<std::size_t>(size));
  }
  // The end of the file reads as an error, too.
  if (ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE) return openssl_failure("a broken PEM block");
  ERR_clear_error();
  return blocks;
}

}  // namespace gateway::tls
