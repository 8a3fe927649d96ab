#include "tls/openssl_error.h"

#include <openssl/err.h>

#include <array>

namespace gateway::tls {

std::string take_openssl_errors() {
  constexpr int kMostErrors = 4;  // more only repeat the first in other words
  std::string text;
  const char* data = nullptr;
  int flags = 0;
  int taken = 0;
  while (const unsigned long code = ERR_get_error_all(nullptr, nullptr, nullptr, &data, &flags)) {
    if (++taken > kMostErrors) continue;
    if (!text.empty()) text += "; ";
    if (const char* reason = ERR_reason_error_string(code)) {
      text += reason;
    } else {
      std::array<char, 128> buffer{};
      ERR_error_string_n(code, buffer.data(), buffer.size());
      text += buffer.data();
    }
    if ((flags & ERR_TXT_STRING) != 0 && data != nullptr && *data != '\0') {
      text += " (";
      text += data;
      text += ')';
    }
  }
  return text;
}

std::unexpected<core::Error> openssl_failure(std::string_view what) {
  std::string detail(what);
  if (const std::string errors = take_openssl_errors(); !errors.empty()) {
    detail += ": ";
    detail += errors;
  }
  return core::fail(core::Reason::internal, core::Side::gateway, std::move(detail));
}

}  // namespace gateway::tls
