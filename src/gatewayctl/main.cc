#include <CLI/CLI.hpp>
#include <functional>
#include <iostream>
#include <string>
#include <vector>

#include "gatewayctl/admin_commands.h"
#include "gatewayctl/check_command.h"
#include "gatewayctl/output.h"
#include "gatewayctl/pki_commands.h"
#include "gatewayctl/revoke_command.h"
#include "gatewayctl/version_command.h"
#include "pki/index_file.h"
#include "pki/private_key.h"
#include "pki/validity.h"

namespace gateway::ctl {
namespace {

// Everything that options are parsed into; one lives as long as the parser.
struct Arguments {
  bool json = false;
  AdminArguments admin;
  std::string timeout;
  std::string wait;
  RevokeArguments revoke;
  std::string check_file;
  PkiInitArguments pki_init;
  PkiIssueArguments pki_issue;
  PkiExportArguments pki_export;
  PkiRevokeArguments pki_revoke;
  PkiCrlArguments pki_crl;
  std::filesystem::path pki_list_folder;
};

// The command that was chosen; set while parsing, run afterwards.
using Command = std::function<ExitCode(const Output&)>;

CLI::Validator time_validator() {
  return CLI::Validator(
      [](std::string& text) {
        return pki::parse_time(text) ? std::string() : "'" + text + "' is neither 2026-10-31 nor 2026-10-31T12:00:00Z";
      },
      "TIME");
}

void add_subject(CLI::App& command, pki::Subject& subject) {
  command.add_option("--cn", subject.common_name, "Common name (default: the name of the certificate)");
  command.add_option("--o", subject.organization, "Organization");
  command.add_option("--ou", subject.organizational_units, "Organizational unit; may be repeated")
      ->allow_extra_args(false);
}

void add_key_type(CLI::App& command, std::string& key_type) {
  std::vector<std::string> words;
  for (const auto& [word, type] : pki::kKeyTypes) words.emplace_back(word);
  command.add_option("--key-type", key_type, "Kind of key")->check(CLI::IsMember(words))->capture_default_str();
}

void add_days(CLI::App& command, const std::string& option, int& days, const std::string& text) {
  command.add_option(option, days, text)
      ->check(
          CLI::Range(-pki::kMaxDays, pki::kMaxDays) &
          CLI::Validator([](std::string& value) { return value == "0" ? "0 days are no time" : std::string(); }, ""))
      ->type_name("N");
}

void add_validity(CLI::App& command, ValidityArguments& validity, int default_days) {
  add_days(command, "--days", validity.days,
           "Valid for so many days (default: " + std::to_string(default_days) + "); negative: expired so long ago");
  command.add_option("--not-before", validity.not_before, "Valid from (UTC)")->check(time_validator());
  command.add_option("--not-after", validity.not_after, "Valid until (UTC)")->check(time_validator());
}

void add_pki_init(CLI::App& pki, Arguments& arguments, Command& chosen) {
  CLI::App* command = pki.add_subcommand("init", "Make a certificate authority in a folder");
  PkiInitArguments& init = arguments.pki_init;
  command->add_option("DIR", init.folder, "Folder of the authority")->required();
  add_subject(*command, init.subject);
  add_key_type(*command, init.key_type);
  add_validity(*command, init.validity, pki::kDefaultAuthorityDays);
  add_days(*command, "--crl-days", init.crl_days, "Validity of the first CRL");
  command->add_option("--parent", init.parent, "Make an intermediate, signed by the authority in this folder");
  command->add_option("--path-length", init.path_length, "How many authorities may follow below this one");
  command->callback([&] { chosen = [&](const Output& output) { return pki_init(init, output); }; });
}

CLI::Option* add_bundle(CLI::App& command, BundleArguments& bundle) {
  CLI::Option* pkcs12 = command.add_option("--pkcs12", bundle.file,
                                           "Write a PKCS#12 bundle of key, certificate and intermediates (default: "
                                           "DIR/issued/NAME.p12)");
  pkcs12->expected(0, 1)->type_name("[FILE]");
  command
      .add_option("--password-file", bundle.password_file,
                  "Take the bundle's password from the first line of this file, - for standard input; without it one "
                  "is made and shown")
      ->type_name("FILE")
      ->needs(pkcs12);
  command
      .add_flag("--legacy", bundle.legacy,
                "Encrypt the bundle with 3DES and SHA-1, for old importers that don't know AES-256 with PBKDF2")
      ->needs(pkcs12);
  return pkcs12;
}

void add_pki_issue(CLI::App& pki, Arguments& arguments, Command& chosen) {
  CLI::App* command = pki.add_subcommand("issue", "Make a key and a certificate");
  PkiIssueArguments& issue = arguments.pki_issue;
  command->add_option("DIR", issue.folder, "Folder of the authority")->required();
  command->add_option("NAME", issue.name, "Name of the files in DIR/issued")->required();
  command->add_flag("--server", issue.server, "For a server (TLS server authentication)");
  command->add_flag("--client", issue.client, "For a client (TLS client authentication)");
  add_subject(*command, issue.subject);
  command->add_option("--dns", issue.alt_names.dns, "DNS name; may be repeated")->allow_extra_args(false);
  command->add_option("--uri", issue.alt_names.uris, "URI; may be repeated")->allow_extra_args(false);
  command->add_option("--email", issue.alt_names.emails, "E-mail address; may be repeated")->allow_extra_args(false);
  command->add_option("--ip", issue.alt_names.ips, "IP address; may be repeated")->allow_extra_args(false);
  add_key_type(*command, issue.key_type);
  add_validity(*command, issue.validity, pki::kDefaultLeafDays);
  const CLI::Option* pkcs12 = add_bundle(*command, issue.bundle);
  command->callback([&, pkcs12] {
    issue.bundle.wanted = pkcs12->count() > 0;
    if (!issue.server && !issue.client) throw CLI::RequiredError("--server or --client");
    chosen = [&](const Output& output) { return pki_issue(issue, output); };
  });
}

void add_pki_export(CLI::App& pki, Arguments& arguments, Command& chosen) {
  CLI::App* command = pki.add_subcommand("export", "Bundle a certificate with its key, for browsers and systems");
  PkiExportArguments& bundle = arguments.pki_export;
  command->add_option("DIR", bundle.folder, "Folder of the authority")->required();
  command->add_option("NAME", bundle.name, "Name of the files in DIR/issued")->required();
  add_bundle(*command, bundle.bundle)->required();
  command->callback([&] { chosen = [&](const Output& output) { return pki_export(bundle, output); }; });
}

void add_pki_revocation(CLI::App& pki, Arguments& arguments, Command& chosen) {
  CLI::App* revoke = pki.add_subcommand("revoke", "Revoke a certificate and write a new CRL");
  PkiRevokeArguments& revocation = arguments.pki_revoke;
  revoke->add_option("DIR", revocation.folder, "Folder of the authority")->required();
  revoke->add_option("NAME", revocation.target, "Name or serial number")->required();
  revoke->add_option("--reason", revocation.reason, "keyCompromise, superseded, ...")
      ->check(CLI::Validator(
          [](std::string& word) { return pki::parse_reason(word) ? std::string() : "unknown reason '" + word + "'"; },
          "REASON"));
  add_days(*revoke, "--days", revocation.crl_days, "Validity of the CRL");
  revoke->callback([&] { chosen = [&](const Output& output) { return pki_revoke(revocation, output); }; });

  CLI::App* crl = pki.add_subcommand("crl", "Write a new CRL");
  crl->add_option("DIR", arguments.pki_crl.folder, "Folder of the authority")->required();
  add_days(*crl, "--days", arguments.pki_crl.days, "Validity of the CRL");
  crl->callback([&] { chosen = [&](const Output& output) { return pki_crl(arguments.pki_crl, output); }; });

  CLI::App* list = pki.add_subcommand("list", "List the certificates");
  list->add_option("DIR", arguments.pki_list_folder, "Folder of the authority")->required();
  list->callback([&] { chosen = [&](const Output& output) { return pki_list(arguments.pki_list_folder, output); }; });
}

CLI::Validator duration_validator() {
  return CLI::Validator(
      [](std::string& word) { return parse_timeout(word) ? std::string() : "'" + word + "' is no time up to 1h"; },
      "TIME");
}

using AdminCommand = std::function<ExitCode(const AdminArguments&, const Output&)>;

CLI::App* add_admin_command(CLI::App& app, Arguments& arguments, Command& chosen, const std::string& name,
                            const std::string& text, const AdminCommand& command) {
  CLI::App* added = app.add_subcommand(name, text);
  added->add_option("--timeout", arguments.timeout, "How long to wait for the daemon: 500ms, 30s, 2m")
      ->check(duration_validator())
      ->default_str("30s");
  added->callback([&arguments, &chosen, command] {
    arguments.admin.timeout = parse_timeout(arguments.timeout).value_or(kDefaultTimeout);
    arguments.admin.wait = parse_timeout(arguments.wait).value_or(std::chrono::milliseconds{0});
    chosen = [&arguments, command](const Output& output) { return command(arguments.admin, output); };
  });
  return added;
}

void add_admin_commands(CLI::App& app, Arguments& arguments, Command& chosen) {
  add_admin_command(app, arguments, chosen, "reload", "Let gatewayd take its config anew", reload)
      ->add_flag_callback("--wait", [] {}, "Wait until all workers have taken it; it always does");
  add_admin_command(app, arguments, chosen, "status", "Show what gatewayd does", status);
  add_admin_command(app, arguments, chosen, "health", "Succeed if gatewayd is ready to serve", health);
  add_admin_command(app, arguments, chosen, "drain", "Announce gatewayd's end: not ready, serving until SIGTERM", drain)
      ->add_option("--wait", arguments.wait, "Then wait so long, for load balancers to notice: 500ms, 10s, 1m")
      ->check(duration_validator());
}

void add_revoke(CLI::App& app, Arguments& arguments, Command& chosen) {
  RevokeArguments& revocation = arguments.revoke;
  CLI::App* command = add_admin_command(
      app, arguments, chosen, "revoke", "Revoke a certificate at gatewayd at once, in an emergency",
      [&revocation](const AdminArguments& admin, const Output& output) { return revoke(admin, revocation, output); });
  CLI::Option* fingerprint = command->add_option("--fingerprint", revocation.fingerprint,
                                                 "sha256: and the SHA-256 of the certificate, a client's or a CA's");
  CLI::Option* serial =
      command->add_option("--serial", revocation.serial, "Its serial number in hex, as openssl x509 -serial prints it");
  CLI::Option* list = command->add_flag("--list", revocation.list, "Show what is revoked so");
  fingerprint->excludes(serial)->excludes(list);
  serial->excludes(list);
  command
      ->add_option("--issuer", revocation.issuer,
                   "Who issued the certificate of --serial: CN=...,O=..., or sha256: and the SHA-256 of the CA's "
                   "certificate; default: any")
      ->needs(serial);
  command->add_option("--comment", revocation.comment, "Why, for the list and the log")->excludes(list);
  command->add_flag("--remove", revocation.remove, "Take the revocation back")->excludes(list);
}

void add_check(CLI::App& app, Arguments& arguments, Command& chosen) {
  CLI::App* command = app.add_subcommand("check", "Check a config as gatewayd would, without a daemon");
  command->add_option("FILE", arguments.check_file, "The config")->required();
  command->callback([&] { chosen = [&](const Output& output) { return check(arguments.check_file, output); }; });
}

int run(int argc, char** argv) {
  CLI::App app("Operates the mTLS gateway", "gatewayctl");
  Arguments arguments;
  Command chosen;
  app.fallthrough();
  app.require_subcommand(1);
  app.add_flag("--json", arguments.json, "Print one JSON document");
  app.add_option("--socket", arguments.admin.socket, "Admin socket of gatewayd")
      ->envname(config::kAdminSocketVariable)
      ->capture_default_str();
  add_admin_commands(app, arguments, chosen);
  add_revoke(app, arguments, chosen);
  add_check(app, arguments, chosen);
  CLI::App* pki = app.add_subcommand("pki", "A small certificate authority");
  pki->require_subcommand(1);
  add_pki_init(*pki, arguments, chosen);
  add_pki_issue(*pki, arguments, chosen);
  add_pki_export(*pki, arguments, chosen);
  add_pki_revocation(*pki, arguments, chosen);
  add_admin_command(app, arguments, chosen, "version", "Print versions, the daemon's too if it runs", print_version);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    // Of a misspelt command CLI11 says only that one is missing.
    if (const auto rest = app.remaining(true);
        dynamic_cast<const CLI::RequiredError*>(&error) != nullptr && !rest.empty() && !rest.front().starts_with('-')) {
      std::cerr << "gatewayctl: no such command: '" << printable(rest.front()) << "'; see --help\n";
      return static_cast<int>(ExitCode::usage);
    }
    const bool asked = app.exit(error) == 0;  // --help
    return static_cast<int>(asked ? ExitCode::done : ExitCode::usage);
  }
  return static_cast<int>(chosen({.out = std::cout, .err = std::cerr, .json = arguments.json}));
}

}  // namespace
}  // namespace gateway::ctl

int main(int argc, char** argv) {
  return gateway::ctl::run(argc, argv);
}
