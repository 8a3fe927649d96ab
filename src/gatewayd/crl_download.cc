#include "gatewayd/crl_download.h"

#include <filesystem>
#include <random>
#include <utility>

#include "core/log.h"
#include "gatewayd/refresh_schedule.h"
#include "tls/crl_update.h"

namespace gateway::gatewayd {
namespace {

// All places are taken.
constexpr core::Milliseconds kWait{500};

std::chrono::sys_seconds now_in_seconds() {
  return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
}

double dice() {
  thread_local std::minstd_rand generator{std::random_device{}()};
  return std::uniform_real_distribution<double>(0, 1)(generator);
}

struct Checked {
  tls::CrlUpdate update;
  bool is_new = false;
};

// On the thread pool: may take a second for a million entries, and waits for the disk.
core::Result<Checked> take_up(const config::CrlSource& source, const StateDirectory& directory,
                              const std::string& bytes) {
  TRY(const auto previous, directory.read(source.file));
  const auto before = previous ? std::optional<std::string_view>(*previous) : std::nullopt;
  Checked checked;
  TRY(checked.update,
      tls::check_crl_update(
          bytes, before, {.issuers = source.issuers, .take_unproven = source.take_unproven, .now = now_in_seconds()}));
  if (before == bytes) return checked;
  TRY(checked.is_new, directory.write(source.file, bytes));
  return checked;
}

}  // namespace

CrlDownload::CrlDownload(CrlFetcher& owner, config::CrlSource source, StateDirectory directory)
    : owner_(owner),
      source_(std::move(source)),
      directory_(std::move(directory)),
      timer_(owner.parts_.loop, [this] { begin(); }) {
  state_.url = source_.url.text();
  timer_.start(core::Milliseconds{0});
}

CrlDownload::~CrlDownload() {
  release();
}

void CrlDownload::update(config::CrlSource source) {
  if (source == source_) return;
  source_ = std::move(source);
  // Another CA in the trust set may prove what the one before did not, or need another CRL.
  etag_.clear();
  last_modified_.clear();
  again_ = has_place_;
  if (!again_) timer_.start(core::Milliseconds{0});
}

void CrlDownload::begin() {
  if (!owner_.take_place()) return timer_.start(kWait);
  has_place_ = true;
  again_ = false;
  fetch::FetchRequest request{.method = fetch::FetchRequest::Method::get,
                              .url = source_.url,
                              .content_type = {},
                              .body = {},
                              .headers = {},
                              .max_response_bytes = CrlFetcher::kMaxBytes,
                              .timeout = CrlFetcher::kTimeout};
  // Somebody may have removed the copy: then nothing but all of it will do.
  std::error_code error;
  if (std::filesystem::exists(directory_.path_of(source_.file), error)) {
    if (!etag_.empty()) request.headers.emplace_back("If-None-Match", etag_);
    if (!last_modified_.empty()) request.headers.emplace_back("If-Modified-Since", last_modified_);
  }
  fetch_ = owner_.parts_.fetcher.fetch(std::move(request),
                                       [this](fetch::FetchResult result) { on_response(std::move(result)); });
}

void CrlDownload::on_response(fetch::FetchResult result) {
  fetch_.reset();
  if (!result) return fail(&CrlSourceState::failed, std::move(result.error().detail));
  const bool conditional = !etag_.empty() || !last_modified_.empty();
  if (result->status == 304 && conditional) return succeed(false);
  if (result->status != 200) {
    return fail(&CrlSourceState::failed, "the server answers with status " + std::to_string(result->status));
  }
  offered_etag_ = std::move(result->etag);
  offered_last_modified_ = std::move(result->last_modified);
  check(std::move(result->body));
}

void CrlDownload::check(std::string bytes) {
  auto outcome = std::make_shared<core::Result<Checked>>();
  work_ = std::make_unique<BackgroundWork>(
      owner_.parts_.loop,
      [outcome, source = source_, directory = directory_, bytes = std::move(bytes)] {
        *outcome = take_up(source, directory, bytes);
      },
      [this, outcome] {
        work_.reset();
        if (!*outcome) return fail(&CrlSourceState::refused, std::move(outcome->error().detail));
        etag_ = std::move(offered_etag_);
        last_modified_ = std::move(offered_last_modified_);
        next_update_ = (*outcome)->update.next_update;
        succeed((*outcome)->is_new);
      });
}

void CrlDownload::succeed(bool is_new) {
  if (failures_ > 0) core::log_event(core::LogLevel::info, "CRL can be fetched again", {{"url", state_.url}});
  if (is_new) core::log_event(core::LogLevel::info, "CRL fetched", {{"url", state_.url}});
  failures_ = 0;
  state_.fault.clear();
  state_.last_success = std::chrono::system_clock::now();
  ++(is_new ? state_.replaced : state_.unchanged);
  wait(after_success(source_.refresh, next_update_, now_in_seconds(), dice()));
  owner_.report(is_new);
}

void CrlDownload::fail(std::uint64_t CrlSourceState::* count, std::string fault) {
  ++failures_;
  ++(state_.*count);
  // Once, and again when something else is wrong: a dead server is no news every ten minutes.
  if (fault != state_.fault) {
    core::log_event(core::LogLevel::error, "CRL can't be fetched", {{"url", state_.url}, {"detail", fault}});
  }
  state_.fault = std::move(fault);
  wait(after_failure(source_.refresh, failures_, dice()));
  owner_.report(false);
}

void CrlDownload::wait(core::Milliseconds pause) {
  timer_.start(again_ ? core::Milliseconds{0} : pause);
  release();
}

void CrlDownload::release() {
  if (std::exchange(has_place_, false)) owner_.give_place();
}

}  // namespace gateway::gatewayd
