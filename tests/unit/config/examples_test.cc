#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>
#include <sstream>

#include "config/keys.h"
#include "config_folder.h"

namespace gateway::config {
namespace {

namespace fs = std::filesystem;

std::string content_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  REQUIRE(file);
  std::ostringstream out;
  out << file.rdbuf();
  return out.str();
}

const fs::path kSource = GATEWAY_SOURCE_DIR;

TEST_CASE("every example in conf/ loads") {
  ConfigFolder folder;
  const std::string pki = folder.path() / "pki";
  folder.environment = {{"PKI", pki}, {"DEMO_PKI", pki}, {"STAFF_PKI", pki + "/other"}};
  std::size_t count = 0;
  for (const fs::directory_entry& entry : fs::directory_iterator(kSource / "conf")) {
    if (entry.path().extension() != ".yaml") continue;
    ++count;
    CAPTURE(entry.path().string());
    folder.good(content_of(entry.path()));
  }
  CHECK(count >= 6);
}

// The format's reference: it must go on loading as written.
TEST_CASE("the full example loads as written") {
  const ConfigFolder folder;
  const fs::path shared = fs::read_symlink(folder.path() / "pki");
  fs::remove(folder.path() / "pki");
  fs::create_directory(folder.path() / "pki");
  const auto provide = [&](const char* from, const char* to) {
    fs::copy_file(shared / from, folder.path() / "pki" / to);
  };
  provide("ca.pem", "ca.pem");
  provide("ca.crl", "ca.crl");
  provide("other/ca.pem", "next-ca.pem");
  provide("issued/server.pem", "payments.pem");
  provide("issued/server.key", "payments.key");
  const std::string text = content_of(kSource / "tests/unit/config/fixtures/full_example.yaml");
  CHECK(folder.findings(text).starts_with("11:3: warning: trust set 'partners' has no CRL of 'CN=Other CA'"));
  const LoadedConfig config = folder.good(text);
  CHECK(config.snapshot->listeners.at(1).redirect_to_https);
  CHECK(config.snapshot->listeners.at(1).redirect_port == 8443);
  const proxy::VirtualHost& host = config.snapshot->virtual_hosts.at(0);
  CHECK(host.tls->settings.min_version == tls::ProtocolVersion::tls12);
  CHECK(host.policy->rule_count() == 3);
  CHECK(host.routes.at(0).identity_headers.client_cert);
  CHECK(host.routes.at(0).set.size() == 2);
  CHECK(host.routes.at(1).body == "ok\n");
  CHECK(config.snapshot->timeouts == core::Timeouts{});
  CHECK(config.snapshot->limits == core::Limits{});
  REQUIRE(config.admin.metrics);
  CHECK(config.admin.metrics->port == 9145);
}

TEST_CASE("the demo has the three modes on one port") {
  ConfigFolder folder;
  folder.environment = {{"DEMO_PKI", folder.path() / "pki"}, {"DEMO_PORT", "9443"}};
  const LoadedConfig demo = folder.good(content_of(kSource / "conf/demo.yaml"));
  REQUIRE(demo.snapshot->listeners.size() == 1);
  CHECK(demo.snapshot->listeners[0].port == 9443);
  const auto& hosts = demo.snapshot->virtual_hosts;
  REQUIRE(hosts.size() == 3);
  CHECK(hosts[0].tls->client_auth == tls::ClientAuth::off);
  CHECK(hosts[1].tls->client_auth == tls::ClientAuth::optional);
  CHECK(hosts[2].tls->client_auth == tls::ClientAuth::strict);
  CHECK(hosts[2].policy);
}

TEST_CASE("the configuration reference names every key") {
  const std::string reference = content_of(kSource / "docs/configuration.md");
  for (const KeyTable* table : all_key_tables()) {
    for (const std::string_view key : table->keys) {
      CAPTURE(table->what);
      CAPTURE(key);
      CHECK(reference.find("`" + std::string(key) + "`") != std::string::npos);
    }
  }
}

TEST_CASE("no key is both known and planned") {
  for (const KeyTable* table : all_key_tables()) {
    for (const std::string_view key : table->keys) {
      CAPTURE(table->what);
      CAPTURE(key);
      CHECK(std::ranges::find(table->planned, key) == table->planned.end());
      CHECK(std::ranges::find(table->elsewhere, key) == table->elsewhere.end());
    }
  }
}

}  // namespace
}  // namespace gateway::config
