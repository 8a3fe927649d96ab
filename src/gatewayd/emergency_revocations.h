#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/event_loop.h"
#include "core/result.h"
#include "gatewayd/revocation_entry.h"
#include "gatewayd/state_directory.h"
#include "gatewayd/timer.h"
#include "proxy/worker_message.h"

namespace gateway::gatewayd {

enum class RevocationResult : std::uint8_t {
  done,     // on disk, and every worker goes by it
  unsaved,  // every worker goes by it, but a restart loses it
  refused,  // nothing has changed
  unknown,  // nothing has changed: there is no such entry to remove
  timeout,  // handed out, but not every worker has confirmed it in time
};
std::string_view to_string(RevocationResult result);

struct RevocationOutcome {
  RevocationResult result = RevocationResult::refused;
  RevocationEntry entry;
  std::uint64_t closed = 0;  // connections of revoked clients that were ended for it
  std::string error;         // unless done
};

// What the operator has revoked (gatewayctl revoke): kept in the state directory, handed to all workers. An entry is on
// disk before it counts; if the disk refuses, it counts all the same, and the answer says so. Control thread only.
class EmergencyRevocations {
 public:
  static constexpr std::string_view kFile = "revocations.json";
  // All workers have so long to confirm.
  static constexpr core::Milliseconds kAdoptionTime{10'000};

  // Posts AdoptRevocations to every worker.
  using Post = std::function<void(std::uint64_t round, const std::shared_ptr<const tls::KnownRevocations>&)>;
  using Done = std::move_only_function<void(const RevocationOutcome&)>;

  // What an earlier process has kept. Error: it can't be read, and nobody may be served without it; says how to mend
  // it.
  static core::Result<std::vector<RevocationEntry>> load(const StateDirectory& directory);

  // `entries`: of load(). `workers` have them already.
  EmergencyRevocations(core::EventLoop& loop, StateDirectory directory, std::vector<RevocationEntry> entries,
                       unsigned workers, Post post, core::Milliseconds adoption_time = kAdoptionTime);

  // `entry` is a checked one; its time is set here. The same certificate again takes the new comment, and tries the
  // disk again. `done` is called once, later or at once.
  void add(RevocationEntry entry, Done done);
  // The entry that names the same certificate in the same way.
  void remove(const RevocationEntry& entry, Done done);
  void on_adopted(const proxy::RevocationsAdopted& message);

  [[nodiscard]] const std::vector<RevocationEntry>& entries() const { return entries_; }
  // The disk has what entries() says.
  [[nodiscard]] bool is_saved() const { return saved_; }

 private:
  struct Round {
    RevocationOutcome outcome;
    std::set<unsigned> missing;
    Done done;
    std::unique_ptr<Timer> deadline;
  };

  std::vector<RevocationEntry>::iterator find(const RevocationEntry& entry);
  void change(std::string_view what, RevocationEntry entry, Done done);
  void finish(std::uint64_t round);

  core::EventLoop& loop_;
  StateDirectory directory_;
  std::vector<RevocationEntry> entries_;
  unsigned workers_;
  Post post_;
  core::Milliseconds adoption_time_;
  bool saved_ = true;
  std::uint64_t round_ = 0;
  std::map<std::uint64_t, Round> rounds_;  // that wait for workers
};

// For workers.
std::shared_ptr<const tls::KnownRevocations> known_revocations_of(const std::vector<RevocationEntry>& entries);

}  // namespace gateway::gatewayd
