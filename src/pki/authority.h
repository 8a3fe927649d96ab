#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pki/certificate.h"
#include "pki/error.h"
#include "pki/index_file.h"
#include "pki/pkcs12.h"
#include "pki/private_key.h"
#include "pki/safe_file.h"

namespace gateway::pki {

struct AuthorityOptions {
  Subject subject;  // a missing common name is the folder's name
  KeyType key_type = KeyType::ecdsa_p256;
  Validity validity;
  int crl_days = kDefaultCrlDays;
  // The folder of the authority that signs this one; without it this is a self-signed root.
  std::optional<std::filesystem::path> parent;
  // How many authorities may follow below. A root that says nothing has no bound, an intermediate may have none below
  // it.
  std::optional<unsigned> path_length;
};

struct IssueOptions {
  std::string name;  // of the files; letters, digits, '.', '_', '-'
  Subject subject;   // a missing common name is `name`
  AltNames alt_names;
  bool server = false;
  bool client = false;
  KeyType key_type = KeyType::ecdsa_p256;
  Validity validity;
};

// A certificate just made: of a leaf or of an authority.
struct Issued {
  std::string name;
  std::string serial;
  std::string subject;  // RFC 4514
  Validity validity;
  std::filesystem::path certificate;
  std::filesystem::path key;
  std::vector<std::string> warnings;
};

// A PKCS#12 bundle of a certificate in issued/, with its key and the intermediates above it: what browsers and
// operating systems import.
struct BundleOptions {
  std::string name;
  std::filesystem::path file;  // empty: issued/NAME.p12
  std::string password;
  BundleCipher cipher = BundleCipher::modern;
};

struct WrittenCrl {
  std::filesystem::path file;
  std::uint64_t number = 0;
  std::chrono::sys_seconds this_update{};
  std::chrono::sys_seconds next_update{};
  std::size_t revoked_count = 0;
};

struct Revoked {
  std::string name;  // empty if no file in issued/ has this serial
  std::string serial;
  Revocation revocation;
  WrittenCrl crl;
};

struct ListedCertificate {
  std::string name;  // empty if no file in issued/ has this serial
  std::string serial;
  std::string subject;  // RFC 4514 if the file is there, else as in index.txt
  std::chrono::sys_seconds not_after{};
  IndexStatus status = IndexStatus::valid;  // by the clock, whatever index.txt still says
  std::optional<Revocation> revocation;
};

// Whether `name` can be that of files in issued/.
Result<Done> check_name(std::string_view name);

// A small certificate authority in a folder, for operators, demos and tests. The folder is readable to openssl:
//   ca.pem, ca.key (0600)      the authority itself
//   chain.pem                  only below a parent: this certificate and those between it and the root
//   issued/NAME.pem, NAME.key  the leaf and the intermediates above it; the key is 0600
//   issued/NAME.p12            the same as a bundle, if it was asked for; 0600
//   ca.crl, crlnumber          the newest CRL and the number of the next
//   index.txt, index.txt.attr  the openssl-ca database
// No key and no certificate is ever overwritten. Writers of one folder take turns (also as processes); every file is
// replaced as a whole. A certificate is in index.txt before it is in issued/, so none exists that can't be revoked.
class Authority {
 public:
  // Makes the folder, or fills one that has no authority yet, and writes a first, empty CRL.
  static Result<Issued> create(const std::filesystem::path& folder, const AuthorityOptions& options,
                               std::chrono::sys_seconds now);
  // Fails if there is no authority in `folder`; reads the key only when something is to be signed.
  static Result<Authority> open(const std::filesystem::path& folder);

  Result<Issued> issue(const IssueOptions& options, std::chrono::sys_seconds now);
  // Writes a new file (0600), never over another one; returns its path.
  [[nodiscard]] Result<std::filesystem::path> write_bundle(const BundleOptions& options) const;
  // Where write_bundle() puts one that has no file of its own.
  [[nodiscard]] std::filesystem::path bundle_path(std::string_view name) const;
  // `target` is a name in issued/ or a serial. Writes a new CRL, too.
  Result<Revoked> revoke(std::string_view target, RevocationReason reason, int crl_days, std::chrono::sys_seconds now);
  Result<WrittenCrl> write_crl(int days, std::chrono::sys_seconds now);
  // In the order of index.txt: oldest first.
  [[nodiscard]] Result<std::vector<ListedCertificate>> list(std::chrono::sys_seconds now) const;

 private:
  struct LoadedSigner;
  struct SignedCrl;
  struct Request;

  explicit Authority(std::filesystem::path folder) : folder_(std::move(folder)) {}

  [[nodiscard]] std::filesystem::path certificate_path(std::string_view name) const;
  [[nodiscard]] std::filesystem::path key_path(std::string_view name) const;
  [[nodiscard]] Result<LoadedSigner> load_signer() const;
  [[nodiscard]] Result<std::vector<IndexRow>> read_index() const;
  Result<Done> write_index(std::vector<IndexRow> rows, std::chrono::sys_seconds now) const;
  // Signs, notes it in index.txt and writes issued/NAME.pem. The folder must be locked.
  Result<Issued> certify(Request request, std::chrono::sys_seconds now, NewFiles& files);
  [[nodiscard]] Result<SignedCrl> sign_crl(const std::vector<IndexRow>& rows, int days,
                                           std::chrono::sys_seconds now) const;
  [[nodiscard]] Result<Done> store_crl(const SignedCrl& crl) const;
  [[nodiscard]] Result<std::string> chain_pem() const;
  [[nodiscard]] Result<std::string> serial_of_target(std::string_view target, const std::vector<IndexRow>& rows) const;

  static Result<Issued> create_root(const std::filesystem::path& folder, const AuthorityOptions& options, EVP_PKEY* key,
                                    NewFiles& files);
  static Result<Issued> create_intermediate(const std::filesystem::path& folder, const AuthorityOptions& options,
                                            EVP_PKEY* key, std::chrono::sys_seconds now, NewFiles& files);

  std::filesystem::path folder_;
};

}  // namespace gateway::pki
