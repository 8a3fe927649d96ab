#include <cstdint>
#include <cstdlib>
#include <memory_resource>
#include <string>
#include <string_view>
#include <vector>

#include "policy/canonical_value.h"
#include "policy/matcher.h"
#include "policy/pattern.h"
#include "policy/pattern_table.h"

// Input: a byte for the matcher, then a pattern, a newline and a value. Reads the pattern and compares the value with
// it. Beyond not crashing: an exact pattern of a name or a URI matches what it says, and of itself each pattern has one
// id.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace gateway::policy;
  if (size == 0) return 0;
  const auto matcher = static_cast<Matcher>(data[0] % kMatcherCount);
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto newline = text.find('\n');
  const std::string_view written = text.substr(0, newline);
  const std::string_view raw = newline == std::string_view::npos ? written : text.substr(newline + 1);

  const auto pattern = parse_pattern(matcher, written);
  if (!pattern) return 0;
  PatternTable table(matcher);
  if (table.add(*pattern, 0) != 0 || table.add(*pattern, 1) != 0) std::abort();
  if (!table.compile()) return 0;

  const auto matches = [&](std::string_view value) {
    std::pmr::vector<PatternId> found;
    const CanonicalValue canonical(matcher, value);
    table.find(canonical.view(), found);
    if (!table.find_regexes(canonical.view(), found)) std::abort();
    if (const auto address = gateway::core::IpAddress::from_bytes(value)) table.find(*address, found);
    if (found.size() > 1) std::abort();
    return !found.empty();
  };
  matches(raw);
  if (pattern->form == Form::exact && matcher != Matcher::fingerprint && !matches(pattern->text)) std::abort();
  if (pattern->form == Form::label_wildcard && !matches("a." + pattern->text)) std::abort();
  if (pattern->form == Form::label_wildcard && matches("a.b." + pattern->text)) std::abort();
  if (pattern->form == Form::segment_prefix && (!matches(pattern->text + "/") || matches(pattern->text + "x"))) {
    std::abort();
  }
  return 0;
}
