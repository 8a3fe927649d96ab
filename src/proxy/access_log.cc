#include "proxy/access_log.h"

#include <algorithm>
#include <array>

#include "proxy/text_encoding.h"

namespace gateway::proxy {
namespace {

// Length of the valid UTF-8 sequence (RFC 3629) at the start of `text`, 0 if there is none.
std::size_t utf8_length(std::string_view text) {
  const auto at = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
  const auto continues = [&](std::size_t i) { return (at(i) & 0xC0U) == 0x80U; };
  const unsigned lead = at(0);
  if (lead >= 0xC2 && lead <= 0xDF) return continues(1) ? 2 : 0;
  if (lead >= 0xE0 && lead <= 0xEF) {
    const bool overlong = lead == 0xE0 && at(1) < 0xA0;
    const bool surrogate = lead == 0xED && at(1) > 0x9F;
    return continues(1) && continues(2) && !overlong && !surrogate ? 3 : 0;
  }
  if (lead >= 0xF0 && lead <= 0xF4) {
    const bool overlong = lead == 0xF0 && at(1) < 0x90;
    const bool too_big = lead == 0xF4 && at(1) > 0x8F;
    return continues(1) && continues(2) && continues(3) && !overlong && !too_big ? 4 : 0;
  }
  return 0;
}

// C1 control characters (U+0080 to U+009F) steer terminals, too.
bool is_c1_control(std::string_view sequence) {
  return sequence.size() == 2 && sequence[0] == '\xC2' && static_cast<unsigned char>(sequence[1]) < 0xA0;
}

void append_byte_escape(unsigned char byte, std::string& out) {
  out += "\\u00";
  append_hex({reinterpret_cast<const char*>(&byte), 1}, out);
}

bool is_plain(char c) {
  return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

// The inside of a JSON string. Valid UTF-8 passes, every other byte becomes \u00XX: a peer can't end the string or the
// line.
void append_escaped(std::string_view text, std::string& out) {
  while (!text.empty()) {
    const auto plain_end = std::find_if_not(text.begin(), text.end(), is_plain);
    out.append(text.begin(), plain_end);
    text.remove_prefix(static_cast<std::size_t>(plain_end - text.begin()));
    if (text.empty()) return;
    const char first = text.front();
    std::size_t length = utf8_length(text);
    if (length > 0 && !is_c1_control(text.substr(0, length))) {
      out += text.substr(0, length);
    } else {
      length = 1;
      if (first == '"' || first == '\\') {
        out += '\\';
        out += first;
      } else {
        append_byte_escape(static_cast<unsigned char>(first), out);
      }
    }
    text.remove_prefix(length);
  }
}

void append_seconds(std::chrono::microseconds duration, std::string& out) {
  const auto micros = static_cast<std::uint64_t>(duration.count() < 0 ? 0 : duration.count());
  append_number(micros / 1'000'000, out);
  std::array<char, 7> fraction{'.'};
  auto rest = micros % 1'000'000;
  for (std::size_t i = fraction.size() - 1; i > 0; --i, rest /= 10) fraction[i] = static_cast<char>('0' + rest % 10);
  out.append(fraction.data(), fraction.size());
}

bool needs_quotes(std::string_view text) {
  for (const char c : text) {
    if (c <= ' ' || c >= 0x7f || c == '"' || c == '\\' || c == '=') return true;
  }
  return false;
}

// One line in the making: JSON members or, in text form, key=value pairs. Empty values are left out.
class Line {
 public:
  Line(LogFormat format, std::string& out) : json_(format == LogFormat::json), out_(out) {
    if (json_) out_ += '{';
  }
  void end() { out_ += json_ ? "}\n" : "\n"; }

  void text(std::string_view key, std::string_view value) { text(key, {}, value); }
  // `kind`, which needs no escapes, stands in front of the value.
  void text(std::string_view key, std::string_view kind, std::string_view value) {
    if (value.empty()) return;
    begin(key);
    const bool quoted = json_ || needs_quotes(value);
    if (quoted) out_ += '"';
    out_ += kind;
    append_escaped(value, out_);
    if (quoted) out_ += '"';
  }
  void fingerprint(const core::Sha256& digest) {
    begin("fingerprint");
    if (json_) out_ += '"';
    out_ += "sha256:";  // as a policy's `fingerprint` takes it
    append_hex({reinterpret_cast<const char*>(digest.data()), digest.size()}, out_);
    if (json_) out_ += '"';
  }
  void number(std::string_view key, std::uint64_t value) {
    begin(key);
    append_number(value, out_);
  }
  void flag(std::string_view key, bool value) {
    begin(key);
    out_ += value ? "true" : "false";
  }
  void seconds(std::string_view key, std::chrono::microseconds value) {
    begin(key);
    append_seconds(value, out_);
  }
  void time(std::chrono::system_clock::time_point value) {
    begin("time");
    if (json_) out_ += '"';
    append_timestamp_micros(value, out_);
    if (json_) out_ += '"';
  }
  void reason(core::Reason value) {
    if (value != core::Reason::none) text("reason", core::to_string(value));
  }
  void begin_object(std::string_view key) {
    if (json_) {
      begin(key);
      out_ += '{';
      first_ = true;
    } else {
      prefix_ = key;
    }
  }
  void end_object() {
    if (json_) out_ += '}';
    prefix_ = {};
    first_ = false;
  }

 private:
  void begin(std::string_view key) {
    if (!first_) out_ += json_ ? ',' : ' ';
    first_ = false;
    if (json_) {
      out_ += '"';
      out_ += key;
      out_ += "\":";
      return;
    }
    if (!prefix_.empty()) {
      out_ += prefix_;
      out_ += '.';
    }
    out_ += key;
    out_ += '=';
  }

  const bool json_;
  std::string& out_;
  std::string_view prefix_;
  bool first_ = true;
};

// The first name of a certificate, with its kind as openssl prints it.
void write_first_san(const core::PeerIdentity& identity, Line& line) {
  if (!identity.uri_sans.empty()) {
    line.text("san", "URI:", identity.uri_sans.front());
  } else if (!identity.dns_sans.empty()) {
    line.text("san", "DNS:", identity.dns_sans.front());
  } else if (!identity.email_sans.empty()) {
    line.text("san", "email:", identity.email_sans.front());
  } else if (!identity.ip_sans.empty()) {
    line.text("san", "IP:", identity.ip_sans.front().to_string());
  }
}

void write_identity(const core::PeerIdentity* identity, Line& line) {
  if (identity == nullptr) return;
  line.begin_object("identity");
  if (!identity->common_names.empty()) line.text("cn", identity->common_names.front());
  write_first_san(*identity, line);
  line.fingerprint(identity->fingerprint);
  line.end_object();
}

}  // namespace

void format_request(const RequestRecord& record, LogFormat format, std::string& out) {
  Line line(format, out);
  line.time(record.time);
  line.text("type", "request");
  line.text("request_id", record.request_id);
  line.text("source_ip", record.source_ip);
  line.number("source_port", record.source_port);
  line.text("listener", record.listener);
  line.text("virtual_host", record.virtual_host);
  line.text("route", record.route);
  line.text("upstream", record.upstream);
  line.text("endpoint", record.endpoint);
  line.text("method", record.method);
  line.text("host", record.host);
  line.text("path", record.path);
  line.text("http_version", record.version_minor == 0 ? "1.0" : "1.1");
  line.number("status", record.status);
  line.number("request_bytes", record.request_bytes);
  line.number("response_bytes", record.response_bytes);
  line.seconds("duration", record.duration);
  if (!record.upstream.empty()) {
    line.seconds("upstream_connect", record.upstream_connect);
    line.seconds("upstream_first_byte", record.upstream_first_byte);
  }
  line.text("tls_version", record.tls_version);
  line.text("tls_cipher", record.tls_cipher);
  line.text("sni", record.sni);
  if (!record.tls_version.empty()) line.flag("resumed", record.resumed);
  line.text("client_auth", record.client_auth);
  write_identity(record.identity, line);
  line.text("policy", record.policy);
  line.text("rule", record.rule);
  line.text("decision", record.decision);
  line.reason(record.reason);
  line.text("detail", record.detail);
  line.end();
}

void format_handshake(const HandshakeRecord& record, LogFormat format, std::string& out) {
  Line line(format, out);
  line.time(record.time);
  line.text("type", "handshake");
  line.text("source_ip", record.source_ip);
  line.number("source_port", record.source_port);
  line.text("listener", record.listener);
  line.text("virtual_host", record.virtual_host);
  line.text("client_auth", record.client_auth);
  line.text("sni", record.sni);
  line.reason(record.reason);
  line.text("detail", record.detail);
  line.text("tls_version", record.tls_version);
  line.text("offered_versions", record.offered_versions);
  line.text("offered_alpn", record.offered_alpn);
  line.text("presented_subject", record.presented_subject);
  line.text("presented_issuer", record.presented_issuer);
  line.seconds("duration", record.duration);
  line.end();
}

void format_connection(const ConnectionRecord& record, LogFormat format, std::string& out) {
  Line line(format, out);
  line.time(record.time);
  line.text("type", "connection");
  line.text("source_ip", record.source_ip);
  line.number("source_port", record.source_port);
  line.text("listener", record.listener);
  line.text("virtual_host", record.virtual_host);
  line.text("client_auth", record.client_auth);
  line.text("sni", record.sni);
  write_identity(record.identity, line);
  line.reason(record.reason);
  line.seconds("duration", record.duration);
  line.end();
}

}  // namespace gateway::proxy
