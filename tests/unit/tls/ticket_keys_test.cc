#include "tls/ticket_keys.h"

#include <doctest/doctest.h>

#include <numeric>

#include "test_gateway.h"
#include "tls/ticket_key_ring.h"

using namespace gateway::tls;
using namespace gateway::tls::test;

namespace {

// 80 different bytes, from `first` on.
std::string key_file(int first) {
  std::string content(kTicketKeyFileBytes, '\0');
  std::iota(content.begin(), content.end(), static_cast<char>(first));
  return content;
}

std::shared_ptr<const TicketKeys> keys_of(const std::vector<std::string>& files) {
  return TicketKeys::from_files(std::vector<std::string_view>(files.begin(), files.end()));
}

constexpr int kVersions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

ClientSpec anonymous(int version, const SessionPtr& session = {}) {
  return {.version = version, .session = session};
}

std::vector<HostSpec> open_host() {
  return {{.client_auth = ClientAuth::off, .session_store = SessionStore::tickets}};
}

}  // namespace

TEST_CASE("a key file holds a name, the MAC's key and the cipher's key, as nginx reads it") {
  const auto keys = std::static_pointer_cast<const TicketKeyRing>(keys_of({key_file(7), key_file(100)}));
  REQUIRE(keys);
  REQUIRE(keys->keys().size() == 2);
  const TicketKey& key = keys->sealing();
  CHECK(key.name.front() == 7);
  CHECK(key.name.back() == 7 + 15);
  CHECK(key.mac.front() == 7 + 16);
  CHECK(key.mac.back() == 7 + 47);
  CHECK(key.cipher.front() == 7 + 48);
  CHECK(key.cipher.back() == 7 + 79);
  CHECK(keys->find(keys->keys()[1].name.data()) == &keys->keys()[1]);
}

TEST_CASE("what is no ticket key is none, and its complaint shows nothing of it") {
  const std::string text = "hex digits are no random bytes, and neither are eighty characters of some sentence";
  for (const std::string& bad : {std::string(), key_file(0).substr(1), key_file(0) + "x", std::string(80, '\0'),
                                 text.substr(0, 80), key_file(1).substr(0, 48)}) {
    const auto checked = check_ticket_key(bad);
    REQUIRE_FALSE(checked.has_value());
    CHECK(checked.error().detail.starts_with("expected a ticket key of 80 random bytes"));
    CHECK(checked.error().detail.find("hex digits") == std::string::npos);
    CHECK(keys_of({key_file(0), bad}) == nullptr);
  }
  CHECK(keys_of({}) == nullptr);
  CHECK(keys_of({key_file(3), key_file(3)}) == nullptr);
}

TEST_CASE("keys are the same if they seal and open alike") {
  const auto keys = keys_of({key_file(1), key_file(2)});
  CHECK(keys->same_as(*keys_of({key_file(1), key_file(2)})));
  CHECK_FALSE(keys->same_as(*keys_of({key_file(2), key_file(1)})));
  CHECK_FALSE(keys->same_as(*keys_of({key_file(1)})));
  CHECK_FALSE(TicketKeys::generate()->same_as(*TicketKeys::generate()));
  std::string other_secret = key_file(1);
  other_secret.back() = 0;
  CHECK_FALSE(keys_of({other_secret})->same_as(*keys_of({key_file(1)})));
}

TEST_CASE("replicas with the same key files take each other's tickets, others don't") {
  for (const int version : kVersions) {
    CAPTURE(version);
    Gateway here(open_host());
    Gateway there(open_host());
    here.use_ticket_keys(keys_of({key_file(1), key_file(2)}));
    there.use_ticket_keys(keys_of({key_file(1)}));
    const Connection first = connect(here, anonymous(version));
    CHECK(connect(there, anonymous(version, first.client->session())).report().resumed);
    // What the second key sealed is opened, and sealed anew by the first.
    here.use_ticket_keys(keys_of({key_file(3), key_file(1)}));
    const Connection renewed = connect(here, anonymous(version, first.client->session()));
    CHECK(renewed.report().resumed);
    REQUIRE(renewed.client->session() != nullptr);
    const Connection elsewhere = connect(there, anonymous(version, renewed.client->session()));
    REQUIRE(elsewhere.established());
    CHECK_FALSE(elsewhere.report().resumed);
    // A key of the same name with another secret, be it the MAC's or the cipher's, opens nothing, and that is all.
    for (const std::size_t byte : {kTicketKeyNameBytes, kTicketKeyFileBytes - 1}) {
      std::string false_key = key_file(1);
      false_key[byte] = 0;
      there.use_ticket_keys(keys_of({false_key}));
      const Connection full = connect(there, anonymous(version, first.client->session()));
      REQUIRE(full.established());
      CHECK_FALSE(full.report().resumed);
    }
  }
}
