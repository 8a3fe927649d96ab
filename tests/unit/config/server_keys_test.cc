#include <doctest/doctest.h>
#include <openssl/opensslv.h>

#include <algorithm>
#include <fstream>
#include <sstream>

#include "config_folder.h"
#include "tls/host_options.h"

namespace gateway::config {
namespace {

// tests/unit/config/config_folder.cc makes these, encrypted with "correct horse".
constexpr std::string_view kEncrypted = "certificate: pki/issued/server.pem, key: pki/issued/encrypted.key";
constexpr std::string_view kPlain = "certificate: pki/issued/server.pem, key: pki/issued/server.key";

std::string config_with(std::string_view tls) {
  std::string out = "listeners: [{bind: 127.0.0.1:8443}]\nvirtual_hosts:\n  - hosts: [example.com]\n    tls: {";
  out += tls;
  return out + ", client_auth: off}\n    routes: [{path: /*, respond: echo}]\n";
}

std::string with(std::string_view pair, std::string_view passphrase) {
  return config_with(std::string(pair) + ", passphrase: {" + std::string(passphrase) + "}");
}

const tls::HostOptions& host_of(const LoadedConfig& config) {
  return *config.snapshot->virtual_hosts[0].tls;
}

void write_secret(const ConfigFolder& folder, const std::string& name, std::string_view content) {
  folder.write(name, content);
  std::filesystem::permissions(folder.path() / name, std::filesystem::perms::owner_read);
}

TEST_CASE("the first line of a file or of a program's output opens a key") {
  const ConfigFolder folder;
  const LoadedConfig plain = folder.good(config_with(kPlain));
  for (const char* content : {"correct horse", "correct horse\n", "correct horse\r\n", "correct horse\nmore\n"}) {
    std::filesystem::remove(folder.path() / "passphrase");
    write_secret(folder, "passphrase", content);
    for (const char* passphrase : {"file: passphrase", "command: [cat, passphrase]"}) {
      const LoadedConfig config = folder.good(with(kEncrypted, passphrase));
      CHECK(folder.findings(with(kEncrypted, passphrase)).empty());
      CHECK_FALSE(host_of(config).certificates[0].private_key->empty());
      // Opened, it is the same key: nothing has changed for those who are served.
      CHECK(describe_changes(plain, config).empty());
    }
  }
}

TEST_CASE("what doesn't open a key is an error at the key or where the passphrase comes from, and never shows it") {
  const ConfigFolder folder;
  write_secret(folder, "wrong", "battery staple\n");
  write_secret(folder, "empty", "\n");
  write_secret(folder, "long", std::string(1025, 'x'));
  const auto found = [&](std::string_view passphrase) {
    std::string findings = folder.findings(with(kEncrypted, passphrase));
    CHECK(findings.find("battery") == std::string::npos);
    CHECK(findings.find("xxx") == std::string::npos);
    return findings.substr(findings.find("error"));
  };
  constexpr std::string_view kNotOpened =
      "error: 'pki/issued/encrypted.key': the passphrase does not open the private key\n";
  CHECK(found("file: wrong") == kNotOpened);
  CHECK(found("command: [cat, wrong]") == kNotOpened);
  CHECK(found("file: empty") == "error: 'empty': the first line, which should be the passphrase, is empty\n");
  CHECK(found("command: [\"true\"]") ==
        "error: the output of 'true': the first line, which should be the passphrase, is empty\n");
  CHECK(found("file: long") == "error: 'long': the first line has more than 1024 bytes\n");
  CHECK(found("command: [cat, nothing]") ==
        "error: 'cat' ended with status 1: cat: nothing: No such file or directory\n");
  CHECK(found("file: pki").find("Is a directory") != std::string::npos);
}

TEST_CASE("a passphrase file that everybody may read, and one for an open key, are warnings") {
  const ConfigFolder folder;
  folder.write("passphrase", "correct horse\n");
  std::filesystem::permissions(folder.path() / "passphrase", std::filesystem::perms(0644));
  CHECK(folder.findings(with(kEncrypted, "file: passphrase"))
            .find("warning: passphrase 'passphrase' is readable by "
                  "every user; chmod 600 it") != std::string::npos);
  CHECK(
      folder.findings(with(kPlain, "command: [echo, x]"))
          .find("warning: private key 'pki/issued/server.key' is not encrypted, so its passphrase protects nothing") !=
      std::string::npos);
}

TEST_CASE("a passphrase file is a watched file") {
  const ConfigFolder folder;
  write_secret(folder, "passphrase", "correct horse\n");
  const LoadResult result = folder.load(with(kEncrypted, "file: passphrase"));
  const auto path = (folder.path() / "passphrase").string();
  CHECK(std::ranges::any_of(result.watched_files, [&](const WatchedFile& file) { return file.path == path; }));
}

TEST_CASE("each command is run once in a load, however many keys it is for") {
  const ConfigFolder folder;
  const std::string entry =
      std::string("{") + std::string(kEncrypted) +
      ", passphrase: {command: [sh, -c, \"echo >> runs; echo correct horse\"]}, client_auth: off}";
  const std::string route = "routes: [{path: /*, respond: echo}]";
  folder.good("listeners: [{bind: 127.0.0.1:8443}]\nvirtual_hosts:\n  - {hosts: [example.com], tls: " + entry + ", " +
              route + "}\n  - {hosts: [a.example.com], tls: " + entry + ", " + route + "}\n");
  std::stringstream runs;
  runs << std::ifstream(folder.path() / "runs").rdbuf();
  CHECK(runs.str() == "\n");
}

TEST_CASE("a wrong passphrase of a second host isn't forgiven because the first host's was right") {
  const ConfigFolder folder;
  const auto entry = [](std::string_view host, std::string_view word) {
    return "  - {hosts: [" + std::string(host) + "], tls: {" + std::string(kEncrypted) +
           ", passphrase: {command: [echo, " + std::string(word) +
           "]}, client_auth: off}, routes: [{path: /*, respond: echo}]}\n";
  };
  const std::string head = "listeners: [{bind: 127.0.0.1:8443}]\nvirtual_hosts:\n";
  CHECK(folder.load(head + entry("example.com", "correct horse")).config);
  CHECK_FALSE(folder.load(head + entry("example.com", "correct horse") + entry("a.example.com", "wrong")).config);
}

TEST_CASE("several certificates of one host are kept in order, with their types, and changes name them") {
  const ConfigFolder folder;
  const std::string ecdsa = "{" + std::string(kPlain) + "}";
  const std::string other = "{certificate: pki/issued/other-server.pem, key: pki/issued/other-server.key}";
  const std::string rsa = "{certificate: pki/issued/rsa.pem, key: pki/issued/rsa.key}";
  const LoadedConfig both = folder.good(config_with("certificates: [" + rsa + ", " + ecdsa + "]"));
  REQUIRE(host_of(both).certificates.size() == 2);
  CHECK(host_of(both).certificates[0].key_type == "RSA");
  CHECK(host_of(both).certificates[1].key_type == "ECDSA");
  CHECK(std::ranges::count(both.certificates, "server", &CertificateInfo::kind) == 2);

  const LoadedConfig one = folder.good(config_with("certificates: [" + ecdsa + "]"));
  const LoadedConfig changed = folder.good(config_with("certificates: [" + rsa + ", " + other + "]"));
  using Lines = std::vector<std::string>;
  CHECK(describe_changes(one, folder.good(config_with(kPlain))).empty());
  CHECK(describe_changes(one, both) == Lines{"virtual host example.com: RSA certificate added"});
  CHECK(describe_changes(both, one) == Lines{"virtual host example.com: RSA certificate removed"});
  CHECK(describe_changes(both, changed) ==
        Lines{"virtual host example.com: ECDSA certificate changed", "virtual host example.com: ECDSA key changed"});
}

TEST_CASE("each of several certificates is looked at: its lifetime, its names, what it may be used for") {
  const ConfigFolder folder;
  const std::string expired = "{certificate: pki/issued/expired-server.pem, key: pki/issued/expired-server.key}";
  const std::string rsa = "{certificate: pki/issued/rsa.pem, key: pki/issued/rsa.key}";
  const std::string findings = folder.findings(config_with("certificates: [" + rsa + ", " + expired + "]"));
  CHECK(findings.find("server certificate 'CN=expired-server'") != std::string::npos);
  const std::string client =
      folder.findings(config_with("certificate: pki/issued/client.pem, key: pki/issued/client.key"));
  CHECK(client.find("clients will refuse the certificate 'pki/issued/client.pem': its extended key usage does not have "
                    "serverAuth") != std::string::npos);
  CHECK(client.find("the certificate 'pki/issued/client.pem' is not for host 'example.com'") != std::string::npos);
}

TEST_CASE("a key in a token is named by a URI that is checked, and whose PIN is never shown") {
  const ConfigFolder folder;
  const auto found = [&](std::string_view uri) {
    return folder.findings(config_with("certificate: pki/issued/server.pem, key: \"" + std::string(uri) + "\""));
  };
  CHECK(found("pkcs11:token=gw") == "4:52: error: a key's URI names no key: it needs 'object' or 'id'\n");
  CHECK(found("pkcs11:object=a;objct=b") == "4:52: error: a key's URI has the unknown attribute 'objct'\n");
  const std::string with_pin = found("pkcs11:object=nobody?pin-value=246813");
  CHECK(with_pin.find("warning: the PIN stands in the config, behind 'pkcs11:object=nobody'") != std::string::npos);
  CHECK(with_pin.find("error: 'pkcs11:object=nobody': ") != std::string::npos);
  CHECK(with_pin.find("246813") == std::string::npos);
#if OPENSSL_VERSION_NUMBER < 0x30200000L
  CHECK(with_pin.find("keys in tokens need OpenSSL 3.2 or newer (Debian 13), and this is OpenSSL 3.") !=
        std::string::npos);
#endif
  CHECK(folder
            .findings("pkcs11: {module: nothing.so}\n" +
                      config_with("certificate: pki/issued/server.pem, key: \"pkcs11:object=a\""))
            .find("1:18: error: can't read ") == 0);
}

}  // namespace
}  // namespace gateway::config
