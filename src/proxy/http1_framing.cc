#include "proxy/http1_framing.h"

#include <charconv>

#include "proxy/http1_grammar.h"

namespace gateway::proxy {
namespace {

// A bigger length is one that some parser takes for a negative one.
constexpr std::uint64_t kMaxContentLength = INT64_MAX;

void take_content_length(std::string_view value, FramingFields& framing) {
  ++framing.content_length_count;
  std::uint64_t length = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), length);
  const bool valid = error == std::errc{} && end == value.data() + value.size() && length <= kMaxContentLength;
  if (!valid) framing.content_length_valid = false;
  framing.content_length = valid ? length : 0;
}

void take_transfer_encoding(std::string_view value, FramingFields& framing) {
  using Coding = FramingFields::Coding;
  if (framing.coding != Coding::none) {
    framing.coding = Coding::malformed;
  } else if (equal_ignoring_case(value, "chunked")) {
    framing.coding = Coding::chunked;
  } else {
    framing.coding = is_token(value) ? Coding::unknown : Coding::malformed;
  }
}

void take_connection(std::string_view list, unsigned& option_count, FramingFields& framing) {
  std::string_view option;
  while (next_list_element(list, option)) {
    if (option.empty()) continue;
    if (!is_token(option) || ++option_count > kMaxConnectionOptions) framing.connection_valid = false;
    if (equal_ignoring_case(option, "close")) framing.close = true;
    if (equal_ignoring_case(option, "keep-alive")) framing.keep_alive = true;
    if (equal_ignoring_case(option, "upgrade")) framing.upgrade = true;
    if (!framing.connection_valid) return;
  }
}

}  // namespace

FramingFields gather_framing(const Fields& fields) {
  FramingFields framing;
  unsigned option_count = 0;
  for (const Field field : fields) {
    // The length tells most fields apart without looking at a byte.
    switch (field.name.size()) {
      case 4:
        if (equal_ignoring_case(field.name, "host")) ++framing.host_count;
        break;
      case 6:
        if (!equal_ignoring_case(field.name, "expect")) break;
        ++framing.expect_count;
        framing.expect_is_continue = equal_ignoring_case(field.value, "100-continue");
        break;
      case 7:
        if (!equal_ignoring_case(field.name, "upgrade")) break;
        ++framing.upgrade_count;
        framing.upgrade_is_websocket = equal_ignoring_case(field.value, "websocket");
        break;
      case 10:
        if (equal_ignoring_case(field.name, "connection")) take_connection(field.value, option_count, framing);
        break;
      case 14:
        if (equal_ignoring_case(field.name, "content-length")) take_content_length(field.value, framing);
        break;
      case 17:
        if (equal_ignoring_case(field.name, "transfer-encoding")) take_transfer_encoding(field.value, framing);
        break;
      default:
        break;
    }
  }
  return framing;
}

}  // namespace gateway::proxy
