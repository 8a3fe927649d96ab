#include "policy/regex_set.h"

#include <re2/re2.h>
#include <re2/set.h>
#include <re2/stringpiece.h>

namespace gateway::policy {
namespace {

constexpr std::int64_t kExpressionBytes = std::int64_t{1} << 20;
constexpr std::int64_t kSetBytes = std::int64_t{16} << 20;

// RE2's own view of a text: a class of its own or Abseil's, and neither is std::string_view where Abseil is built for
// C++14.
re2::StringPiece re2_text(std::string_view text) {
  return {text.data(), text.size()};
}

RE2::Options options_for(Matcher matcher, std::int64_t max_bytes) {
  RE2::Options options;
  options.set_encoding(is_utf8_kind(matcher) ? RE2::Options::EncodingUTF8 : RE2::Options::EncodingLatin1);
  options.set_case_sensitive(matcher != Matcher::dns_san && matcher != Matcher::host);
  options.set_dot_nl(true);
  options.set_log_errors(false);  // RE2 would write to stderr
  options.set_max_mem(max_bytes);
  return options;
}

}  // namespace

bool takes_regex(Matcher matcher) {
  switch (matcher) {
    case Matcher::ip_san:
    case Matcher::source_ip:
    case Matcher::serial:
    case Matcher::fingerprint:
    case Matcher::authenticated:
      return false;
    default:
      return true;
  }
}

bool is_utf8_kind(Matcher matcher) {
  return matcher == Matcher::cn || matcher == Matcher::ou || matcher == Matcher::o || matcher == Matcher::issuer_cn;
}

std::optional<std::string> regex_error(Matcher matcher, std::string_view expression) {
  const RE2 compiled(re2_text(expression), options_for(matcher, kExpressionBytes));
  if (compiled.ok()) return std::nullopt;
  return compiled.error();
}

struct RegexSet::Compiled {
  explicit Compiled(Matcher matcher) : set(options_for(matcher, kSetBytes), RE2::ANCHOR_BOTH) {}
  RE2::Set set;
};

RegexSet::RegexSet(Matcher matcher) : matcher_(matcher) {}
RegexSet::~RegexSet() = default;
RegexSet::RegexSet(RegexSet&&) noexcept = default;
RegexSet& RegexSet::operator=(RegexSet&&) noexcept = default;

PatternId RegexSet::add(std::string_view expression, PatternId fresh) {
  const auto [known, added] = known_.emplace(expression, fresh);
  if (!added) return known->second;
  if (!compiled_) compiled_ = std::make_unique<Compiled>(matcher_);
  std::string error;
  if (compiled_->set.Add(re2_text(expression), &error) == static_cast<int>(ids_.size())) ids_.push_back(fresh);
  return fresh;
}

bool RegexSet::compile() {
  if (!compiled_) return true;
  if (ids_.size() != known_.size() || !compiled_->set.Compile()) return false;
  // RE2 finds only at the first match whether its automaton has room to run.
  std::pmr::vector<PatternId> found;
  return find("", found);
}

bool RegexSet::find(std::string_view value, std::pmr::vector<PatternId>& found) const {
  if (!compiled_) return true;
  std::vector<int> matched;
  RE2::Set::ErrorInfo error{RE2::Set::kNoError};
  if (!compiled_->set.Match(re2_text(value), &matched, &error)) return error.kind == RE2::Set::kNoError;
  for (const int index : matched) found.push_back(ids_[static_cast<std::size_t>(index)]);
  return true;
}

}  // namespace gateway::policy
