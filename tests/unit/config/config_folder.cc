#include "config_folder.h"

#include <doctest/doctest.h>
#include <openssl/pem.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <sstream>

#include "config/decode.h"
#include "pki/authority.h"
#include "pki/private_key.h"

namespace gateway::config {
namespace {

namespace fs = std::filesystem;

fs::path make_folder() {
  std::string name = (fs::temp_directory_path() / "gateway-config-XXXXXX").string();
  REQUIRE(::mkdtemp(name.data()) != nullptr);
  return name;
}

class SharedPki {
 public:
  SharedPki() : folder_(make_folder()) {
    make_authority(folder_, "Test CA");
    make_authority(folder_ / "other", "Other CA");
    make_authority(folder_ / "issuing", "Issuing CA", folder_, 1);
    make_authority(folder_ / "deep", "Deep CA", folder_ / "issuing");
    issue("server", std::chrono::days(365));
    issue("other-server", std::chrono::days(365));
    issue("ending-server", std::chrono::days(7));
    issue("expired-server", std::chrono::days(-1));
    issue("rsa", std::chrono::days(365), pki::KeyType::rsa_2048);
    issue("client", std::chrono::days(365), pki::KeyType::ecdsa_p256, false);
    encrypt_key();
  }
  ~SharedPki() { fs::remove_all(folder_); }
  [[nodiscard]] const fs::path& folder() const { return folder_; }

 private:
  static std::chrono::sys_seconds now() {
    return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
  }

  static void make_authority(const fs::path& folder, const std::string& name,
                             const std::optional<fs::path>& parent = {}, std::optional<unsigned> path_length = {}) {
    pki::AuthorityOptions options;
    options.subject.common_name = name;
    options.parent = parent;
    options.path_length = path_length;
    options.validity = {.not_before = now() - std::chrono::days(30), .not_after = now() + std::chrono::days(3650)};
    const auto made = pki::Authority::create(folder, options, now());
    REQUIRE_MESSAGE(made, (made ? "" : made.error().message));
  }

  void issue(const std::string& name, std::chrono::days until, pki::KeyType key = pki::KeyType::ecdsa_p256,
             bool is_server = true) const {
    auto authority = pki::Authority::open(folder_);
    REQUIRE(authority);
    pki::IssueOptions options;
    options.name = name;
    options.key_type = key;
    options.server = is_server;
    options.client = !is_server;
    if (is_server) options.alt_names.dns = {"example.com", "*.example.com"};
    options.validity = {.not_before = now() - std::chrono::days(20), .not_after = now() + until};
    const auto issued = authority->issue(options, now());
    REQUIRE_MESSAGE(issued, (issued ? "" : issued.error().message));
  }

  void encrypt_key() const {
    std::stringstream pem;
    pem << std::ifstream(folder_ / "issued/server.key").rdbuf();
    const auto key = pki::key_from_pem(pem.str(), "server.key");
    REQUIRE(key);
    const std::string file = (folder_ / "issued/encrypted.key").string();
    constexpr std::string_view kPassphrase = "correct horse";
    const std::unique_ptr<BIO, decltype(&BIO_free_all)> out(BIO_new_file(file.c_str(), "w"), BIO_free_all);
    REQUIRE(PEM_write_bio_PKCS8PrivateKey(out.get(), key->get(), EVP_aes_256_cbc(), kPassphrase.data(),
                                          static_cast<int>(kPassphrase.size()), nullptr, nullptr) == 1);
    fs::permissions(file, fs::perms::owner_read);
  }

  fs::path folder_;
};

const SharedPki& shared_pki() {
  static const SharedPki pki;
  return pki;
}

}  // namespace

ConfigFolder::ConfigFolder() : path_(make_folder()) {
  fs::create_symlink(shared_pki().folder(), path_ / "pki");
}

ConfigFolder::~ConfigFolder() {
  fs::remove_all(path_);
}

void ConfigFolder::write(const std::string& name, std::string_view content) const {
  std::ofstream(path_ / name, std::ios::binary) << content;
}

LoadResult ConfigFolder::load(std::string_view yaml) const {
  write("gateway.yaml", yaml);
  return config::load((path_ / "gateway.yaml").string(), 1, environment_of(environment));
}

std::string ConfigFolder::findings(std::string_view yaml) const {
  return lines(load(yaml).diagnostics);
}

LoadedConfig ConfigFolder::good(std::string_view yaml) const {
  LoadResult result = load(yaml);
  REQUIRE_MESSAGE(result.config, lines(result.diagnostics));
  return std::move(*result.config);
}

Environment environment_of(const std::map<std::string, std::string>& variables) {
  return [variables](const std::string& name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional(found->second);
  };
}

std::string lines(const std::vector<Diagnostic>& diagnostics) {
  std::string all;
  for (const Diagnostic& diagnostic : diagnostics) {
    const std::string line = to_string(diagnostic);
    REQUIRE(line.starts_with(diagnostic.file));
    const std::string rest = line.substr(diagnostic.file.size());
    all += rest.substr(rest.starts_with(": ") ? 2 : 1) + "\n";
  }
  return all;
}

std::string decode_findings(std::string_view yaml, const std::map<std::string, std::string>& variables) {
  DiagnosticSink sink("gateway.yaml");
  decode(yaml, sink, environment_of(variables));
  return lines(sink.take());
}

}  // namespace gateway::config
