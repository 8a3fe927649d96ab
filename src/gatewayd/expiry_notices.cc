#include "gatewayd/expiry_notices.h"

#include <array>
#include <optional>
#include <set>
#include <span>
#include <string_view>
#include <tuple>
#include <utility>

#include "tls/crl_index.h"

namespace gateway::gatewayd {
namespace {

using std::chrono::seconds;
using std::chrono::sys_seconds;

struct Step {
  seconds before;  // the end
  std::string_view words;
};
// The last one first: of several that are due it is the one to tell.
constexpr std::array<Step, 4> kCertificateSteps{{{seconds(0), "has ended"},
                                                 {std::chrono::days(1), "ends within 1 day"},
                                                 {std::chrono::days(7), "ends within 7 days"},
                                                 {std::chrono::days(14), "ends within 14 days"}}};
// CRLs live for hours or days: a day before the end of one is often its first.
constexpr std::array<Step, 2> kCrlSteps{{{seconds(0), "has ended: clients of its issuer are refused (crl_expired)"},
                                         {std::chrono::hours(1), "ends within 1 hour"}}};
// Of one with a grace: its end, and the end of that.
constexpr std::array<Step, 2> kCrlEndSteps{
    {{seconds(0), "has ended: it counts for its grace only"}, {std::chrono::hours(1), "ends within 1 hour"}}};
constexpr std::array<Step, 2> kGraceSteps{
    {{seconds(0), "has ended, and so has its grace: clients of its issuer are refused (crl_expired)"},
     {std::chrono::hours(1), "has ended, and its grace ends within 1 hour"}}};

std::string_view words_for(const std::string& kind) {
  if (kind == "server") return "a server certificate ";
  if (kind == "trust") return "a CA certificate of clients ";
  return "a certificate of a server's chain ";
}

class Notices {
 public:
  Notices(sys_seconds after, sys_seconds now) : after_(after), now_(now) {}

  void add(std::string_view what, std::span<const Step> steps, const std::string& name, const std::string& used_by,
           sys_seconds end) {
    if (end == sys_seconds::max()) return;
    for (const Step& step : steps) {
      const sys_seconds due = end - step.before;
      if (due <= after_ || due > now_) continue;
      const bool is_over = step.before == seconds(0);
      notices_.push_back({.level = is_over ? core::LogLevel::error : core::LogLevel::warning,
                          .message = std::string(what) + std::string(step.words),
                          .name = name,
                          .used_by = used_by,
                          .end = end});
      return;
    }
  }
  std::vector<ExpiryNotice> take() { return std::move(notices_); }

 private:
  sys_seconds after_;
  sys_seconds now_;
  std::vector<ExpiryNotice> notices_;
};

void add_crls(const tls::TrustSet& trust, Notices& notices) {
  const bool has_grace = trust.crl_grace > seconds(0);
  for (const auto& crl : trust.crls->describe()) {
    if (crl.superseded || crl.next_update == sys_seconds::max()) continue;
    notices.add("a CRL ", has_grace ? kCrlEndSteps : kCrlSteps, crl.issuer, trust.name, crl.next_update);
    if (has_grace) notices.add("a CRL ", kGraceSteps, crl.issuer, trust.name, crl.next_update + trust.crl_grace);
  }
}

}  // namespace

std::vector<ExpiryNotice> expiry_notices(const config::LoadedConfig& config, sys_seconds after, sys_seconds now) {
  Notices notices(after, now);
  std::set<std::tuple<std::string_view, std::string_view, sys_seconds>> certificates;
  for (const auto& one : config.certificates) {
    if (!certificates.emplace(one.kind, one.subject, one.not_after).second) continue;
    notices.add(words_for(one.kind), kCertificateSteps, one.subject, one.virtual_host, one.not_after);
  }
  std::set<const tls::TrustSet*> sets;
  for (const auto& host : config.snapshot->virtual_hosts) {
    if (!host.tls || !host.tls->trust || !sets.insert(host.tls->trust.get()).second) continue;
    add_crls(*host.tls->trust, notices);
  }
  return notices.take();
}

}  // namespace gateway::gatewayd
