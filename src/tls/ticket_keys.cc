#include "tls/ticket_keys.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include <algorithm>
#include <bitset>
#include <cstring>
#include <optional>

#include "tls/ticket_key_ring.h"

namespace gateway::tls {
namespace {

std::optional<TicketKey> random_key() {
  TicketKey key;
  const auto fill = [](auto& bytes) { return RAND_priv_bytes(bytes.data(), static_cast<int>(bytes.size())) == 1; };
  // The name is seen by everybody: it comes from the public generator.
  if (RAND_bytes(key.name.data(), static_cast<int>(key.name.size())) != 1) return std::nullopt;
  if (!fill(key.cipher) || !fill(key.mac)) return std::nullopt;
  return key;
}

// Text, zeros and short patterns: 80 random bytes have fewer different values than this once in 10^30 files.
constexpr std::size_t kFewestDistinctBytes = 32;

TicketKey key_of(std::string_view content) {
  TicketKey key;
  const auto take = [&content](auto& bytes) {
    std::memcpy(bytes.data(), content.data(), bytes.size());
    content.remove_prefix(bytes.size());
  };
  take(key.name);
  take(key.mac);
  take(key.cipher);
  return key;
}

}  // namespace

TicketKey::~TicketKey() {
  OPENSSL_cleanse(cipher.data(), cipher.size());
  OPENSSL_cleanse(mac.data(), mac.size());
}

const TicketKey* TicketKeyRing::find(const unsigned char* name) const {
  for (const TicketKey& key : keys_) {
    if (std::memcmp(key.name.data(), name, key.name.size()) == 0) return &key;
  }
  return nullptr;
}

bool TicketKeyRing::same_as(const TicketKeys& other) const {
  // There is one implementation of TicketKeys.
  return std::ranges::equal(keys_, static_cast<const TicketKeyRing&>(other).keys_,
                            [](const TicketKey& a, const TicketKey& b) {
                              return a.name == b.name && a.cipher == b.cipher && a.mac == b.mac;
                            });
}

core::Result<bool> check_ticket_key(std::string_view content) {
  const auto refused = [](std::string why) {
    return core::fail(core::Reason::internal, core::Side::gateway, std::move(why));
  };
  if (content.size() != kTicketKeyFileBytes) {
    return refused("expected a ticket key of 80 random bytes (openssl rand 80 > FILE), found " +
                   std::to_string(content.size()) + " bytes");
  }
  std::bitset<256> seen;
  for (const char c : content) seen.set(static_cast<unsigned char>(c));
  if (seen.count() < kFewestDistinctBytes) {
    return refused("expected a ticket key of 80 random bytes (openssl rand 80 > FILE); these are not random");
  }
  return true;
}

std::shared_ptr<const TicketKeys> TicketKeys::from_files(std::span<const std::string_view> contents) {
  std::vector<TicketKey> keys;
  for (const std::string_view content : contents) {
    if (!check_ticket_key(content)) return nullptr;
    keys.push_back(key_of(content));
    // Of two keys with one name only the first would ever open anything.
    if (std::ranges::count(keys, keys.back().name, &TicketKey::name) != 1) return nullptr;
  }
  if (keys.empty()) return nullptr;
  return std::make_shared<TicketKeyRing>(std::move(keys));
}

std::shared_ptr<const TicketKeys> TicketKeys::generate() {
  auto key = random_key();
  if (!key) return nullptr;
  return std::make_shared<TicketKeyRing>(std::vector<TicketKey>{*key});
}

std::shared_ptr<const TicketKeys> TicketKeys::rotate(const TicketKeys& previous) {
  auto key = random_key();
  if (!key) return nullptr;
  // There is one implementation of TicketKeys.
  const auto& ring = static_cast<const TicketKeyRing&>(previous);
  return std::make_shared<TicketKeyRing>(std::vector<TicketKey>{*key, ring.sealing()});
}

}  // namespace gateway::tls
