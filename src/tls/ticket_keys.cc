#include "tls/ticket_keys.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include <cstring>

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
