#include "gatewayd/expiry_notices.h"

#include <doctest/doctest.h>

#include "tls/crl_index.h"

using namespace gateway;
using namespace gateway::gatewayd;
using namespace std::chrono_literals;
using std::chrono::days;
using std::chrono::sys_seconds;

namespace {

const sys_seconds kEnd = sys_seconds(1'900'000'000s);

struct Crls final : tls::CrlIndex {
  std::vector<Info> infos;
  std::vector<Info> describe() const override { return infos; }
  bool is_anchor(const core::Sha256&) const override { return false; }
  Finding look_up(const core::Sha256&, std::string_view, bool, sys_seconds) const override { return Finding::no_crl; }
  void show_issuer(const x509_st*, const core::Sha256&, ossl_lib_ctx_st*) const override {}
  void show_issuers_of(const CrlIndex&) const override {}
};

config::LoadedConfig with(std::vector<config::CertificateInfo> certificates, std::vector<tls::CrlIndex::Info> crls = {},
                          std::chrono::seconds grace = {}) {
  auto index = std::make_shared<Crls>();
  index->infos = std::move(crls);
  auto trust = std::make_shared<tls::TrustSet>();
  trust->name = "partners";
  trust->crls = index;
  trust->crl_grace = grace;
  auto options = std::make_shared<tls::HostOptions>();
  options->trust = trust;
  auto snapshot = std::make_shared<proxy::Snapshot>();
  // Two hosts of one trust set, and one without TLS.
  snapshot->virtual_hosts.resize(3);
  snapshot->virtual_hosts[0].tls = options;
  snapshot->virtual_hosts[1].tls = options;
  config::LoadedConfig config;
  config.snapshot = snapshot;
  config.certificates = std::move(certificates);
  return config;
}

std::vector<std::string> messages(const config::LoadedConfig& config, sys_seconds after, sys_seconds now) {
  std::vector<std::string> out;
  for (const auto& notice : expiry_notices(config, after, now)) out.push_back(notice.message);
  return out;
}

using Messages = std::vector<std::string>;

}  // namespace

TEST_CASE("a certificate is told of 14, 7 and 1 days before its end and when it has come, each once") {
  const auto config = with({{"v", "server", "CN=a", kEnd}});
  Messages told;
  for (sys_seconds now = kEnd - days(20); now < kEnd + days(20); now += 60s) {
    for (auto& message : messages(config, now - 60s, now)) told.push_back(std::move(message));
  }
  CHECK(told == Messages{"a server certificate ends within 14 days", "a server certificate ends within 7 days",
                         "a server certificate ends within 1 day", "a server certificate has ended"});
}

TEST_CASE("of several steps that have passed at once the last one is told") {
  const auto config = with({{"v", "trust", "CN=a", kEnd}});
  CHECK(messages(config, kEnd - days(30), kEnd - 1h) == Messages{"a CA certificate of clients ends within 1 day"});
  CHECK(messages(config, kEnd - days(30), kEnd + 1h) == Messages{"a CA certificate of clients has ended"});
  CHECK(messages(config, kEnd, kEnd + 1h).empty());
  CHECK(messages(config, kEnd - 1s, kEnd) == Messages{"a CA certificate of clients has ended"});
}

TEST_CASE("what many virtual hosts share is told once, and an end is an error") {
  const auto config =
      with({{"v", "server", "CN=a", kEnd}, {"w", "server", "CN=a", kEnd}, {"w", "chain", "CN=i", kEnd}});
  const auto notices = expiry_notices(config, kEnd - 1s, kEnd);
  REQUIRE(notices.size() == 2);
  CHECK(notices[0] == ExpiryNotice{core::LogLevel::error, "a server certificate has ended", "CN=a", "v", kEnd});
  CHECK(notices[1].message == "a certificate of a server's chain has ended");
  CHECK(expiry_notices(config, kEnd - days(2), kEnd - 1h).front().level == core::LogLevel::warning);
}

TEST_CASE("a CRL is told of an hour before its end, unless a later one has taken its place or it has no end") {
  const auto config = with(
      {},
      {{.issuer = "CN=Root", .number = {}, .this_update = {}, .next_update = kEnd, .entries = 1, .superseded = false},
       {.issuer = "CN=Old", .number = {}, .this_update = {}, .next_update = kEnd, .entries = 1, .superseded = true},
       {.issuer = "CN=Ever",
        .number = {},
        .this_update = {},
        .next_update = sys_seconds::max(),
        .entries = 1,
        .superseded = false}});
  CHECK(expiry_notices(config, kEnd - days(1), kEnd - 2h).empty());
  const auto soon = expiry_notices(config, kEnd - 2h, kEnd - 1h);
  REQUIRE(soon.size() == 1);
  CHECK(soon[0] == ExpiryNotice{core::LogLevel::warning, "a CRL ends within 1 hour", "CN=Root", "partners", kEnd});
  CHECK(messages(config, kEnd - 1h, kEnd) ==
        Messages{"a CRL has ended: clients of its issuer are refused (crl_expired)"});
}

TEST_CASE("a CRL with a grace is told of when it ends, and again when it refuses") {
  const auto config = with({}, {{.issuer = "CN=Root", .number = {}, .this_update = {}, .next_update = kEnd}}, 24h);
  CHECK(messages(config, kEnd - 2h, kEnd - 1h) == Messages{"a CRL ends within 1 hour"});
  CHECK(messages(config, kEnd - 1h, kEnd) == Messages{"a CRL has ended: it counts for its grace only"});
  CHECK(messages(config, kEnd, kEnd + 23h) == Messages{"a CRL has ended, and its grace ends within 1 hour"});
  const auto over = expiry_notices(config, kEnd + 23h, kEnd + 24h);
  REQUIRE(over.size() == 1);
  CHECK(over[0].message == "a CRL has ended, and so has its grace: clients of its issuer are refused (crl_expired)");
  CHECK(over[0].level == core::LogLevel::error);
  CHECK(over[0].end == kEnd + 24h);
}
