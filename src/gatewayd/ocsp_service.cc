#include "gatewayd/ocsp_service.h"

#include <algorithm>
#include <set>
#include <utility>

#include "core/http_url.h"
#include "core/log.h"
#include "tls/crl_index.h"
#include "tls/limits.h"
#include "tls/ocsp_response.h"

namespace gateway::gatewayd {
namespace {

constexpr core::Milliseconds kReportDelay{200};
// Responders whose state is remembered for the log; certificates name them, so their number is bounded here.
constexpr std::size_t kMaxResponders = 1024;

OcspOutcome outcome_of(tls::OcspStatus status) {
  switch (status) {
    case tls::OcspStatus::good:
      return OcspOutcome::good;
    case tls::OcspStatus::revoked:
      return OcspOutcome::revoked;
    case tls::OcspStatus::unknown:
      break;
  }
  return OcspOutcome::unknown;
}

bool is_answer(OcspOutcome outcome) {
  return outcome == OcspOutcome::good || outcome == OcspOutcome::revoked || outcome == OcspOutcome::unknown;
}

}  // namespace

// A certificate that is being asked about, or waits for its turn.
struct OcspService::Question final : core::Retirable {
  Question(core::DeadlineWheel& wheel, proxy::OcspQuery asked, core::Deadline::Callback on_timeout)
      : query(std::move(asked)), workers{query.worker}, deadline(wheel, std::move(on_timeout)) {}

  proxy::OcspQuery query;
  std::set<unsigned> workers;  // that have asked
  core::Deadline deadline;
  std::uint64_t end_ms = 0;  // of the loop's clock
  core::HttpUrl url;
  std::string responder;  // key in responders_
  std::string nonce;
  std::unique_ptr<fetch::Fetch> fetch;  // null: waits for its turn
  std::uint64_t asked_at = 0;           // uv_hrtime
};

OcspService::OcspService(Parts parts)
    : parts_(std::move(parts)), wheel_(parts_.loop), report_deadline_(wheel_, [this] { parts_.report(report_); }) {}

OcspService::~OcspService() = default;

void OcspService::ask(proxy::OcspQuery query) {
  workers_.insert_or_assign(query.worker, query.reply);
  const auto now = parts_.clock();
  const tls::OcspEntry* known = table_.find(query.key, now);
  // What the worker has itself is no answer, unless there was nothing better to be had a moment ago.
  if (known != nullptr && (known->until > query.known_until || now < known->ask_again)) {
    ++report_.cache_hits;
    query.reply({.key = query.key, .entry = *known});
    return counted();
  }
  if (const auto found = questions_.find(query.key); found != questions_.end()) {
    ++report_.coalesced;
    found->second->workers.insert(query.worker);
    return counted();
  }
  if (questions_.size() >= kMaxQuestions) {
    ++report_.queries[static_cast<std::size_t>(OcspOutcome::overload)];
    query.reply({.key = query.key, .entry = tls::unavailable_entry("too many questions wait already", now)});
    return counted();
  }
  const tls::OcspKey key = query.key;
  auto question = std::make_unique<Question>(wheel_, std::move(query), [this, key] {
    conclude(*questions_.at(key), tls::unavailable_entry("no answer in time", parts_.clock()), OcspOutcome::timeout);
  });
  begin(*questions_.emplace(key, std::move(question)).first->second);
  counted();
}

void OcspService::begin(Question& question) {
  const tls::OcspSettings& settings = question.query.trust->ocsp->settings;
  const auto timeout = std::chrono::duration_cast<core::Milliseconds>(settings.timeout);
  question.deadline.set(timeout);
  question.end_ms = parts_.loop.now() + static_cast<std::uint64_t>(timeout.count());
  const auto named = settings.responder.empty() ? tls::ocsp_url_of(question.query.certificate)
                                                : std::optional<std::string>(settings.responder);
  auto url = named ? core::HttpUrl::parse(*named) : std::unexpected(std::string("the certificate names no responder"));
  if (!url) {
    return conclude(question, tls::unavailable_entry("no OCSP responder: " + url.error(), parts_.clock()),
                    OcspOutcome::no_responder);
  }
  question.url = std::move(*url);
  question.responder = question.url.authority();
  Responder& responder = responders_[question.responder];
  if (can_ask(responder)) return send(question);
  responder.queue.push_back(question.query.key);
}

bool OcspService::can_ask(const Responder& responder) const {
  return responder.asking < kMaxAskingOneResponder && asking_ < kMaxAsking;
}

void OcspService::send(Question& question) {
  const tls::OcspOptions& ocsp = *question.query.trust->ocsp;
  if (ocsp.settings.nonce != tls::OcspNonce::off) question.nonce = tls::make_ocsp_nonce();
  auto body = tls::build_ocsp_request({.certificate = question.query.certificate,
                                       .issuer = *question.query.issuer,
                                       .nonce = question.nonce,
                                       .responder_certificate = {}});
  if (!body || (question.nonce.empty() && ocsp.settings.nonce != tls::OcspNonce::off)) {
    return conclude(question, tls::unavailable_entry("no OCSP request could be made", parts_.clock()),
                    OcspOutcome::error);
  }
  ++responders_[question.responder].asking;
  ++asking_;
  question.asked_at = uv_hrtime();
  const std::uint64_t now = parts_.loop.now();
  const core::Milliseconds rest(
      static_cast<std::int64_t>(std::max<std::uint64_t>(question.end_ms > now ? question.end_ms - now : 0, 1)));
  question.fetch =
      parts_.fetcher.fetch({.method = fetch::FetchRequest::Method::post,
                            .url = question.url,
                            .content_type = "application/ocsp-request",
                            .body = std::move(*body),
                            .headers = {{"Accept", "application/ocsp-response"}},
                            .max_response_bytes = tls::kMaxOcspResponseBytes,
                            .timeout = rest},
                           [this, &question](fetch::FetchResult result) { on_response(question, std::move(result)); });
}

void OcspService::on_response(Question& question, fetch::FetchResult result) {
  const auto now = parts_.clock();
  const auto failed = [&](std::string why, OcspOutcome outcome) {
    conclude(question, tls::unavailable_entry(std::move(why), now), outcome);
  };
  if (!result) {
    const bool late = result.error().reason == core::Reason::upstream_timeout;
    return failed(result.error().detail, late ? OcspOutcome::timeout : OcspOutcome::error);
  }
  if (result->status != 200) {
    return failed("the responder answers with HTTP status " + std::to_string(result->status), OcspOutcome::error);
  }
  const proxy::OcspQuery& query = question.query;
  const tls::OcspSettings& settings = query.trust->ocsp->settings;
  const auto answer = tls::read_ocsp_response(result->body,
                                              {.certificate = query.certificate,
                                               .issuer = *query.issuer,
                                               .nonce = question.nonce,
                                               .nonce_required = settings.nonce == tls::OcspNonce::required,
                                               .responder_certificate = settings.responder_certificate},
                                              now);
  if (!answer) return failed(answer.error().detail, OcspOutcome::refused);
  // The delegate has the same issuer, so its revocation stands where the client's would.
  if (answer->delegate && query.trust->crls->look_up(query.key.issuer_key, answer->delegate->serial, false, now) ==
                              tls::CrlIndex::Finding::revoked) {
    return failed("the responder's certificate is revoked", OcspOutcome::refused);
  }
  conclude(question, tls::entry_of(*answer, now), outcome_of(answer->status));
}

void OcspService::conclude(Question& question, tls::OcspEntry entry, OcspOutcome outcome) {
  auto node = questions_.extract(question.query.key);
  ++report_.queries[static_cast<std::size_t>(outcome)];
  if (!question.responder.empty()) {
    Responder& responder = responders_[question.responder];
    if (question.fetch) {
      report_.duration.observe(std::chrono::nanoseconds(uv_hrtime() - question.asked_at));
      --responder.asking;
      --asking_;
    }
    note_responder(responder, question.responder, outcome, entry.detail);
  }
  const tls::OcspKey& key = question.query.key;
  const tls::OcspEntry& known = table_.put(key, std::move(entry), parts_.clock());
  const bool for_all = known.what == tls::OcspEntry::What::revoked || known.what == tls::OcspEntry::What::unknown;
  for (const auto& [worker, reply] : workers_) {
    if (for_all || question.workers.contains(worker)) reply({.key = key, .entry = known});
  }
  question.fetch.reset();
  question.deadline.cancel();
  // Its deadline, or its fetch, may be what has called.
  parts_.loop.retire(std::move(node.mapped()));
  start_waiting();
  counted();
}

void OcspService::start_waiting() {
  // A question that can't even be sent concludes within this loop.
  if (std::exchange(starting_, true)) return;
  for (auto at = responders_.begin(); at != responders_.end();) {
    Responder& responder = at->second;
    while (!responder.queue.empty() && can_ask(responder)) {
      const auto found = questions_.find(responder.queue.front());
      responder.queue.pop_front();
      if (found != questions_.end() && !found->second->fetch) send(*found->second);
    }
    const bool idle = responder.asking == 0 && responder.queue.empty();
    at = idle && !responder.failing ? responders_.erase(at) : std::next(at);
  }
  starting_ = false;
}

void OcspService::note_responder(Responder& responder, const std::string& name, OcspOutcome outcome,
                                 const std::string& detail) {
  if (is_answer(outcome)) {
    if (std::exchange(responder.failing, false)) {
      core::log_event(core::LogLevel::info, "an OCSP responder answers again", {{"responder", name}});
    }
    return;
  }
  if (responder.failing || responders_.size() > kMaxResponders) return;
  responder.failing = true;
  core::log_event(core::LogLevel::warning, "an OCSP responder gives no answer that could be used",
                  {{"responder", name}, {"outcome", to_string(outcome)}, {"detail", detail}});
}

void OcspService::counted() {
  report_.asking = asking_;
  report_.queued = questions_.size() - asking_;
  report_.known = table_.size();
  if (!report_deadline_.is_set()) report_deadline_.set(kReportDelay);
}

}  // namespace gateway::gatewayd
