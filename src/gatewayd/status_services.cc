#include "gatewayd/status_services.h"

#include <chrono>
#include <utility>

namespace gateway::gatewayd {
namespace {

template <typename... Handlers>
struct Overloaded : Handlers... {
  using Handlers::operator()...;
};

}  // namespace

StatusServices::StatusServices(core::EventLoop& loop, const std::function<void(StatusReport)>& report)
    : loop_(loop),
      fetcher_(loop),
      ocsp_({.loop = loop,
             .fetcher = fetcher_,
             .report = [&report](const OcspReport& ocsp) { report(ocsp); },
             .clock = [] { return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()); }}),
      crls_({.loop = loop, .fetcher = fetcher_, .report = [&report](CrlReport crls) { report(std::move(crls)); }}),
      staples_({.loop = loop, .fetcher = fetcher_, .report = [&report](StapleReport staples) {
                  report(std::move(staples));
                }}) {}

void StatusServices::handle(StatusMessage&& message) {
  std::visit(Overloaded{[this](proxy::OcspQuery& query) { ocsp_.ask(std::move(query)); },
                        [this](WatchCrls& watch) {
                          crls_.watch(std::move(watch.sources), StateDirectory(watch.state_directory));
                        },
                        [this](WatchStaples& watch) {
                          staples_.watch(std::move(watch.sources), StateDirectory(watch.state_directory));
                        },
                        [this](StopStatus&) { loop_.stop(); }},
             message);
}

}  // namespace gateway::gatewayd
