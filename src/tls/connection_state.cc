#include "tls/connection_state.h"

namespace gateway::tls {
namespace {

int state_index() {
  static const int index = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
  return index;
}

}  // namespace

bool attach_state(SSL* ssl, ConnectionState& state) {
  return SSL_set_ex_data(ssl, state_index(), &state) == 1;
}

ConnectionState* state_of(const SSL* ssl) noexcept {
  return ssl == nullptr ? nullptr : static_cast<ConnectionState*>(SSL_get_ex_data(ssl, state_index()));
}

}  // namespace gateway::tls
