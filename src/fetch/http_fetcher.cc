#include "fetch/http_fetcher.h"

#include "fetch/http_exchange.h"

namespace gateway::fetch {
namespace {

// The exchange may be on the stack when its owner drops it: it is cut off now and freed by the loop.
class OwnedExchange final : public Fetch {
 public:
  OwnedExchange(core::EventLoop& loop, std::unique_ptr<HttpExchange> exchange)
      : loop_(loop), exchange_(std::move(exchange)) {}
  OwnedExchange(const OwnedExchange&) = delete;
  OwnedExchange& operator=(const OwnedExchange&) = delete;
  ~OwnedExchange() override {
    exchange_->cancel();
    loop_.retire(std::move(exchange_));
  }

 private:
  core::EventLoop& loop_;
  std::unique_ptr<HttpExchange> exchange_;
};

}  // namespace

HttpFetcher::HttpFetcher(core::EventLoop& loop)
    : loop_(loop), wheel_(loop), running_lookups_(std::make_shared<std::size_t>()) {}

std::unique_ptr<Fetch> HttpFetcher::fetch(FetchRequest request, FetchCallback callback) {
  auto exchange = std::make_unique<HttpExchange>(
      HttpExchange::Parts{.loop = loop_, .wheel = wheel_, .running_lookups = running_lookups_}, std::move(request),
      std::move(callback));
  exchange->start();
  return std::make_unique<OwnedExchange>(loop_, std::move(exchange));
}

}  // namespace gateway::fetch
