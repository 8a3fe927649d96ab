#include "gatewayd/status_services.h"

namespace gateway::gatewayd {
namespace {

template <typename... Handlers>
struct Overloaded : Handlers... {
  using Handlers::operator()...;
};

}  // namespace

void StatusServices::handle(StatusMessage&& message) {
  std::visit(Overloaded{[this](StopStatus&) { loop_.stop(); }}, message);
}

}  // namespace gateway::gatewayd
