#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "core/deadline_wheel.h"
#include "core/event_loop.h"
#include "proxy/ocsp_message.h"
#include "tls/judge.h"

namespace gateway::proxy {

class OcspDesk;

// Somebody who waits for the status of a certificate. A member of who waits: its destructor ends the waiting, so that a
// late answer finds nobody.
class OcspWait {
 public:
  using Callback = std::move_only_function<void(const tls::OcspEntry&)>;

  // `on_known` is called once for each begin(), never from within it.
  OcspWait(OcspDesk& desk, Callback on_known) : desk_(desk), on_known_(std::move(on_known)) {}
  ~OcspWait() { cancel(); }
  OcspWait(const OcspWait&) = delete;
  OcspWait& operator=(const OcspWait&) = delete;

  // For what OcspDesk::look() said is being asked.
  void begin(const tls::OcspKey& key);
  void cancel();

 private:
  friend class OcspDesk;
  OcspDesk& desk_;
  Callback on_known_;
  OcspWait* next_ = nullptr;  // null: waits for nothing
  OcspWait* previous_ = nullptr;
  OcspWait** ring_ = nullptr;  // where the first of those that wait for the same is kept
};

// What a look at a client's OCSP status gave.
struct OcspFinding {
  // Whether it is decided. If not, the status thread has been asked about `key`.
  bool known = true;
  bool asked_for = false;                    // OCSP has a say in it at all
  core::Reason reason = core::Reason::none;  // if known: why the client is refused
  tls::OcspEntry::What what = tls::OcspEntry::What::good;
  std::string_view detail;  // valid until the desk is used again
  tls::OcspKey key;
};

// One worker's questions about OCSP statuses: looks into what the worker knows, has the status thread asked about what
// it doesn't, wakes who waits. Nobody waits longer than the timeout of the trust set and kGrace. One thread.
class OcspDesk {
 public:
  using Ask = std::function<void(OcspQuery)>;
  // How long after the timeout an answer of the status thread may still be on its way.
  static constexpr core::Milliseconds kGrace{500};

  // `ask` posts to the status thread; `reply` posts to this worker, from any thread.
  OcspDesk(core::EventLoop& loop, core::DeadlineWheel& wheel, unsigned worker, Ask ask,
           std::function<void(OcspAnswered)> reply);
  ~OcspDesk();
  OcspDesk(const OcspDesk&) = delete;
  OcspDesk& operator=(const OcspDesk&) = delete;

  // Decides about a peer (null: anonymous) by what `table` knows; asks if that is nothing, or soon nothing. Costs a
  // look-up.
  OcspFinding look(tls::OcspTable& table, const tls::VerifiedPeer* peer, const tls::HostOptions& host,
                   std::chrono::sys_seconds now);
  // Takes an answer into `table` and wakes who waits for it. True if it refuses a client: live connections must be
  // judged again.
  bool on_answer(tls::OcspTable& table, OcspAnswered answered, std::chrono::sys_seconds now);

  // Certificates that are being asked about.
  [[nodiscard]] std::size_t pending() const { return pending_.size(); }
  [[nodiscard]] std::size_t waiting() const { return waiting_; }

 private:
  friend class OcspWait;
  struct Pending;

  void ask(const tls::OcspKey& key, const tls::VerifiedPeer& peer, const tls::HostOptions& host,
           std::chrono::sys_seconds known_until);
  void give_up(const tls::OcspKey& key);
  void wake(std::unique_ptr<Pending> pending, const tls::OcspEntry& entry);

  core::EventLoop& loop_;
  core::DeadlineWheel& wheel_;
  unsigned worker_;
  Ask ask_;
  std::function<void(OcspAnswered)> reply_;
  std::unordered_map<tls::OcspKey, std::unique_ptr<Pending>, tls::OcspKeyHash> pending_;
  std::size_t waiting_ = 0;
};

}  // namespace gateway::proxy
