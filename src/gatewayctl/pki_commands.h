#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "gatewayctl/output.h"
#include "pki/authority.h"

namespace gateway::ctl {

// `gatewayctl pki ...`: the command line as it was typed; words with a fixed set of values were checked by the caller.
struct ValidityArguments {
  int days = 0;  // 0: the default of the command
  std::string not_before;
  std::string not_after;
};

// `--pkcs12 [FILE] [--password-file FILE] [--legacy]`
struct BundleArguments {
  bool wanted = false;
  std::filesystem::path file;  // empty: beside the certificate
  std::string password_file;   // "-": standard input; empty: a password is made and shown
  bool legacy = false;
};

struct PkiInitArguments {
  std::filesystem::path folder;
  pki::Subject subject;
  std::string key_type = "ecdsa-p256";
  ValidityArguments validity;
  int crl_days = pki::kDefaultCrlDays;
  std::optional<std::filesystem::path> parent;
  std::optional<unsigned> path_length;
};

struct PkiIssueArguments {
  std::filesystem::path folder;
  std::string name;
  pki::Subject subject;
  pki::AltNames alt_names;
  bool server = false;
  bool client = false;
  std::string key_type = "ecdsa-p256";
  ValidityArguments validity;
  BundleArguments bundle;
};

struct PkiExportArguments {
  std::filesystem::path folder;
  std::string name;
  BundleArguments bundle;
};

struct PkiRevokeArguments {
  std::filesystem::path folder;
  std::string target;
  std::string reason = "unspecified";
  int crl_days = pki::kDefaultCrlDays;
};

struct PkiCrlArguments {
  std::filesystem::path folder;
  int days = pki::kDefaultCrlDays;
};

ExitCode pki_init(const PkiInitArguments& arguments, const Output& output);
ExitCode pki_issue(const PkiIssueArguments& arguments, const Output& output);
ExitCode pki_export(const PkiExportArguments& arguments, const Output& output);
ExitCode pki_revoke(const PkiRevokeArguments& arguments, const Output& output);
ExitCode pki_crl(const PkiCrlArguments& arguments, const Output& output);
ExitCode pki_list(const std::filesystem::path& folder, const Output& output);

}  // namespace gateway::ctl
