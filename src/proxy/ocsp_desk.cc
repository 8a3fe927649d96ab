#include "proxy/ocsp_desk.h"

#include <utility>

namespace gateway::proxy {

using core::Reason;
using What = tls::OcspEntry::What;

// A certificate that is being asked about, and who waits for it: a ring of waits.
struct OcspDesk::Pending final : core::Retirable {
  Pending(core::DeadlineWheel& wheel, core::Deadline::Callback on_timeout) : deadline(wheel, std::move(on_timeout)) {}

  core::Deadline deadline;
  OcspWait* first = nullptr;
};

void OcspWait::begin(const tls::OcspKey& key) {
  cancel();
  const auto found = desk_.pending_.find(key);
  if (found == desk_.pending_.end()) return;
  OcspWait*& first = found->second->first;
  if (first == nullptr) {
    first = next_ = previous_ = this;
  } else {
    next_ = first;
    previous_ = std::exchange(first->previous_, this);
    previous_->next_ = this;
  }
  ring_ = &first;
  ++desk_.waiting_;
}

void OcspWait::cancel() {
  if (next_ == nullptr) return;
  if (*ring_ == this) *ring_ = next_ == this ? nullptr : next_;
  next_->previous_ = previous_;
  previous_->next_ = next_;
  next_ = previous_ = nullptr;
  --desk_.waiting_;
}

OcspDesk::OcspDesk(core::EventLoop& loop, core::DeadlineWheel& wheel, unsigned worker, Ask ask,
                   std::function<void(OcspAnswered)> reply)
    : loop_(loop), wheel_(wheel), worker_(worker), ask_(std::move(ask)), reply_(std::move(reply)) {}

OcspDesk::~OcspDesk() {
  for (const auto& [key, pending] : pending_) {
    while (pending->first != nullptr) pending->first->cancel();
  }
}

OcspFinding OcspDesk::look(tls::OcspTable& table, const tls::VerifiedPeer* peer, const tls::HostOptions& host,
                           std::chrono::sys_seconds now) {
  OcspFinding finding;
  // An anchor is trusted because the operator says so: nobody is asked about a chain of nothing else.
  if (peer == nullptr || !host.trust || !host.trust->ocsp || peer->chain.elements.size() < 2) return finding;
  const tls::OcspOptions& ocsp = *host.trust->ocsp;
  const tls::ChainElement& leaf = peer->chain.elements.front();
  finding.asked_for = true;
  finding.key = {.authority = ocsp.authority, .issuer_key = leaf.issuer_key, .serial = leaf.serial};
  const tls::OcspEntry* entry = table.find(finding.key, now);
  if (entry != nullptr) {
    finding.what = entry->what;
    finding.reason = entry->judge(ocsp.settings.mode);
    finding.detail = entry->detail;
    if (now >= entry->ask_again && peer->issuer && ask_) ask(finding.key, *peer, host, entry->until);
    return finding;
  }
  if (!peer->issuer || !ask_) {
    // A session that began before OCSP was asked for, with an issuer that this worker has not met.
    finding.what = What::unavailable;
    finding.reason = ocsp.settings.mode == tls::OcspMode::hard ? Reason::ocsp_unavailable : Reason::none;
    finding.detail = "the client's issuer is not known: a new handshake brings it";
    return finding;
  }
  finding.known = false;
  ask(finding.key, *peer, host, {});
  return finding;
}

void OcspDesk::ask(const tls::OcspKey& key, const tls::VerifiedPeer& peer, const tls::HostOptions& host,
                   std::chrono::sys_seconds known_until) {
  auto& pending = pending_[key];
  if (pending) return;
  pending = std::make_unique<Pending>(wheel_, [this, key] { give_up(key); });
  const auto timeout = std::chrono::duration_cast<core::Milliseconds>(host.trust->ocsp->settings.timeout);
  pending->deadline.set(timeout + kGrace);
  ask_({.worker = worker_,
        .key = key,
        .certificate = peer.identity->certificate_der,
        .issuer = peer.issuer,
        .trust = host.trust,
        .known_until = known_until,
        .reply = reply_});
}

void OcspDesk::give_up(const tls::OcspKey& key) {
  auto node = pending_.extract(key);
  if (!node.empty()) wake(std::move(node.mapped()), {.detail = "no answer in time"});
}

bool OcspDesk::on_answer(tls::OcspTable& table, OcspAnswered answered, std::chrono::sys_seconds now) {
  // A copy: whoever is woken may change the table.
  const tls::OcspEntry entry = table.put(answered.key, std::move(answered.entry), now);
  auto node = pending_.extract(answered.key);
  if (!node.empty()) wake(std::move(node.mapped()), entry);
  return entry.what == What::revoked || entry.what == What::unknown;
}

void OcspDesk::wake(std::unique_ptr<Pending> pending, const tls::OcspEntry& entry) {
  // Each callback may end other waits, or begin its own anew under another Pending.
  while (pending->first != nullptr) {
    OcspWait& wait = *pending->first;
    wait.cancel();
    wait.on_known_(entry);
  }
  pending->deadline.cancel();
  // Its deadline may be what has called.
  loop_.retire(std::move(pending));
}

}  // namespace gateway::proxy
