#include "gatewayctl/pki_commands.h"

#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <iostream>
#include <nlohmann/json.hpp>
#include <tuple>

#include "gatewayctl/bundle_password.h"

namespace gateway::ctl {
namespace {

using nlohmann::ordered_json;

std::chrono::sys_seconds now() {
  return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
}

ExitCode refused(const Output& output, const pki::Error& error) {
  return report_failure(output, ExitCode::refused, error.message, error.file.string());
}

// Explicit times override the end of the span that `days` gives.
pki::Validity validity_from(const ValidityArguments& arguments, int default_days, std::chrono::sys_seconds at) {
  pki::Validity validity = pki::validity_of_days(at, arguments.days != 0 ? arguments.days : default_days);
  validity.not_before = pki::parse_time(arguments.not_before).value_or(validity.not_before);
  validity.not_after = pki::parse_time(arguments.not_after).value_or(validity.not_after);
  return validity;
}

std::string_view status_word(pki::IndexStatus status) {
  switch (status) {
    case pki::IndexStatus::valid:
      return "valid";
    case pki::IndexStatus::revoked:
      return "revoked";
    case pki::IndexStatus::expired:
      return "expired";
  }
  return "valid";
}

struct Bundle {
  std::filesystem::path file;
  BundlePassword password;
};

void add_bundle(ordered_json& document, const std::optional<Bundle>& bundle) {
  if (!bundle) return;
  document["pkcs12"] = bundle->file.string();
  if (bundle->password.generated) document["password"] = bundle->password.text;
}

std::string to_text(const std::optional<Bundle>& bundle) {
  if (!bundle) return {};
  std::string text = fmt::format("  pkcs12   {}\n", bundle->file.string());
  if (bundle->password.generated) {
    text += fmt::format("  password {} (shown this once; give it away apart from the file)\n", bundle->password.text);
  }
  return text;
}

ExitCode report_issued(const Output& output, std::string_view what, const pki::Issued& issued,
                       const std::optional<Bundle>& bundle = std::nullopt) {
  if (output.json) {
    ordered_json document{{"result", what},
                          {"name", issued.name},
                          {"certificate", issued.certificate.string()},
                          {"key", issued.key.string()},
                          {"serial", issued.serial},
                          {"subject", issued.subject},
                          {"not_before", pki::format_time(issued.validity.not_before)},
                          {"not_after", pki::format_time(issued.validity.not_after)},
                          {"warnings", issued.warnings}};
    add_bundle(document, bundle);
    print_json(output, document);
    return ExitCode::done;
  }
  output.out << fmt::format("{} {}\n  key      {}\n  subject  {}\n  serial   {}\n  valid    {} to {}\n", what,
                            issued.certificate.string(), issued.key.string(), printable(issued.subject), issued.serial,
                            pki::format_time(issued.validity.not_before), pki::format_time(issued.validity.not_after))
             << to_text(bundle);
  for (const std::string& warning : issued.warnings) output.err << "gatewayctl: warning: " << warning << '\n';
  return ExitCode::done;
}

// All that can be known before the bundle is written: a certificate without the bundle that was asked for would be half
// a job.
pki::Result<Bundle> prepare_bundle(const pki::Authority& authority, const std::string& name,
                                   const BundleArguments& arguments) {
  TRY(std::ignore, pki::check_name(name));
  TRY(BundlePassword password, bundle_password(arguments.password_file, std::cin));
  Bundle bundle{.file = arguments.file.empty() ? authority.bundle_path(name) : arguments.file,
                .password = std::move(password)};
  std::error_code error;
  if (std::filesystem::exists(std::filesystem::symlink_status(bundle.file, error))) {
    return pki::refuse("exists already and is never overwritten", bundle.file);
  }
  return bundle;
}

pki::Result<std::filesystem::path> write_bundle(const pki::Authority& authority, const std::string& name,
                                                const BundleArguments& arguments, const Bundle& bundle) {
  return authority.write_bundle({.name = name,
                                 .file = bundle.file,
                                 .password = bundle.password.text,
                                 .cipher = arguments.legacy ? pki::BundleCipher::legacy : pki::BundleCipher::modern});
}

ordered_json to_json(const pki::WrittenCrl& crl) {
  return {{"file", crl.file.string()},
          {"number", crl.number},
          {"this_update", pki::format_time(crl.this_update)},
          {"next_update", pki::format_time(crl.next_update)},
          {"revoked", crl.revoked_count}};
}

std::string to_text(const pki::WrittenCrl& crl) {
  return fmt::format("wrote {}: number {}, {} revoked, next update {}\n", crl.file.string(), crl.number,
                     crl.revoked_count, pki::format_time(crl.next_update));
}

ordered_json to_json(const pki::ListedCertificate& certificate) {
  ordered_json row{{"name", nullptr},
                   {"serial", certificate.serial},
                   {"subject", certificate.subject},
                   {"not_after", pki::format_time(certificate.not_after)},
                   {"status", status_word(certificate.status)}};
  if (!certificate.name.empty()) row["name"] = certificate.name;
  if (certificate.revocation) {
    row["revoked_at"] = pki::format_time(certificate.revocation->time);
    row["reason"] = pki::to_string(certificate.revocation->reason);
  }
  return row;
}

}  // namespace

ExitCode pki_init(const PkiInitArguments& arguments, const Output& output) {
  const auto at = now();
  const auto issued =
      pki::Authority::create(arguments.folder,
                             {.subject = arguments.subject,
                              .key_type = pki::parse_key_type(arguments.key_type).value_or(pki::KeyType::ecdsa_p256),
                              .validity = validity_from(arguments.validity, pki::kDefaultAuthorityDays, at),
                              .crl_days = arguments.crl_days,
                              .parent = arguments.parent,
                              .path_length = arguments.path_length},
                             at);
  if (!issued) return refused(output, issued.error());
  return report_issued(output, "created", *issued);
}

ExitCode pki_issue(const PkiIssueArguments& arguments, const Output& output) {
  const auto at = now();
  auto authority = pki::Authority::open(arguments.folder);
  if (!authority) return refused(output, authority.error());
  std::optional<Bundle> bundle;
  if (arguments.bundle.wanted) {
    auto prepared = prepare_bundle(*authority, arguments.name, arguments.bundle);
    if (!prepared) return refused(output, prepared.error());
    bundle = std::move(*prepared);
  }
  const auto issued =
      authority->issue({.name = arguments.name,
                        .subject = arguments.subject,
                        .alt_names = arguments.alt_names,
                        .server = arguments.server,
                        .client = arguments.client,
                        .key_type = pki::parse_key_type(arguments.key_type).value_or(pki::KeyType::ecdsa_p256),
                        .validity = validity_from(arguments.validity, pki::kDefaultLeafDays, at)},
                       at);
  if (!issued) return refused(output, issued.error());
  if (bundle) {
    if (auto written = write_bundle(*authority, arguments.name, arguments.bundle, *bundle); !written) {
      written.error().message += " (the certificate was issued; `gatewayctl pki export` makes the bundle)";
      return refused(output, written.error());
    }
  }
  return report_issued(output, "issued", *issued, bundle);
}

ExitCode pki_export(const PkiExportArguments& arguments, const Output& output) {
  const auto authority = pki::Authority::open(arguments.folder);
  if (!authority) return refused(output, authority.error());
  const auto bundle = prepare_bundle(*authority, arguments.name, arguments.bundle);
  if (!bundle) return refused(output, bundle.error());
  const auto written = write_bundle(*authority, arguments.name, arguments.bundle, *bundle);
  if (!written) return refused(output, written.error());
  if (output.json) {
    ordered_json document{{"result", "exported"}, {"name", arguments.name}};
    add_bundle(document, *bundle);
    print_json(output, document);
  } else {
    output.out << fmt::format("exported {}\n", arguments.name) << to_text(*bundle);
  }
  return ExitCode::done;
}

ExitCode pki_revoke(const PkiRevokeArguments& arguments, const Output& output) {
  auto authority = pki::Authority::open(arguments.folder);
  if (!authority) return refused(output, authority.error());
  const auto reason = pki::parse_reason(arguments.reason).value_or(pki::RevocationReason::unspecified);
  const auto revoked = authority->revoke(arguments.target, reason, arguments.crl_days, now());
  if (!revoked) return refused(output, revoked.error());
  if (output.json) {
    ordered_json document{{"result", "revoked"},
                          {"name", nullptr},
                          {"serial", revoked->serial},
                          {"reason", pki::to_string(reason)},
                          {"crl", to_json(revoked->crl)}};
    if (!revoked->name.empty()) document["name"] = revoked->name;
    print_json(output, document);
  } else {
    output.out << fmt::format("revoked {} (serial {})\n", arguments.target, revoked->serial) << to_text(revoked->crl);
  }
  return ExitCode::done;
}

ExitCode pki_crl(const PkiCrlArguments& arguments, const Output& output) {
  auto authority = pki::Authority::open(arguments.folder);
  if (!authority) return refused(output, authority.error());
  const auto crl = authority->write_crl(arguments.days, now());
  if (!crl) return refused(output, crl.error());
  if (output.json) {
    ordered_json document{{"result", "written"}};
    document.update(to_json(*crl));
    print_json(output, document);
  } else {
    output.out << to_text(*crl);
  }
  return ExitCode::done;
}

ExitCode pki_list(const std::filesystem::path& folder, const Output& output) {
  const auto authority = pki::Authority::open(folder);
  if (!authority) return refused(output, authority.error());
  const auto listed = authority->list(now());
  if (!listed) return refused(output, listed.error());
  if (output.json) {
    ordered_json rows = ordered_json::array();
    for (const pki::ListedCertificate& certificate : *listed) rows.push_back(to_json(certificate));
    print_json(output, {{"certificates", std::move(rows)}});
    return ExitCode::done;
  }
  std::size_t name_width = 4;
  for (const pki::ListedCertificate& certificate : *listed) name_width = std::max(name_width, certificate.name.size());
  output.out << fmt::format("{:<{}}  {:<7}  {:<20}  {:<32}  {}\n", "NAME", name_width, "STATUS", "NOT AFTER", "SERIAL",
                            "SUBJECT");
  for (const pki::ListedCertificate& certificate : *listed) {
    output.out << fmt::format("{:<{}}  {:<7}  {:<20}  {:<32}  {}\n", certificate.name.empty() ? "-" : certificate.name,
                              name_width, status_word(certificate.status), pki::format_time(certificate.not_after),
                              certificate.serial, printable(certificate.subject));
  }
  return ExitCode::done;
}

}  // namespace gateway::ctl
