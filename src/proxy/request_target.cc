#include "proxy/request_target.h"

#include <algorithm>
#include <array>

#include "core/recycled.h"
#include "proxy/http_head.h"

namespace gateway::proxy {
namespace {

using Failure = std::unexpected<std::string>;

constexpr bool is_unreserved(unsigned char c) {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-' || c == '.' ||
         c == '_' || c == '~';
}

// pchar and "/" of RFC 3986, without "%".
constexpr std::array<bool, 256> kPathBytes = [] {
  std::array<bool, 256> bytes{};
  for (unsigned c = 0; c < bytes.size(); ++c) bytes[c] = is_unreserved(static_cast<unsigned char>(c));
  for (const char c : std::string_view("!$&'()*+,;=:@/")) bytes[static_cast<unsigned char>(c)] = true;
  return bytes;
}();

bool is_path_byte(unsigned char c) {
  return kPathBytes[c];
}

// Whether normalising would leave `path` as it is: nothing is escaped, nothing has to be, and no segment is empty or
// starts with a dot.
bool is_normalised(std::string_view path) {
  char previous = 0;
  for (const char c : path) {
    if (!is_path_byte(static_cast<unsigned char>(c))) return false;
    if (previous == '/' && (c == '/' || c == '.')) return false;
    previous = c;
  }
  return true;
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

void append_escape(unsigned char c, std::string& out) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  out += '%';
  out += kDigits[c >> 4];
  out += kDigits[c & 15];
}

// One spelling for every byte: unreserved ones raw, other path bytes as they came (RFC 3986 section 2.2: decoding those
// would change the meaning), all else escaped in upper case.
std::expected<std::string, std::string> unify_escapes(std::string_view path) {
  std::string out;
  out.reserve(path.size());
  for (std::size_t i = 0; i < path.size(); ++i) {
    const auto raw = static_cast<unsigned char>(path[i]);
    if (raw != '%') {
      if (is_path_byte(raw)) {
        out += path[i];
      } else {
        append_escape(raw, out);
      }
      continue;
    }
    const int high = i + 2 < path.size() ? hex_digit(path[i + 1]) : -1;
    const int low = i + 2 < path.size() ? hex_digit(path[i + 2]) : -1;
    if (high < 0 || low < 0) return Failure("bad escape in the path");
    const auto byte = static_cast<unsigned char>(high * 16 + low);
    if (byte < 0x20 || byte == 0x7f) return Failure("escaped control byte in the path");
    if (byte == '\\') return Failure("escaped backslash in the path");
    if (is_unreserved(byte)) {
      out += static_cast<char>(byte);
    } else {
      append_escape(byte, out);
    }
    i += 2;
  }
  return out;
}

// Applications that cut parameters off a segment (";x") or decode %2F after us would find a dot segment where we see
// none.
bool hides_dot_segment(std::string_view segment) {
  while (true) {
    const std::size_t slash = segment.find("%2F");
    std::string_view part = segment.substr(0, slash);
    const bool whole = slash == std::string_view::npos;
    const std::size_t parameters = std::min(part.find(';'), part.find("%3B"));
    const std::string_view name = part.substr(0, parameters);
    if (name == "." || name == "..") return true;
    if (whole) return false;
    segment.remove_prefix(slash + 3);
  }
}

// RFC 3986 section 5.2.4 on a path that starts with "/", in one pass; `path` has its escapes unified.
std::expected<std::string, std::string> resolve_segments(std::string_view path, bool merge_slashes) {
  std::string out;
  out.reserve(path.size());
  std::size_t position = 1;
  while (position <= path.size()) {
    const std::size_t slash = std::min(path.find('/', position), path.size());
    const std::string_view segment = path.substr(position, slash - position);
    const bool last = slash == path.size();
    position = slash + 1;
    if (segment == "." || segment == "..") {
      if (segment == ".." && !out.empty()) out.resize(out.rfind('/'));
      if (last) out += '/';
    } else if (segment.empty() && merge_slashes) {
      if (last) out += '/';
    } else {
      if (hides_dot_segment(segment)) return Failure("hidden dot segment in the path");
      out += '/';
      out += segment;
    }
  }
  return out;
}

std::expected<void, std::string> check_bytes(std::string_view target) {
  const std::string_view path = target.substr(0, target.find('?'));
  for (const char c : target) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte <= 0x20 || byte >= 0x7f) return Failure("byte that has to be escaped");
    if (c == '#') return Failure("fragment");
  }
  if (path.find('\\') != std::string_view::npos) return Failure("backslash in the path");
  return {};
}

// Takes "http://authority" off an absolute-form target; what remains is empty or starts with "/" or "?".
std::expected<std::string, std::string> take_authority(std::string_view& target) {
  const std::size_t colon = target.find("://");
  if (colon == std::string_view::npos) return Failure("neither a path nor an absolute URI");
  const std::string_view scheme = target.substr(0, colon);
  if (!equal_ignoring_case(scheme, "http") && !equal_ignoring_case(scheme, "https"))
    return Failure("scheme other than http(s)");
  target.remove_prefix(colon + 3);
  const std::string_view authority = target.substr(0, target.find_first_of("/?"));
  if (authority.empty()) return Failure("empty authority");
  if (authority.find('@') != std::string_view::npos) return Failure("user information");
  target.remove_prefix(authority.size());
  return std::string(authority);
}

}  // namespace

void RequestTarget::clear() {
  // Does not compile when a member is added that nobody clears.
  auto& [normalised, question, host_and_port, star, slash] = *this;
  core::clear_for_reuse(normalised);
  core::clear_for_reuse(question);
  core::clear_for_reuse(host_and_port);
  star = slash = false;
}

std::expected<RequestTarget, std::string> parse_request_target(std::string_view method, std::string_view target,
                                                               bool merge_slashes) {
  RequestTarget result;
  if (auto parsed = parse_request_target(method, target, merge_slashes, result); !parsed)
    return Failure(std::move(parsed.error()));
  return result;
}

std::expected<void, std::string> parse_request_target(std::string_view method, std::string_view target,
                                                      bool merge_slashes, RequestTarget& result) {
  result.clear();
  if (target == "*") {
    if (method != "OPTIONS") return Failure("asterisk-form without OPTIONS");
    result.path = "*";
    result.asterisk = true;
    return {};
  }
  if (auto checked = check_bytes(target); !checked) return checked;
  if (!target.starts_with('/')) {
    auto authority = take_authority(target);
    if (!authority) return Failure(std::move(authority.error()));
    result.authority = std::move(*authority);
    if (target.empty() && method == "OPTIONS") {  // RFC 9112 section 3.2.4
      result.path = "*";
      result.asterisk = true;
      return {};
    }
  }
  const std::size_t question = std::min(target.find('?'), target.size());
  result.query = target.substr(question);
  const std::string_view raw_path = target.substr(0, question);
  if (raw_path.empty()) {
    result.path = "/";
    return {};
  }
  if (is_normalised(raw_path)) {
    result.path = raw_path;
    return {};
  }
  auto unified = unify_escapes(raw_path);
  if (!unified) return Failure(std::move(unified.error()));
  auto path = resolve_segments(*unified, merge_slashes);
  if (!path) return Failure(std::move(path.error()));
  result.path = std::move(*path);
  result.encoded_slash = result.path.find("%2F") != std::string::npos;
  return {};
}

}  // namespace gateway::proxy
