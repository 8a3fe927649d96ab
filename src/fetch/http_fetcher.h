#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/deadline_wheel.h"
#include "core/event_loop.h"
#include "core/http_url.h"
#include "core/limits.h"
#include "core/result.h"

namespace gateway::fetch {

struct FetchRequest {
  enum class Method : std::uint8_t { get, post };

  Method method = Method::get;
  core::HttpUrl url;
  std::string content_type;                                  // of `body`; both for POST only
  std::string body;                                          //
  std::vector<std::pair<std::string, std::string>> headers;  // more of them: Accept, If-None-Match…
  std::size_t max_response_bytes = 0;                        // of the body
  core::Milliseconds timeout{};                              // for all of it, name look-up and redirects included
};

// A final response of any status: what a 404 or a 304 means is for the caller to say. A body that ends with the
// connection may have been cut: whatever is fetched must know its own end, as DER does.
struct FetchResponse {
  unsigned status = 0;
  std::string content_type;
  std::string etag;           // as sent, with its quotes; "" if there is none
  std::string last_modified;  // as sent
  std::string body;
};

using FetchResult = core::Result<FetchResponse>;

// What went wrong, by Error::reason: upstream_connect (name, connect), upstream_timeout, upstream_reset (closed or
// reset before the end), upstream_bad_response (not HTTP, too large, encoded, redirected too often or to something that
// is no http URL). `detail` is one sentence for the log.
using FetchCallback = std::move_only_function<void(FetchResult)>;

// One fetch that is under way. Its death cancels it: the callback is not called then, the connection is closed. May die
// within its own callback.
class Fetch {
 public:
  virtual ~Fetch() = default;
};

// An HTTP/1.1 client for small things that are signed themselves: CRLs and OCSP responses. One request a connection, no
// proxy, no cookies, no authentication, no TLS, identity encoding only. A GET follows up to kMaxRedirects redirects
// (http only), a POST none. How many run at once is for the caller to bound. Used on the loop's thread; every Fetch
// must be dead before the fetcher.
class HttpFetcher {
 public:
  static constexpr unsigned kMaxRedirects = 3;

  explicit HttpFetcher(core::EventLoop& loop);
  HttpFetcher(const HttpFetcher&) = delete;
  HttpFetcher& operator=(const HttpFetcher&) = delete;

  // `callback` is called once, never from within this call.
  [[nodiscard]] std::unique_ptr<Fetch> fetch(FetchRequest request, FetchCallback callback);

  // Name look-ups on libuv's thread pool, those of dead fetches included: the loop can't end before they do. May be
  // asked on when the fetcher is dead: keep the pointer.
  [[nodiscard]] std::shared_ptr<const std::size_t> running_lookups() const { return running_lookups_; }

 private:
  core::EventLoop& loop_;
  core::DeadlineWheel wheel_;
  std::shared_ptr<std::size_t> running_lookups_;
};

}  // namespace gateway::fetch
