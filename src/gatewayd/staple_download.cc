#include "gatewayd/staple_download.h"

#include <algorithm>
#include <random>
#include <utility>

#include "core/log.h"
#include "gatewayd/refresh_schedule.h"
#include "tls/limits.h"

namespace gateway::gatewayd {
namespace {

// All places are taken.
constexpr core::Milliseconds kWait{200};
// Responses that count for weeks are asked for anew twice a day nevertheless: a revocation must show.
constexpr std::chrono::hours kLongestInterval{12};

std::chrono::sys_seconds now_in_seconds() {
  return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
}

double dice() {
  thread_local std::minstd_rand generator{std::random_device{}()};
  return std::uniform_real_distribution<double>(0, 1)(generator);
}

std::chrono::sys_seconds end_of(const tls::OcspAnswer& answer) {
  return answer.next_update.value_or(answer.this_update + tls::kOcspMaxAgeWithoutNextUpdate);
}

}  // namespace

StapleDownload::StapleDownload(StapleFetcher& owner, config::StapleSource source, StateDirectory directory)
    : owner_(owner),
      source_(std::move(source)),
      directory_(std::move(directory)),
      file_(config::staple_file_name(source_.fingerprint)),
      timer_(owner.parts_.loop, [this] { begin(); }) {
  state_.certificate = source_.fingerprint;
  state_.subject = source_.subject;
  state_.responder = source_.responder.text();
  look_for_kept();
}

StapleDownload::~StapleDownload() {
  release();
}

void StapleDownload::update(config::StapleSource source) {
  const bool same = source.responder == source_.responder && source.issuer == source_.issuer;
  source_ = std::move(source);
  state_.responder = source_.responder.text();
  if (same || !looked_) return;
  again_ = has_place_;
  if (!again_) timer_.start(core::Milliseconds{0});
}

tls::OcspQuestion StapleDownload::question() const {
  // Without a nonce: who answers for many signs ahead (RFC 5019), and the staple is shown to many.
  return {.certificate = source_.certificate,
          .issuer = source_.issuer,
          .nonce = {},
          .nonce_required = false,
          .responder_certificate = {}};
}

// A response of the process before this one closes the gap until the first answer. Nobody vouches for the file, so it
// is believed as little as an answer.
void StapleDownload::look_for_kept() {
  auto found = std::make_shared<std::optional<std::string>>();
  work_ = std::make_unique<BackgroundWork>(
      owner_.parts_.loop,
      [found, directory = directory_, file = file_] {
        if (auto read = directory.read(file)) *found = std::move(*read);
      },
      [this, found] {
        work_.reset();
        if (*found) {
          const auto answer = tls::read_ocsp_response(**found, question(), now_in_seconds());
          if (answer && answer->status == tls::OcspStatus::good && end_of(*answer) > now_in_seconds()) {
            staple_ = tls::Staple{.response = std::move(**found), .until = end_of(*answer)};
            state_.until = staple_->until;
            this_update_ = answer->this_update;
            owner_.report();
          }
        }
        looked_ = true;
        begin();
      });
}

void StapleDownload::begin() {
  if (!owner_.take_place()) return timer_.start(kWait);
  has_place_ = true;
  again_ = false;
  auto request = tls::build_ocsp_request(question());
  if (!request) return fail(&StapleState::failed, std::move(request.error().detail));
  fetch_ = owner_.parts_.fetcher.fetch({.method = fetch::FetchRequest::Method::post,
                                        .url = source_.responder,
                                        .content_type = "application/ocsp-request",
                                        .body = std::move(*request),
                                        .headers = {{"Accept", "application/ocsp-response"}},
                                        .max_response_bytes = tls::kMaxOcspResponseBytes,
                                        .timeout = StapleFetcher::kTimeout},
                                       [this](fetch::FetchResult result) { on_response(std::move(result)); });
}

void StapleDownload::on_response(fetch::FetchResult result) {
  fetch_.reset();
  if (!result) return fail(&StapleState::failed, std::move(result.error().detail));
  if (result->status != 200) {
    return fail(&StapleState::failed, "the responder answers with status " + std::to_string(result->status));
  }
  const auto answer = tls::read_ocsp_response(result->body, question(), now_in_seconds());
  if (!answer) return fail(&StapleState::failed, std::move(answer.error().detail));
  switch (answer->status) {
    case tls::OcspStatus::good:
      return take(std::move(result->body), *answer);
    case tls::OcspStatus::revoked:
      return withdraw();
    case tls::OcspStatus::unknown:
      return fail(&StapleState::failed, "the responder does not know the certificate");
  }
}

void StapleDownload::take(std::string response, const tls::OcspAnswer& answer) {
  if (staple_ && answer.this_update < this_update_) {
    return fail(&StapleState::failed, "the response is older than the one that is in use");
  }
  if (failures_ > 0) {
    core::log_event(core::LogLevel::info, "OCSP response for stapling is there again", {{"subject", source_.subject}});
  }
  failures_ = 0;
  state_.fault.clear();
  ++state_.good;
  staple_ = tls::Staple{.response = std::move(response), .until = end_of(answer)};
  state_.until = staple_->until;
  this_update_ = answer.this_update;
  keep(staple_->response);
  wait(after_success(kLongestInterval, staple_->until, now_in_seconds(), dice()));
  owner_.report();
}

void StapleDownload::withdraw() {
  staple_.reset();
  state_.until.reset();
  this_update_ = {};
  keep(std::nullopt);
  fail(&StapleState::revoked, "the CA says that the certificate is revoked");
}

// On the thread pool: it waits for the disk. A copy is a help and no more, so what goes wrong is only told.
void StapleDownload::keep(std::optional<std::string> response) {
  work_ = std::make_unique<BackgroundWork>(
      owner_.parts_.loop,
      [directory = directory_, file = file_, subject = source_.subject, response = std::move(response)] {
        const auto done = response ? directory.write(file, *response) : directory.remove(file);
        if (done) return;
        core::log_event(core::LogLevel::warning, "OCSP response for stapling can't be kept for the next start",
                        {{"subject", subject}, {"detail", done.error().detail}});
      },
      [this] { work_.reset(); });
}

void StapleDownload::fail(std::uint64_t StapleState::* count, std::string fault) {
  ++failures_;
  ++(state_.*count);
  if (fault != state_.fault) {
    core::log_event(core::LogLevel::error, "no OCSP response for stapling",
                    {{"subject", source_.subject}, {"responder", state_.responder}, {"detail", fault}});
  }
  state_.fault = std::move(fault);
  wait(after_failure(kLongestInterval, failures_, dice()));
  owner_.report();
}

void StapleDownload::wait(core::Milliseconds pause) {
  timer_.start(again_ ? core::Milliseconds{0} : pause);
  release();
}

void StapleDownload::release() {
  if (std::exchange(has_place_, false)) owner_.give_place();
}

}  // namespace gateway::gatewayd
