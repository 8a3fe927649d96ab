#include "gatewayd/emergency_revocations.h"

#include <algorithm>
#include <utility>

#include "core/log.h"

namespace gateway::gatewayd {
namespace {

// Keeps a timer alive until the loop's turn has ended: it dies while its own callback is on the stack.
struct DyingTimer final : core::Retirable {
  explicit DyingTimer(std::unique_ptr<Timer> timer) : kept(std::move(timer)) {}
  std::unique_ptr<Timer> kept;
};

void log_change(std::string_view what, const RevocationOutcome& outcome, std::size_t count) {
  const bool done = outcome.result == RevocationResult::done;
  core::log_event(done ? core::LogLevel::info : core::LogLevel::error, what,
                  {{"certificate", describe(outcome.entry)},
                   {"comment", outcome.entry.comment},
                   {"result", to_string(outcome.result)},
                   {"detail", outcome.error},
                   {"closed_connections", static_cast<std::int64_t>(outcome.closed)},
                   {"revocations", static_cast<std::int64_t>(count)}});
}

}  // namespace

std::string_view to_string(RevocationResult result) {
  switch (result) {
    case RevocationResult::done:
      return "done";
    case RevocationResult::unsaved:
      return "unsaved";
    case RevocationResult::refused:
      return "refused";
    case RevocationResult::unknown:
      return "unknown";
    case RevocationResult::timeout:
      break;
  }
  return "timeout";
}

std::shared_ptr<const tls::KnownRevocations> known_revocations_of(const std::vector<RevocationEntry>& entries) {
  std::vector<tls::RevokedCertificate> certificates;
  certificates.reserve(entries.size());
  for (const RevocationEntry& entry : entries) certificates.push_back(certificate_of(entry));
  return std::make_shared<const tls::KnownRevocations>(certificates);
}

core::Result<std::vector<RevocationEntry>> EmergencyRevocations::load(const StateDirectory& directory) {
  const auto failure = [](const std::string& what, std::string_view mend) {
    return core::fail(
        core::Reason::internal, core::Side::gateway,
        "what gatewayctl revoke was told can't be read, and without it revoked clients would be let in: " + what +
            "; " + std::string(mend));
  };
  auto text = directory.read(kFile);
  if (!text) return failure(text.error().detail, "mend that, or set another state_directory");
  if (!*text) return std::vector<RevocationEntry>();
  auto entries = decode_revocations(**text);
  if (!entries) {
    return failure(directory.path_of(kFile).string() + " " + entries.error().detail,
                   "mend the file, or move it away, start, and revoke again what it named");
  }
  return std::move(*entries);
}

EmergencyRevocations::EmergencyRevocations(core::EventLoop& loop, StateDirectory directory,
                                           std::vector<RevocationEntry> entries, unsigned workers, Post post,
                                           core::Milliseconds adoption_time)
    : loop_(loop),
      directory_(std::move(directory)),
      entries_(std::move(entries)),
      workers_(workers),
      post_(std::move(post)),
      adoption_time_(adoption_time) {}

std::vector<RevocationEntry>::iterator EmergencyRevocations::find(const RevocationEntry& entry) {
  const tls::RevokedCertificate wanted = certificate_of(entry);
  return std::ranges::find_if(entries_, [&](const RevocationEntry& known) { return certificate_of(known) == wanted; });
}

void EmergencyRevocations::add(RevocationEntry entry, Done done) {
  entry.added = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
  if (const auto known = find(entry); known != entries_.end()) {
    *known = entry;
  } else if (entries_.size() >= kMaxRevocations) {
    return done({.result = RevocationResult::refused,
                 .entry = std::move(entry),
                 .error = "there are " + std::to_string(kMaxRevocations) + " entries already; use a CRL"});
  } else {
    entries_.push_back(entry);
  }
  change("certificate revoked by gatewayctl revoke", std::move(entry), std::move(done));
}

void EmergencyRevocations::remove(const RevocationEntry& entry, Done done) {
  const auto known = find(entry);
  if (known == entries_.end()) {
    return done(
        {.result = RevocationResult::unknown, .entry = entry, .error = "there is no entry for " + describe(entry)});
  }
  RevocationEntry removed = std::move(*known);
  entries_.erase(known);
  change("revocation taken back by gatewayctl revoke --remove", std::move(removed), std::move(done));
}

void EmergencyRevocations::change(std::string_view what, RevocationEntry entry, Done done) {
  RevocationOutcome outcome{.result = RevocationResult::done, .entry = std::move(entry), .closed = 0, .error = {}};
  const auto written = directory_.write(kFile, encode_revocations(entries_));
  saved_ = written.has_value();
  if (!written) {
    outcome.result = RevocationResult::unsaved;
    outcome.error = written.error().detail;
  }
  const std::uint64_t number = ++round_;
  Round& round = rounds_[number];
  round.outcome = std::move(outcome);
  round.done = [this, what, done = std::move(done)](const RevocationOutcome& ended) mutable {
    log_change(what, ended, entries_.size());
    if (done) done(ended);
  };
  for (unsigned i = 0; i < workers_; ++i) round.missing.insert(i);
  round.deadline = std::make_unique<Timer>(loop_, [this, number] {
    Round& late = rounds_.at(number);
    late.outcome.error = late.outcome.result == RevocationResult::unsaved ? late.outcome.error + "; " : "";
    late.outcome.result = RevocationResult::timeout;
    late.outcome.error += "not every worker has confirmed it in time";
    finish(number);
  });
  round.deadline->start(adoption_time_);
  post_(number, known_revocations_of(entries_));
}

void EmergencyRevocations::on_adopted(const proxy::RevocationsAdopted& message) {
  const auto found = rounds_.find(message.round);
  if (found == rounds_.end() || found->second.missing.erase(message.worker) == 0) return;
  found->second.outcome.closed += message.closed;
  if (found->second.missing.empty()) finish(message.round);
}

void EmergencyRevocations::finish(std::uint64_t round) {
  auto ended = std::move(rounds_.extract(round).mapped());
  ended.deadline->stop();
  loop_.retire(std::make_unique<DyingTimer>(std::move(ended.deadline)));
  ended.done(ended.outcome);
}

}  // namespace gateway::gatewayd
