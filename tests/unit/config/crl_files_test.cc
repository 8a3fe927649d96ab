#include <doctest/doctest.h>
#include <fmt/format.h>

#include "config_folder.h"
#include "tls/crl_index.h"

namespace gateway::config {
namespace {

namespace fs = std::filesystem;

// A host for each of `sets`.
std::string config_of(const std::vector<std::string>& sets) {
  std::string text = "listeners: [{bind: 127.0.0.1:8443}]\ntrust:\n";
  for (std::size_t i = 0; i < sets.size(); ++i) text += fmt::format("  t{}: {{ca: pki/ca.pem, {}}}\n", i, sets[i]);
  text += "virtual_hosts:\n";
  for (std::size_t i = 0; i < sets.size(); ++i) {
    text += fmt::format(
        "  - {{name: v{0}, hosts: [v{0}.example.com], tls: {{certificate: pki/issued/server.pem, key: "
        "pki/issued/server.key, trust: t{0}}}, routes: [{{path: /*, respond: echo}}]}}\n",
        i);
  }
  return text;
}

struct CrlFolder : ConfigFolder {
  CrlFolder() {
    fs::create_directory(path() / "crls");
    copy("pki/ca.crl", "crls/a.crl");
  }
  void copy(const char* from, const char* to) const { fs::copy_file(path() / from, path() / to); }
  [[nodiscard]] LoadResult load_with(LoadMemory& memory, std::string_view yaml) const {
    write("gateway.yaml", yaml);
    return config::load((path() / "gateway.yaml").string(), 1, memory, environment_of({}));
  }
};

std::size_t crls_of(const LoadedConfig& config) {
  return config.snapshot->virtual_hosts.at(0).tls->trust->crls->describe().size();
}

const WatchedFile* watched(const LoadResult& result, const fs::path& path) {
  for (const WatchedFile& file : result.watched_files) {
    if (file.path == path) return &file;
  }
  return nullptr;
}

TEST_CASE("a URL is fetched by somebody else: a load reads the copy, warns of a missing one, and names what to fetch") {
  const CrlFolder folder;
  const std::string url = "http://crl.example/ca.crl";
  const std::string yaml =
      "state_directory: state\n" +
      config_of({fmt::format("crl: \"{}\", revocation: {{refresh: 2h}}", url), fmt::format("crl: \"{}\"", url)});
  const LoadedConfig none = folder.good(yaml);
  REQUIRE(none.crl_sources.size() == 1);
  const CrlSource& source = none.crl_sources[0];
  CHECK(source.url.text() == url);
  CHECK_MESSAGE(source.refresh == std::chrono::hours(1), "the shortest");
  CHECK(source.issuers == none.snapshot->virtual_hosts.at(0).tls->trust->anchors);
  CHECK_FALSE(source.take_unproven);
  CHECK(none.snapshot->virtual_hosts.at(0).tls->trust->crls_pending);
  CHECK(folder.findings(yaml).find(
            "has not been fetched yet: until it is there every client of trust set 't0' is refused "
            "(crl_missing)") != std::string::npos);

  const fs::path copy = folder.path() / "state" / source.file;
  fs::create_directories(copy.parent_path());
  fs::copy_file(folder.path() / "pki/ca.crl", copy);
  const LoadedConfig some = folder.good(yaml);
  CHECK_FALSE(some.snapshot->virtual_hosts.at(0).tls->trust->crls_pending);
  CHECK(crls_of(some) == 1);
  CHECK(some.crl_sources == none.crl_sources);
  CHECK(describe_changes(none, some) ==
        std::vector<std::string>{"trust set t0: CRLs changed", "trust set t1: CRLs changed"});

  std::string often = yaml;
  const LoadedConfig other = folder.good(often.replace(often.find("refresh: 2h"), 11, "refresh: 9m"));
  CHECK(describe_changes(some, other) == std::vector<std::string>{"URLs of CRLs changed"});
}

TEST_CASE("a URL's copy that is not by a CA of the set counts only where every issuer needs a CRL") {
  const CrlFolder folder;
  const std::string crl = "crl: [pki/ca.crl, \"http://crl.example/ca.crl\"]";
  const std::string lax = "state_directory: state\n" + config_of({crl});
  const std::string strict = "state_directory: state\n" + config_of({crl + ", revocation: {require: true}"});
  const fs::path copy = folder.path() / "state" / folder.good(lax).crl_sources.at(0).file;
  fs::create_directories(copy.parent_path());
  fs::copy_file(folder.path() / "pki/other/ca.crl", copy);
  CHECK(folder.good(lax).snapshot->virtual_hosts.at(0).tls->trust->crls_pending);
  CHECK_FALSE(folder.good(strict).snapshot->virtual_hosts.at(0).tls->trust->crls_pending);
  CHECK(folder.good(strict).crl_sources.at(0).take_unproven);
}

TEST_CASE("of a folder every file is a CRL, but what begins with a dot") {
  const CrlFolder folder;
  const std::string yaml = config_of({"crl: crls"});
  folder.copy("pki/other/ca.crl", "crls/b.crl");
  folder.write("crls/.unfinished", "half a C");
  fs::create_directory(folder.path() / "crls/subfolder");
  folder.write("crls/subfolder/other", "not looked at");
  CHECK(crls_of(folder.good(yaml)) == 2);
  // Named twice, it is the same.
  CHECK(crls_of(folder.good(config_of({"crl: [crls, crls/a.crl]"}))) == 2);
  folder.write("crls/c.crl", "nonsense");
  CHECK(folder.findings(yaml).starts_with("3:29: error: 'crls/c.crl' can't be used: not a CRL"));
  folder.write("crls/d.crl", "nonsense");
  CHECK(folder.findings(yaml).find("'crls/d.crl'") != std::string::npos);
}

TEST_CASE("a folder that is empty, or holds too much, is refused") {
  const CrlFolder folder;
  fs::create_directory(folder.path() / "empty");
  CHECK(folder.findings(config_of({"crl: empty"})) == "3:29: error: folder 'empty' holds no CRL\n");
  fs::create_directory(folder.path() / "full");
  for (int i = 0; i < 1025; ++i) fs::create_symlink("nothing", folder.path() / "full" / std::to_string(i));
  CHECK(folder.findings(config_of({"crl: full"})) == "3:29: error: folder 'full' holds more than 1024 files\n");
  CHECK(folder.findings(config_of({"crl: nowhere"})).find("No such file or directory") != std::string::npos);
  fs::create_symlink("nothing", folder.path() / "crls/dangling");
  CHECK(folder.findings(config_of({"crl: crls"})).find("dangling': No such file or directory") != std::string::npos);
}

TEST_CASE("a folder is watched for its names, and its files for themselves") {
  const CrlFolder folder;
  const LoadResult result = folder.load(config_of({"crl: crls", "crl: [crls]"}));
  REQUIRE(result.config);
  const WatchedFile* crls = watched(result, folder.path() / "crls");
  REQUIRE(crls != nullptr);
  CHECK(crls->is_folder);
  CHECK(watched(result, folder.path() / "crls/a.crl") != nullptr);
  const auto now = [&] { return FileLook().folder(crls->path); };
  CHECK(now() == crls->fingerprint);
  folder.write("crls/.hidden", "");
  folder.write("crls/a.crl", "changed");
  CHECK(now() == crls->fingerprint);
  folder.copy("pki/other/ca.crl", "crls/b.crl");
  CHECK_FALSE(now() == crls->fingerprint);
  fs::remove(folder.path() / "crls/b.crl");
  CHECK(now() == crls->fingerprint);
}

TEST_CASE("a CRL is parsed once for all trust sets and loads") {
  const CrlFolder folder;
  LoadMemory memory;
  const std::string yaml = config_of({"crl: pki/ca.crl", "crl: crls/a.crl", "crl: crls", "crl: pki/ca.crl"});
  LoadResult first = folder.load_with(memory, yaml);
  REQUIRE(first.config);
  CHECK(memory.crls->parsed() == 1);
  const LoadResult second = folder.load_with(memory, yaml);
  REQUIRE(second.config);
  CHECK(memory.crls->parsed() == 1);
  folder.copy("pki/other/ca.crl", "crls/b.crl");
  const LoadResult third = folder.load_with(memory, yaml);
  REQUIRE(third.config);
  CHECK(memory.crls->parsed() == 2);
}

TEST_CASE("a CRL that no generation uses any more is not kept") {
  const CrlFolder folder;
  LoadMemory memory;
  const std::string yaml = config_of({"crl: pki/ca.crl"});
  CHECK(folder.load_with(memory, yaml).config);
  CHECK(folder.load_with(memory, yaml).config);
  CHECK(memory.crls->parsed() == 2);
}

TEST_CASE("scope and grace of a trust set come from its revocation") {
  const CrlFolder folder;
  const auto trust_of = [&](const char* revocation) {
    return *folder.good(config_of({fmt::format("crl: crls{}", revocation)})).snapshot->virtual_hosts.at(0).tls->trust;
  };
  CHECK(trust_of("").revocation_scope == tls::RevocationScope::chain);
  CHECK(trust_of("").crl_grace == std::chrono::seconds(0));
  CHECK(trust_of(", revocation: {scope: leaf}").revocation_scope == tls::RevocationScope::leaf);
  CHECK(trust_of(", revocation: {on_expired: reject}").crl_grace == std::chrono::seconds(0));
  CHECK(trust_of(", revocation: {on_expired: {grace: 36h}}").crl_grace == std::chrono::hours(36));
}

}  // namespace
}  // namespace gateway::config
