#include "policy/canonical_value.h"

#include <algorithm>

namespace gateway::policy {
namespace {

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

}  // namespace

CanonicalValue::CanonicalValue(Matcher matcher, std::string_view raw) : view_(raw) {
  switch (matcher) {
    case Matcher::dns_san:
    case Matcher::host:
      fold(raw, 0);
      break;
    case Matcher::email_san:
      if (const auto at = raw.rfind('@'); at != std::string_view::npos) fold(raw, at + 1);
      break;
    case Matcher::serial:
      view_.remove_prefix(std::min(raw.find_first_not_of('0'), raw.size()));
      if (view_.empty() && !raw.empty()) view_ = raw.substr(raw.size() - 1);
      break;
    default:
      break;
  }
}

void CanonicalValue::fold(std::string_view raw, std::size_t from) {
  if (raw.size() > from + 1 && raw.ends_with('.')) raw.remove_suffix(1);
  char* target = short_.data();
  if (raw.size() > short_.size()) {
    long_.resize(raw.size());
    target = long_.data();
  }
  std::copy_n(raw.data(), from, target);
  std::transform(raw.begin() + static_cast<std::ptrdiff_t>(from), raw.end(), target + from, lower);
  view_ = {target, raw.size()};
}

}  // namespace gateway::policy
