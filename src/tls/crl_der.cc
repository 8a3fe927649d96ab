#include "tls/crl_der.h"

#include <cstddef>
#include <string>

#include "tls/der_reader.h"

namespace gateway::tls {
namespace {

constexpr unsigned char kDerExtensions = 0xa0;  // crlExtensions [0] EXPLICIT
constexpr std::string_view kNotDer = "a list of revoked certificates that is not DER";

// Content bytes of RFC 5280's OIDs 2.5.29.21, .24 and .29.
constexpr std::string_view kReasonCode = "\x55\x1d\x15";
constexpr std::string_view kInvalidityDate = "\x55\x1d\x18";
constexpr std::string_view kCertificateIssuer = "\x55\x1d\x1d";

bool is_time(const DerReader& reader) {
  return reader.sees(kDerUtcTime) || reader.sees(kDerGeneralizedTime);
}

// X.690 section 8.3.2: the shortest form, which is what serials are compared in.
bool is_integer(std::string_view content) {
  if (content.empty()) return false;
  if (content.size() == 1) return true;
  const auto first = static_cast<unsigned char>(content[0]);
  const bool next_is_negative = (static_cast<unsigned char>(content[1]) & 0x80U) != 0;
  return !(first == 0x00 && !next_is_negative) && !(first == 0xff && next_is_negative);
}

// Extension ::= SEQUENCE { extnID, critical BOOLEAN DEFAULT FALSE, extnValue }. Returns what is wrong, or "".
std::string_view check_extension(std::string_view content) {
  DerReader reader(content);
  const auto oid = reader.take(kDerOid);
  if (!oid) return kNotDer;
  bool is_critical = false;
  if (reader.sees(kDerBoolean)) {
    const auto critical = reader.take(kDerBoolean);
    if (!critical || critical->size() != 1) return kNotDer;
    is_critical = critical->front() != 0;
  }
  if (!reader.take(kDerOctetString) || !reader.at_end()) return kNotDer;
  // Such an entry, and each after it, is of another issuer.
  if (*oid == kCertificateIssuer) return "an entry of another issuer (an indirect CRL)";
  if (is_critical && *oid != kReasonCode && *oid != kInvalidityDate) {
    return "an entry with an unknown critical extension";
  }
  return "";
}

std::string_view check_extensions(std::string_view content) {
  for (DerReader reader(content); !reader.at_end();) {
    const auto extension = reader.take(kDerSequence);
    if (!extension) return kNotDer;
    if (const auto wrong = check_extension(*extension); !wrong.empty()) return wrong;
  }
  return "";
}

// The serial of the next entry: SEQUENCE { userCertificate, revocationDate, crlEntryExtensions OPTIONAL }. Whatever its
// date or reason, it is revoked.
std::expected<std::string_view, std::string_view> read_entry(DerReader& entries) {
  const auto entry = entries.take(kDerSequence);
  if (!entry) return std::unexpected(kNotDer);
  DerReader reader(*entry);
  const auto serial = reader.take(kDerInteger);
  if (!serial || !is_integer(*serial)) return std::unexpected(kNotDer);
  if (!is_time(reader) || !reader.next()) return std::unexpected(kNotDer);
  if (reader.sees(kDerSequence)) {
    const auto extensions = reader.take(kDerSequence);
    if (!extensions) return std::unexpected(kNotDer);
    if (const auto wrong = check_extensions(*extensions); !wrong.empty()) return std::unexpected(wrong);
  }
  if (!reader.at_end()) return std::unexpected(kNotDer);
  if (serial->size() > SerialSet::kMaxSerialBytes) return std::unexpected("an overlong serial");
  return *serial;
}

}  // namespace

std::optional<CrlParts> split_crl(std::string_view der) {
  DerReader file(der);
  const auto list = file.take(kDerSequence);
  if (!list || !file.at_end()) return std::nullopt;
  DerReader outer(*list);
  const auto tbs = outer.next();
  if (!tbs || tbs->tag != kDerSequence) return std::nullopt;

  // TBSCertList: version OPTIONAL, signature, issuer, thisUpdate, nextUpdate OPTIONAL, revokedCertificates OPTIONAL.
  DerReader reader(tbs->content);
  if (reader.sees(kDerInteger) && !reader.next()) return std::nullopt;
  const auto signed_algorithm = reader.next();
  const auto algorithm = outer.next();
  if (!signed_algorithm || !algorithm || !reader.take(kDerSequence)) return std::nullopt;
  if (!is_time(reader) || !reader.next()) return std::nullopt;
  if (is_time(reader) && !reader.next()) return std::nullopt;
  CrlParts parts{.tbs = tbs->whole,
                 .signed_algorithm = signed_algorithm->whole,
                 .algorithm = algorithm->whole,
                 .entries = {},
                 .header = {}};
  std::string rest(tbs->content);
  if (reader.sees(kDerSequence)) {
    const auto revoked = reader.next();
    if (!revoked) return std::nullopt;
    parts.entries = revoked->content;
    const auto before = static_cast<std::size_t>(revoked->whole.data() - tbs->content.data());
    rest.assign(tbs->content.substr(0, before)).append(tbs->content.substr(before + revoked->whole.size()));
  }
  // Extensions at most: a second list would be taken for the first one by whoever reads the rest.
  if (!reader.at_end() && !reader.sees(kDerExtensions)) return std::nullopt;
  parts.header = der_value(kDerSequence, der_value(kDerSequence, rest).append(list->substr(tbs->whole.size())));
  return parts;
}

std::expected<SerialSet, std::string_view> read_crl_entries(std::string_view entries) {
  std::size_t count = 0;
  std::size_t bytes = 0;
  for (DerReader reader(entries); !reader.at_end(); ++count) {
    const auto serial = read_entry(reader);
    if (!serial) return std::unexpected(serial.error());
    bytes += serial->size();
  }
  SerialSet revoked(count, bytes);
  for (DerReader reader(entries); !reader.at_end();) {
    const auto serial = read_entry(reader);
    if (!serial || !revoked.insert(*serial)) return std::unexpected("more serials than can be held");
  }
  return revoked;
}

}  // namespace gateway::tls
