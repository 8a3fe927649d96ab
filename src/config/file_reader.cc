#include "config/file_reader.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
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
  constexpr std::size_t kMostStep = 64 << 10;
  // Small for a small file: the room is filled with zeros before each read.
  const std::size_t step = std::min<std::size_t>(static_cast<std::size_t>(status.st_size) + 1, kMostStep);
  // At once, so that no copy of a secret is left behind as it grows, and a string of 40 MB isn't doubled: one step more
  // than the file has, for the read that finds its end.
  content.reserve(static_cast<std::size_t>(status.st_size) + step);
  while (true) {
    const std::size_t used = content.size();
    content.resize(used + step);
    const ssize_t got = ::read(file.get(), content.data() + used, step);
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
                   .is_folder = false,
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
    : config_file_(config_file), folder_(std::filesystem::path(config_file).parent_path()), watched_(watched) {}

FileReader::~FileReader() {
  for (auto& [path, file] : files_) {
    if (file.content) core::wipe(file.content->data(), file.content->size());
  }
}

std::string FileReader::absolute(const std::string& path) const {
  return (folder_ / path).lexically_normal().string();
}

FileReader::File& FileReader::file(const std::string& path) {
  if (const auto known = by_spelling_.find(path); known != by_spelling_.end()) return *known->second;
  const std::string full = absolute(path);
  auto found = files_.find(full);
  if (found == files_.end()) found = files_.emplace(full, File{read_once_watched(full), std::nullopt}).first;
  return *by_spelling_.emplace(path, &found->second).first->second;
}

std::expected<const std::string*, std::string> FileReader::read(const std::string& path) {
  const File& known = file(path);
  if (!known.content) return std::unexpected(known.content.error());
  return &*known.content;
}

const core::Sha256& FileReader::digest(const std::string& path) {
  File& known = file(path);
  if (!known.digest) known.digest = tls::sha256({known.content ? *known.content : known.content.error()});
  return *known.digest;
}

std::expected<std::string, std::string> FileReader::take(const std::string& path) {
  return read_once_watched(absolute(path));
}

bool FileReader::is_folder(const std::string& path) const {
  std::error_code error;
  return std::filesystem::is_directory(absolute(path), error);
}

std::expected<std::optional<std::vector<std::string>>, std::string> FileReader::list(const std::string& path) {
  const std::string full = absolute(path);
  if (!is_folder(path)) return std::nullopt;
  WatchedFile folder{.path = full,
                     .is_folder = true,
                     .fingerprint = FileLook().folder(full),
                     .content = {},
                     .read_at = std::chrono::steady_clock::now()};
  std::vector<std::string> names = folder.fingerprint.names;
  if (is_watched_.insert(full).second) watched_.push_back(std::move(folder));
  std::error_code error;
  const std::filesystem::directory_iterator readable(full, error);
  if (error) return std::unexpected(fmt::format("can't read {}: {}", in_quotes(full), error.message()));
  return names;
}

std::expected<std::string, std::string> FileReader::read_once_watched(const std::string& full) {
  auto content = is_watched_.insert(full).second ? read_watched_file(full, kMaxFileBytes, watched_)
                                                 : read_file(full, kMaxFileBytes);
  if (!content) return std::unexpected(fmt::format("can't read {}: {}", in_quotes(full), content.error()));
  return content;
}

}  // namespace gateway::config
