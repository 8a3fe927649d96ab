#include "config/file_reader.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "config/quote.h"
#include "core/secret.h"
#include "tls/digest.h"

namespace gateway::config {
namespace {

std::string system_message(int code) {
  return std::system_category().message(code);
}

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  [[nodiscard]] int get() const { return fd_; }

 private:
  int fd_;
};

}  // namespace

std::expected<std::string, std::string> read_file(const std::filesystem::path& path, std::size_t max_bytes) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.get() < 0) return std::unexpected(system_message(errno));
  struct stat status{};
  if (::fstat(file.get(), &status) != 0) return std::unexpected(system_message(errno));
  if (S_ISDIR(status.st_mode)) return std::unexpected(system_message(EISDIR));
  if (!S_ISREG(status.st_mode)) return std::unexpected("Not a regular file");
  std::string content;
  constexpr std::size_t kStep = 64 << 10;
  // At once, so that no copy of a secret is left behind as it grows.
  content.reserve(static_cast<std::size_t>(status.st_size) + 2 * kStep);
  while (true) {
    const std::size_t used = content.size();
    content.resize(used + kStep);
    const ssize_t got = ::read(file.get(), content.data() + used, kStep);
    if (got < 0 && errno == EINTR) {
      content.resize(used);
      continue;
    }
    if (got < 0) return std::unexpected(system_message(errno));
    content.resize(used + static_cast<std::size_t>(got));
    if (content.size() > max_bytes) return std::unexpected(fmt::format("larger than {} bytes", max_bytes));
    if (got == 0) return content;
  }
}

std::expected<std::string, std::string> read_watched_file(const std::string& path, std::size_t max_bytes,
                                                          std::vector<WatchedFile>& watched) {
  const auto now = std::chrono::system_clock::now();
  WatchedFile file{.path = path,
                   .fingerprint = FileLook().fingerprint(path),
                   .content = {},
                   .read_at = std::chrono::steady_clock::now()};
  auto content = read_file(path, max_bytes);
  if (content && is_young(file.fingerprint, now)) file.content = tls::sha256({*content});
  watched.push_back(std::move(file));
  return content;
}

bool is_readable_by_all(const std::string& path) {
  struct stat status{};
  return ::stat(path.c_str(), &status) == 0 && (status.st_mode & S_IROTH) != 0;
}

FileReader::FileReader(const std::string& config_file, std::vector<WatchedFile>& watched)
    : folder_(std::filesystem::path(config_file).parent_path()), watched_(watched) {}

FileReader::~FileReader() {
  for (auto& [path, content] : files_) {
    if (content) core::wipe(content->data(), content->size());
  }
}

std::string FileReader::absolute(const std::string& path) const {
  return (folder_ / path).lexically_normal().string();
}

std::expected<const std::string*, std::string> FileReader::read(const std::string& path) {
  const std::string full = absolute(path);
  auto found = files_.find(full);
  if (found == files_.end()) {
    found = files_.emplace(full, read_watched_file(full, kMaxFileBytes, watched_)).first;
  }
  if (!found->second) return std::unexpected(fmt::format("can't read {}: {}", in_quotes(full), found->second.error()));
  return &*found->second;
}

}  // namespace gateway::config
