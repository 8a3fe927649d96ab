#include "pki/pkcs12.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <fstream>
#include <set>

#include "pki/authority.h"
#include "scratch_folder.h"

using namespace gateway::pki;
namespace fs = std::filesystem;

namespace {

std::chrono::sys_seconds now() {
  return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
}

// An authority with the leaf `alice`, below a parent if there is one.
Authority make_authority(const fs::path& folder, const std::optional<fs::path>& parent = {}) {
  REQUIRE(Authority::create(
      folder,
      {.subject = {}, .validity = validity_of_days(now(), kDefaultAuthorityDays), .parent = parent, .path_length = {}},
      now()));
  auto authority = Authority::open(folder);
  REQUIRE(authority);
  REQUIRE(authority->issue({.name = "alice",
                            .subject = {},
                            .alt_names = {},
                            .client = true,
                            .validity = validity_of_days(now(), kDefaultLeafDays)},
                           now()));
  return std::move(*authority);
}

// Whether the openssl program opens it with the first line of `password`.
bool opens(const fs::path& bundle, const fs::path& password) {
  const std::string command =
      "openssl pkcs12 -in " + bundle.string() + " -passin file:" + password.string() + " -nodes >/dev/null 2>&1";
  return std::system(command.c_str()) == 0;  // NOLINT(cert-env33-c): constants and a folder that we made
}

BundleOptions alice(std::string password, fs::path file = {}) {
  return {.name = "alice", .file = std::move(file), .password = std::move(password)};
}

}  // namespace

TEST_CASE("a password that is made has six groups of letters and digits, and none comes twice") {
  std::set<std::string> all;
  for (int i = 0; i < 100; ++i) {
    const auto password = generate_password();
    REQUIRE(password);
    CHECK(password->size() == 29);
    CHECK(password->find_first_not_of("ABCDEFGHJKMNPQRSTVWXYZ0123456789-") == std::string::npos);
    CHECK(check_password(*password));
    all.insert(*password);
  }
  CHECK(all.size() == 100);
}

TEST_CASE("a password is not empty, not endless and without control bytes") {
  CHECK(check_password("pässword with spaces"));
  CHECK(check_password(std::string(256, 'x')));
  CHECK_FALSE(check_password(""));
  CHECK_FALSE(check_password(std::string(257, 'x')));
  CHECK_FALSE(check_password("a\tb"));
  CHECK_FALSE(check_password("a\x7f"));
}

TEST_CASE("a bundle opens with its password only, and only its owner may read it") {
  const ScratchFolder folder;
  const Authority authority = make_authority(folder.path() / "ca");
  std::ofstream(folder.path() / "right") << "the pässword\n";
  std::ofstream(folder.path() / "wrong") << "the password\n";
  for (const BundleCipher cipher : {BundleCipher::modern, BundleCipher::legacy}) {
    BundleOptions options = alice("the pässword", folder.path() / (cipher == BundleCipher::modern ? "a" : "b"));
    options.cipher = cipher;
    const auto written = authority.write_bundle(options);
    REQUIRE_MESSAGE(written, (written ? "" : written.error().message));
    CHECK(opens(*written, folder.path() / "right"));
    CHECK_FALSE(opens(*written, folder.path() / "wrong"));
    CHECK((fs::status(*written).permissions() & fs::perms::mask) == (fs::perms::owner_read | fs::perms::owner_write));
  }
}

TEST_CASE("a bundle is beside its certificate unless said otherwise, and replaces nothing") {
  const ScratchFolder folder;
  const Authority authority = make_authority(folder.path() / "ca");
  const auto written = authority.write_bundle(alice("secret"));
  REQUIRE(written);
  CHECK(*written == folder.path() / "ca/issued/alice.p12");
  const auto again = authority.write_bundle(alice("secret"));
  REQUIRE_FALSE(again);
  CHECK(again.error().message == "exists already and is never overwritten");
  CHECK(again.error().file == *written);
}

TEST_CASE("what can't become a bundle leaves no file behind") {
  const ScratchFolder folder;
  const Authority authority = make_authority(folder.path() / "ca");
  const fs::path file = folder.path() / "out.p12";
  const auto refused = [&](BundleOptions options, std::string_view message) {
    const auto written = authority.write_bundle(options);
    REQUIRE_FALSE(written);
    CHECK(written.error().message.find(message) != std::string::npos);
    CHECK_FALSE(fs::exists(file));
  };
  refused(alice("", file), "there is no password");
  refused({.name = "nobody", .file = file, .password = "x"}, "cannot open");
  refused({.name = "../ca", .file = file, .password = "x"}, "is no name for a certificate");
  const fs::path certificate = folder.path() / "ca/issued/alice.pem";
  fs::copy_file(folder.path() / "ca/ca.pem", certificate, fs::copy_options::overwrite_existing);
  refused(alice("x", file), "is not the certificate of this key");
  std::ofstream(certificate) << "nothing";
  refused(alice("x", file), "holds no certificate");
  std::ofstream(certificate) << "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
  refused(alice("x", file), "holds a certificate that can't be read");
}

TEST_CASE("a bundle holds the intermediates, and not the root") {
  const ScratchFolder folder;
  make_authority(folder.path() / "root");
  const Authority authority = make_authority(folder.path() / "sub", folder.path() / "root");
  std::ofstream(folder.path() / "password") << "secret\n";
  const auto written = authority.write_bundle(alice("secret"));
  REQUIRE(written);
  const fs::path listed = folder.path() / "listed";
  const std::string command = "openssl pkcs12 -in " + written->string() +
                              " -passin file:" + (folder.path() / "password").string() +
                              " -nokeys -cacerts 2>/dev/null | grep ^subject > " + listed.string();
  REQUIRE(std::system(command.c_str()) == 0);  // NOLINT(cert-env33-c): constants and a folder that we made
  std::ifstream file(listed);
  std::string text{std::istreambuf_iterator<char>(file), {}};
  std::erase(text, ' ');  // newer programs print "CN=sub"
  CHECK(text == "subject=CN=sub\n");
}
