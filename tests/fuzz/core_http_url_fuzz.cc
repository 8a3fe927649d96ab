// A URL that was taken is taken again as written, to the same end; what it resolves to is one as well, and no byte in
// it could end a line or a word of a request.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "core/http_url.h"

namespace {

void check(const gateway::core::HttpUrl& url) {
  if (gateway::core::HttpUrl::parse(url.text()) != url) std::abort();
  if (!url.target.starts_with('/') || url.host.empty() || url.port == 0) std::abort();
  for (const char c : url.host + url.target) {
    if (c <= ' ' || c > '~') std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using gateway::core::HttpUrl;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto line = text.find('\n');
  const auto url = HttpUrl::parse(text.substr(0, line));
  if (url && url->text().size() <= HttpUrl::kMaxBytes) check(*url);
  const auto base = url && line != std::string_view::npos ? *url : *HttpUrl::parse("http://crl.example:81/a/b?c");
  const auto resolved = base.resolve(line == std::string_view::npos ? text : text.substr(line + 1));
  if (resolved && resolved->text().size() <= HttpUrl::kMaxBytes) check(*resolved);
  return 0;
}
