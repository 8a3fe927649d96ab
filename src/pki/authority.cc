#include "pki/authority.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <system_error>
#include <tuple>

#include "pki/revocation_list.h"

namespace gateway::pki {
namespace {

namespace fs = std::filesystem;
using std::chrono::sys_seconds;

constexpr std::size_t kMaxNameBytes = 128;

bool is_taken(const fs::path& path) {
  std::error_code error;
  return fs::symlink_status(path, error).type() != fs::file_type::not_found;
}

Result<Done> check_validity(const Validity& validity) {
  if (validity.not_before < validity.not_after) return Done{};
  return refuse(fmt::format("the validity ends ({}) before it begins ({})", format_time(validity.not_after),
                            format_time(validity.not_before)));
}

// What a certificate of the authority `issuer` may have; it can't outlive the authority, or its chain breaks unnoticed.
Validity bounded_validity(Validity wanted, const Validity& issuer, sys_seconds now,
                          std::vector<std::string>& warnings) {
  if (issuer.not_after <= now) {
    warnings.push_back(fmt::format("the authority itself expired at {}", format_time(issuer.not_after)));
  } else if (wanted.not_after > issuer.not_after) {
    warnings.push_back(
        fmt::format("valid until {} only: then the authority itself expires", format_time(issuer.not_after)));
    wanted.not_after = issuer.not_after;
  }
  return wanted;
}

// The name by which a parent knows the authority in `folder`.
std::string name_of_folder(const fs::path& folder) {
  std::error_code error;
  const fs::path absolute = fs::absolute(folder, error).lexically_normal();
  return (absolute.has_filename() ? absolute : absolute.parent_path()).filename().string();
}

Subject authority_subject(const fs::path& folder, const AuthorityOptions& options) {
  Subject subject = options.subject;
  if (subject.common_name.empty()) subject.common_name = name_of_folder(folder);
  return subject;
}

Result<std::uint64_t> parse_crl_number(std::string_view text, const fs::path& file) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' ')) text.remove_suffix(1);
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, 16);
  if (error != std::errc() || end != text.data() + text.size() || number == std::numeric_limits<std::uint64_t>::max()) {
    return refuse("is not one hexadecimal number of up to 64 bits", file);
  }
  return number;
}

std::string format_crl_number(std::uint64_t number) {
  const std::string digits = fmt::format("{:X}", number);
  return (digits.size() % 2 == 0 ? digits : "0" + digits) + "\n";
}

Result<std::string> unused_serial(const std::vector<IndexRow>& rows) {
  TRY(std::string serial, random_serial());
  const bool used = std::ranges::any_of(rows, [&](const IndexRow& row) { return row.serial == serial; });
  if (used) return refuse("the random generator repeats itself: serial " + serial + " was drawn before");
  return serial;
}

Issued describe(X509* certificate, std::string name, fs::path certificate_file, fs::path key_file) {
  return Issued{.name = std::move(name),
                .serial = serial_of(certificate),
                .subject = subject_of(certificate),
                .validity = validity_of(certificate),
                .certificate = std::move(certificate_file),
                .key = std::move(key_file),
                .warnings = {}};
}

}  // namespace

Result<Done> check_name(std::string_view name) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
           c == '-';
  };
  if (name.empty() || name.size() > kMaxNameBytes || name.front() == '.' || name.front() == '-' ||
      !std::ranges::all_of(name, allowed)) {
    return refuse(
        fmt::format("'{}' is no name for a certificate: expected letters, digits, '.', '_' and '-', "
                    "beginning with none of '.' and '-'",
                    name));
  }
  return Done{};
}

struct Authority::LoadedSigner {
  X509Ptr certificate;
  KeyPtr key;
  [[nodiscard]] Signer signer() const { return {.certificate = certificate.get(), .key = key.get()}; }
};

struct Authority::SignedCrl {
  std::string pem;
  WrittenCrl facts;
};

struct Authority::Request {
  std::string name;
  CertificateSpec spec;
  EVP_PKEY* key = nullptr;
  fs::path key_file;
};

Result<Issued> Authority::create(const fs::path& folder, const AuthorityOptions& options, sys_seconds now) {
  TRY(std::ignore, check_validity(options.validity));
  std::error_code error;
  fs::create_directories(folder / "issued", error);
  if (error) return refuse("cannot create: " + error.message(), folder / "issued");
  TRY(const FolderLock lock, FolderLock::acquire(folder));
  for (const char* file : {"ca.key", "ca.pem", "chain.pem", "index.txt", "crlnumber", "ca.crl"}) {
    if (is_taken(folder / file)) return refuse("exists already and is never overwritten", folder / file);
  }
  TRY(const KeyPtr key, generate_key(options.key_type));
  TRY(const std::string key_pem, key_to_pem(key.get()));
  NewFiles files;
  TRY(std::ignore, files.create(folder / "ca.key", key_pem, kPrivateMode));
  TRY(std::ignore, files.create(folder / "index.txt", "", kPublicMode));
  // Without it openssl-ca refuses a database in which a subject occurs twice.
  if (!is_taken(folder / "index.txt.attr")) {
    TRY(std::ignore, files.create(folder / "index.txt.attr", "unique_subject = no\n", kPublicMode));
  }
  TRY(std::ignore, files.create(folder / "crlnumber", format_crl_number(1), kPublicMode));
  TRY(Issued issued, options.parent ? create_intermediate(folder, options, key.get(), now, files)
                                    : create_root(folder, options, key.get(), files));
  const Authority authority(folder);
  TRY(const SignedCrl crl, authority.sign_crl({}, options.crl_days, now));
  TRY(std::ignore, files.create(folder / "ca.crl", crl.pem, kPublicMode));
  TRY(std::ignore, replace_file(folder / "crlnumber", format_crl_number(crl.facts.number + 1), kPublicMode));
  files.keep();
  return issued;
}

Result<Issued> Authority::create_root(const fs::path& folder, const AuthorityOptions& options, EVP_PKEY* key,
                                      NewFiles& files) {
  TRY(std::string serial, random_serial());
  const CertificateSpec spec{.subject = authority_subject(folder, options),
                             .alt_names = {},
                             .usage = {.authority = true, .path_length = options.path_length},
                             .validity = options.validity,
                             .serial = std::move(serial)};
  TRY(const X509Ptr certificate, sign_certificate(spec, key, {.certificate = nullptr, .key = key}));
  TRY(const std::string pem, certificate_to_pem(certificate.get()));
  TRY(std::ignore, files.create(folder / "ca.pem", pem, kPublicMode));
  return describe(certificate.get(), name_of_folder(folder), folder / "ca.pem", folder / "ca.key");
}

Result<Issued> Authority::create_intermediate(const fs::path& folder, const AuthorityOptions& options, EVP_PKEY* key,
                                              sys_seconds now, NewFiles& files) {
  TRY(Authority parent, open(*options.parent));
  const std::string name = name_of_folder(folder);
  TRY(std::ignore, check_name(name));
  std::error_code error;
  if (fs::equivalent(folder, *options.parent, error)) return refuse("an authority cannot be its own parent", folder);
  TRY(const FolderLock lock, FolderLock::acquire(parent.folder_));
  TRY(const LoadedSigner signer, parent.load_signer());
  const long allowed = X509_get_pathlen(signer.certificate.get());
  const unsigned wanted = options.path_length.value_or(0);
  if (allowed >= 0 && static_cast<long>(wanted) >= allowed) {
    return refuse(fmt::format("allows {} authorities below it (its path length), fewer than this one needs", allowed),
                  parent.folder_ / "ca.pem");
  }
  Request request{.name = name,
                  .spec = {.subject = authority_subject(folder, options),
                           .alt_names = {},
                           .usage = {.authority = true, .path_length = wanted},
                           .validity = options.validity,
                           .serial = {}},
                  .key = key,
                  .key_file = folder / "ca.key"};
  TRY(Issued issued, parent.certify(std::move(request), now, files));
  TRY(const std::string chain, read_file(issued.certificate));
  TRY(const X509Ptr certificate, certificate_from_pem(chain, issued.certificate));
  TRY(const std::string pem, certificate_to_pem(certificate.get()));
  TRY(std::ignore, files.create(folder / "ca.pem", pem, kPublicMode));
  TRY(std::ignore, files.create(folder / "chain.pem", chain, kPublicMode));
  issued.certificate = folder / "ca.pem";
  return issued;
}

Result<Authority> Authority::open(const fs::path& folder) {
  if (!is_taken(folder / "ca.pem"))
    return refuse("does not exist: `gatewayctl pki init` makes an authority", folder / "ca.pem");
  return Authority(folder);
}

Result<Issued> Authority::issue(const IssueOptions& options, sys_seconds now) {
  TRY(std::ignore, check_name(options.name));
  TRY(std::ignore, check_validity(options.validity));
  if (!options.server && !options.client) return refuse("a certificate is for a server, a client or both");
  Request request{.name = options.name,
                  .spec = {.subject = options.subject,
                           .alt_names = options.alt_names,
                           .usage = {.path_length = {}, .server = options.server, .client = options.client},
                           .validity = options.validity,
                           .serial = {}},
                  .key_file = key_path(options.name)};
  CertificateSpec& spec = request.spec;
  if (spec.subject.common_name.empty()) spec.subject.common_name = options.name;
  if (options.server && spec.alt_names.empty()) spec.alt_names = alt_names_from(spec.subject.common_name);
  if (options.server && spec.alt_names.dns.empty() && spec.alt_names.ips.empty()) {
    return refuse(fmt::format("a server certificate needs a DNS name or an IP address, and '{}' is neither",
                              spec.subject.common_name));
  }
  // Before the lock, as an RSA key takes its time.
  TRY(const KeyPtr key, generate_key(options.key_type));
  TRY(const std::string key_pem, key_to_pem(key.get()));
  request.key = key.get();
  TRY(const FolderLock lock, FolderLock::acquire(folder_));
  for (const fs::path& path : {certificate_path(options.name), key_path(options.name)}) {
    if (is_taken(path)) return refuse("exists already and is never overwritten", path);
  }
  NewFiles files;
  TRY(std::ignore, files.create(key_path(options.name), key_pem, kPrivateMode));
  TRY(Issued issued, certify(std::move(request), now, files));
  files.keep();
  return issued;
}

Result<Issued> Authority::certify(Request request, sys_seconds now, NewFiles& files) {
  const fs::path path = certificate_path(request.name);
  if (is_taken(path)) return refuse("exists already and is never overwritten", path);
  TRY(const LoadedSigner signer, load_signer());
  TRY(std::vector<IndexRow> rows, read_index());
  TRY(request.spec.serial, unused_serial(rows));
  std::vector<std::string> warnings;
  request.spec.validity = bounded_validity(request.spec.validity, validity_of(signer.certificate.get()), now, warnings);
  TRY(const X509Ptr certificate, sign_certificate(request.spec, request.key, signer.signer()));
  TRY(std::string pem, certificate_to_pem(certificate.get()));
  TRY(const std::string chain, chain_pem());
  rows.push_back({.not_after = validity_of(certificate.get()).not_after,
                  .revocation = {},
                  .serial = request.spec.serial,
                  .subject = index_subject_of(certificate.get())});
  TRY(std::ignore, write_index(std::move(rows), now));
  TRY(std::ignore, files.create(path, pem + chain, kPublicMode));
  Issued issued = describe(certificate.get(), std::move(request.name), path, std::move(request.key_file));
  issued.warnings = std::move(warnings);
  return issued;
}

Result<Revoked> Authority::revoke(std::string_view target, RevocationReason reason, int crl_days, sys_seconds now) {
  TRY(const FolderLock lock, FolderLock::acquire(folder_));
  TRY(std::vector<IndexRow> rows, read_index());
  TRY(const std::string serial, serial_of_target(target, rows));
  const auto row = std::ranges::find(rows, serial, &IndexRow::serial);
  if (row->status == IndexStatus::revoked) {
    const auto earlier = parse_revocation(row->revocation);
    return refuse(fmt::format("'{}' was revoked already, at {}", target, format_time(earlier ? earlier->time : now)));
  }
  const Revocation revocation{.time = now, .reason = reason};
  row->status = IndexStatus::revoked;
  row->revocation = format_revocation(revocation);
  // The CRL is signed before anything is written: a key that can't be read leaves everything as it was.
  TRY(const SignedCrl crl, sign_crl(rows, crl_days, now));
  TRY(std::ignore, write_index(std::move(rows), now));
  TRY(std::ignore, store_crl(crl));
  const bool by_name = check_name(target) && is_taken(certificate_path(target));
  return Revoked{.name = by_name ? std::string(target) : std::string(),
                 .serial = serial,
                 .revocation = revocation,
                 .crl = crl.facts};
}

Result<WrittenCrl> Authority::write_crl(int days, sys_seconds now) {
  TRY(const FolderLock lock, FolderLock::acquire(folder_));
  TRY(const std::vector<IndexRow> rows, read_index());
  TRY(const SignedCrl crl, sign_crl(rows, days, now));
  TRY(std::ignore, store_crl(crl));
  return crl.facts;
}

fs::path Authority::certificate_path(std::string_view name) const {
  return folder_ / "issued" / (std::string(name) + ".pem");
}

fs::path Authority::key_path(std::string_view name) const {
  return folder_ / "issued" / (std::string(name) + ".key");
}

Result<Authority::LoadedSigner> Authority::load_signer() const {
  TRY(const std::string certificate_pem, read_file(folder_ / "ca.pem"));
  TRY(X509Ptr certificate, certificate_from_pem(certificate_pem, folder_ / "ca.pem"));
  TRY(const std::string key_pem, read_file(folder_ / "ca.key"));
  TRY(KeyPtr key, key_from_pem(key_pem, folder_ / "ca.key"));
  if (X509_check_private_key(certificate.get(), key.get()) != 1) {
    return openssl_failure("is not the key of ca.pem", folder_ / "ca.key");
  }
  return LoadedSigner{.certificate = std::move(certificate), .key = std::move(key)};
}

Result<std::vector<IndexRow>> Authority::read_index() const {
  TRY(const std::string text, read_file(folder_ / "index.txt"));
  return parse_index(text, folder_ / "index.txt");
}

Result<Done> Authority::write_index(std::vector<IndexRow> rows, sys_seconds now) const {
  for (IndexRow& row : rows) {
    if (row.status == IndexStatus::valid && row.not_after < now) row.status = IndexStatus::expired;
  }
  return replace_file(folder_ / "index.txt", format_index(rows), kPublicMode);
}

Result<Authority::SignedCrl> Authority::sign_crl(const std::vector<IndexRow>& rows, int days, sys_seconds now) const {
  TRY(const LoadedSigner signer, load_signer());
  TRY(const std::string text, read_file(folder_ / "crlnumber"));
  TRY(const std::uint64_t number, parse_crl_number(text, folder_ / "crlnumber"));
  const auto span = std::chrono::days{days};
  const CrlSpec spec{.number = number, .this_update = days < 0 ? now + 2 * span : now, .next_update = now + span};
  TRY(std::string pem, sign_revocation_list(spec, rows, signer.signer()));
  const auto revoked = std::ranges::count(rows, IndexStatus::revoked, &IndexRow::status);
  return SignedCrl{.pem = std::move(pem),
                   .facts = {.file = folder_ / "ca.crl",
                             .number = number,
                             .this_update = spec.this_update,
                             .next_update = spec.next_update,
                             .revoked_count = static_cast<std::size_t>(revoked)}};
}

// The number goes first: after a crash in between it is skipped, never used twice.
Result<Done> Authority::store_crl(const SignedCrl& crl) const {
  TRY(std::ignore, replace_file(folder_ / "crlnumber", format_crl_number(crl.facts.number + 1), kPublicMode));
  return replace_file(folder_ / "ca.crl", crl.pem, kPublicMode);
}

Result<std::string> Authority::chain_pem() const {
  if (!is_taken(folder_ / "chain.pem")) return std::string();
  return read_file(folder_ / "chain.pem");
}

Result<std::string> Authority::serial_of_target(std::string_view target, const std::vector<IndexRow>& rows) const {
  const auto known = [&](const std::string& serial) {
    return std::ranges::any_of(rows, [&](const IndexRow& row) { return row.serial == serial; });
  };
  std::optional<std::string> by_name;
  if (check_name(target) && is_taken(certificate_path(target))) {
    TRY(const std::string pem, read_file(certificate_path(target)));
    TRY(const X509Ptr certificate, certificate_from_pem(pem, certificate_path(target)));
    by_name = serial_of(certificate.get());
    if (!known(*by_name)) return refuse("has a certificate that index.txt does not know", certificate_path(target));
  }
  const auto by_serial = canonical_serial(target);
  const bool serial_known = by_serial && known(*by_serial);
  if (by_name && serial_known && *by_name != *by_serial) {
    return refuse(fmt::format("'{}' is the name of one certificate and the serial of another", target));
  }
  if (by_name) return *by_name;
  if (serial_known) return *by_serial;
  return refuse(fmt::format("no certificate has the name or serial '{}'", target), folder_ / "index.txt");
}

}  // namespace gateway::pki
