#include "tls/stream_bio.h"

#include <algorithm>
#include <cstring>
#include <new>

namespace gateway::tls {

const BIO_METHOD* StreamBio::method() {
  static const BioMethodPtr method = [] {
    BioMethodPtr made(BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "gateway stream"));
    if (!made || BIO_meth_set_read(made.get(), &StreamBio::on_read) != 1 ||
        BIO_meth_set_write(made.get(), &StreamBio::on_write) != 1 ||
        BIO_meth_set_ctrl(made.get(), &StreamBio::on_control) != 1) {
      made.reset();
    }
    return made;
  }();
  return method.get();
}

BioPtr StreamBio::make_bio() {
  if (method() == nullptr) return nullptr;
  BioPtr bio(BIO_new(method()));
  if (!bio) return nullptr;
  BIO_set_data(bio.get(), this);
  BIO_set_init(bio.get(), 1);
  return bio;
}

void StreamBio::reclaim() {
  if (kept_read_ == kept_.size()) {
    kept_.clear();
    kept_read_ = 0;
    // An idle connection holds no buffer of ours.
    if (lent_.empty()) kept_.shrink_to_fit();
  } else if (kept_read_ != 0) {
    kept_.erase(0, kept_read_);
    kept_read_ = 0;
  }
  kept_ += lent_;
  lent_ = {};
}

std::size_t StreamBio::peek(char* out, std::size_t size) const {
  const std::size_t from_kept = std::min(size, kept_.size() - kept_read_);
  std::memcpy(out, kept_.data() + kept_read_, from_kept);
  const std::size_t from_lent = std::min(size - from_kept, lent_.size());
  if (from_lent != 0) std::memcpy(out + from_kept, lent_.data(), from_lent);
  return from_kept + from_lent;
}

int StreamBio::on_read(BIO* bio, char* out, int size) noexcept {
  auto& stream = *static_cast<StreamBio*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  if (out == nullptr || size <= 0) return 0;
  if (stream.unread() == 0) {
    BIO_set_retry_read(bio);
    return -1;
  }
  if (stream.total_read_ >= stream.read_limit_) {
    stream.limit_hit_ = true;
    return -1;
  }
  const std::size_t wanted =
      std::min<std::uint64_t>(static_cast<std::uint64_t>(size), stream.read_limit_ - stream.total_read_);
  const std::size_t taken = stream.peek(out, wanted);
  const std::size_t from_kept = std::min(taken, stream.kept_.size() - stream.kept_read_);
  stream.kept_read_ += from_kept;
  stream.lent_.remove_prefix(taken - from_kept);
  stream.total_read_ += taken;
  return static_cast<int>(taken);
}

int StreamBio::on_write(BIO* bio, const char* bytes, int size) noexcept {
  BIO_clear_retry_flags(bio);
  if (bytes == nullptr || size <= 0) return 0;
  try {
    static_cast<StreamBio*>(BIO_get_data(bio))->output_.append(bytes, static_cast<std::size_t>(size));
  } catch (const std::bad_alloc&) {
    return -1;
  }
  return size;
}

long StreamBio::on_control(BIO*, int command, long, void*) noexcept {
  // OpenSSL flushes after each flight; all else (EOF, pending, pushes) keeps its default of "no".
  return command == BIO_CTRL_FLUSH ? 1 : 0;
}

}  // namespace gateway::tls
