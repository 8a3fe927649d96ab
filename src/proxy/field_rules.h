#pragma once

#include <string>
#include <string_view>

#include "proxy/http1_framing.h"
#include "proxy/http_head.h"

namespace gateway::proxy {

// What becomes of a field by its name alone. Names are in the form of fold_field_name().
enum class FieldRule : std::uint8_t {
  pass,
  hop_by_hop,  // of one connection, or written by us (Host, framing, Expect): never passed on, in any spelling
  identity,    // says who the client is: never taken from a client
  forwarding,  // tells of earlier hops: taken from a trusted proxy only
};
FieldRule request_field_rule(std::string_view folded) noexcept;
// Fields that mean something to framing, routing, authentication or the content's meaning (RFC 9110 section 6.5.1).
bool is_refused_in_trailers(std::string_view folded) noexcept;
// Fields of a response that end at this hop or that we write.
bool is_hop_by_hop_response(std::string_view lower) noexcept;

// fold_field_name() without a new string: `out` is overwritten.
void fold_into(std::string_view name, std::string& out);
bool equal_folded(std::string_view a, std::string_view b) noexcept;

// What the Connection fields of a head name. `fields` outlives it.
class ConnectionOptions {
 public:
  explicit ConnectionOptions(const Fields& fields);
  // Whether `name` goes because Connection names it. Never for what a message can't do without: a client could make the
  // upstream see another request than policy saw.
  [[nodiscard]] bool name(std::string_view field_name) const;

 private:
  const Fields& fields_;
  bool any_;
};

}  // namespace gateway::proxy
