#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/load.h"
#include "core/result.h"

namespace gateway::config {

// What is rotated as a whole, or kept as a whole.
enum class ItemKind : std::uint8_t {
  certificate,  // certificates, keys and passphrases of a virtual host
  ca,           // the CAs of a trust set, and its OCSP responder's certificate
  crl,          // its CRLs
  ticket_keys,  // the key files of session tickets
};
std::string_view to_string(ItemKind kind) noexcept;  // "certificate", "ca", "crl", "ticket_keys"
// Of the one item of kind ticket_keys.
inline constexpr std::string_view kTicketKeysName = "session";

struct Item {
  ItemKind kind = ItemKind::certificate;
  std::string name;  // of the virtual host or trust set, or kTicketKeysName
  friend auto operator<=>(const Item&, const Item&) = default;
};

// An item whose files can't be taken: what was in use goes on.
struct KeptItem {
  Item item;
  std::string file;          // the first one at fault, as the config writes it
  std::string reason;        // for people
  bool refuses_load = true;  // so would a load, and a start; else it would take the files
  friend bool operator==(const KeptItem&, const KeptItem&) = default;
};

struct Rotation {
  std::optional<LoadedConfig> config;  // nullopt: nothing has changed
  std::vector<Item> rotated;
  std::vector<KeptItem> kept;
  std::vector<Diagnostic> warnings;  // that the generation did not have yet
  std::vector<WatchedFile> watched_files;
  std::string failure;  // why nothing could be done at all; "" if it could
};

// Whether contexts can be built of these options; Error says why not.
using CanServe = std::function<core::Result<void>(const tls::HostOptions&)>;

// Reads every file of `current` but its config again. Each item whose files are good takes their place; one whose files
// are at fault keeps what it has: a pair that does not match, a file that is missing, unreadable or unparsable, a new
// certificate that is not valid now, a CRL that is wrongly signed, or older than the one in use. All else of the
// generation stays, its number too. Reads files, so it runs on the control thread only. Throws nothing.
Rotation rotate(const LoadedConfig& current, const CanServe& can_serve);

}  // namespace gateway::config
