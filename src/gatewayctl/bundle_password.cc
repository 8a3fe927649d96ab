#include "gatewayctl/bundle_password.h"

#include <algorithm>
#include <tuple>

#include "pki/pkcs12.h"
#include "pki/safe_file.h"

namespace gateway::ctl {
namespace {

pki::Result<std::string> text_of(const std::string& source, std::istream& input) {
  if (source != "-") return pki::read_file(source);
  std::string line;
  std::getline(input, line);
  return line;
}

}  // namespace

pki::Result<BundlePassword> bundle_password(const std::string& source, std::istream& input) {
  if (source.empty()) {
    TRY(std::string drawn, pki::generate_password());
    return BundlePassword{.text = std::move(drawn), .generated = true};
  }
  TRY(std::string text, text_of(source, input));
  text.resize(std::min(text.find('\n'), text.size()));
  if (text.ends_with('\r')) text.pop_back();
  if (const auto checked = pki::check_password(text); !checked) {
    return pki::refuse(checked.error().message, source == "-" ? "standard input" : source);
  }
  return BundlePassword{.text = std::move(text)};
}

}  // namespace gateway::ctl
