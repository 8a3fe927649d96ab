#include "pki/safe_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>
#include <tuple>
#include <utility>

namespace gateway::pki {
namespace {

constexpr std::size_t kMaxFileBytes = 64U << 20U;
constexpr std::chrono::seconds kLockTimeout{30};
constexpr std::chrono::milliseconds kLockInterval{20};

std::unexpected<Error> system_failure(std::string_view what, const std::filesystem::path& path, int error) {
  return refuse(std::string(what) + ": " + std::strerror(error), path);
}

int write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(fd, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return errno;
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  return 0;
}

// A new name is only as durable as the folder that has it.
int sync_folder_of(const std::filesystem::path& path) {
  const std::filesystem::path folder = path.has_parent_path() ? path.parent_path() : ".";
  const FileDescriptor descriptor(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (descriptor.get() < 0) return errno;
  // Some network file systems can't sync a folder and say EINVAL; there is nothing more to be had from them.
  return ::fsync(descriptor.get()) == 0 || errno == EINVAL ? 0 : errno;
}

// Writes, syncs and closes.
int fill(FileDescriptor& descriptor, std::string_view bytes) {
  if (const int error = write_all(descriptor.get(), bytes); error != 0) return error;
  if (::fsync(descriptor.get()) != 0) return errno;
  return descriptor.close() ? 0 : errno;
}

}  // namespace

FileDescriptor::FileDescriptor(FileDescriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

FileDescriptor& FileDescriptor::operator=(FileDescriptor&& other) noexcept {
  if (this != &other) {
    close();
    fd_ = std::exchange(other.fd_, -1);
  }
  return *this;
}

FileDescriptor::~FileDescriptor() {
  close();
}

bool FileDescriptor::close() noexcept {
  const int fd = std::exchange(fd_, -1);
  return fd < 0 || ::close(fd) == 0;
}

Result<std::string> read_file(const std::filesystem::path& path) {
  const FileDescriptor descriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (descriptor.get() < 0) return system_failure("cannot open", path, errno);
  std::string bytes;
  std::string chunk(64U << 10U, '\0');
  while (true) {
    const ssize_t count = ::read(descriptor.get(), chunk.data(), chunk.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return system_failure("cannot read", path, errno);
    if (count == 0) return bytes;
    bytes.append(chunk, 0, static_cast<std::size_t>(count));
    if (bytes.size() > kMaxFileBytes) return refuse("is too large", path);
  }
}

Result<Done> create_file(const std::filesystem::path& path, std::string_view bytes, mode_t mode) {
  FileDescriptor descriptor(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode));
  if (descriptor.get() < 0) {
    if (errno == EEXIST) return refuse("exists already and is never overwritten", path);
    return system_failure("cannot create", path, errno);
  }
  int error = fill(descriptor, bytes);
  if (error == 0) error = sync_folder_of(path);
  if (error == 0) return Done{};
  ::unlink(path.c_str());
  return system_failure("cannot write", path, error);
}

Result<Done> replace_file(const std::filesystem::path& path, std::string_view bytes, mode_t mode) {
  std::string temporary = (path.parent_path() / ("." + path.filename().string() + ".XXXXXX")).string();
  FileDescriptor descriptor(::mkostemp(temporary.data(), O_CLOEXEC));
  if (descriptor.get() < 0) return system_failure("cannot create a file beside", path, errno);
  int error = ::fchmod(descriptor.get(), mode) == 0 ? 0 : errno;
  if (error == 0) error = fill(descriptor, bytes);
  if (error == 0 && ::rename(temporary.c_str(), path.c_str()) != 0) error = errno;
  if (error != 0) {
    ::unlink(temporary.c_str());
    return system_failure("cannot write", path, error);
  }
  error = sync_folder_of(path);
  if (error != 0) return system_failure("cannot sync the folder of", path, error);
  return Done{};
}

Result<FolderLock> FolderLock::acquire(const std::filesystem::path& folder) {
  const std::filesystem::path path = folder / ".lock";
  FileDescriptor descriptor(::open(path.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, kPrivateMode));
  if (descriptor.get() < 0) return system_failure("cannot lock", path, errno);
  const auto deadline = std::chrono::steady_clock::now() + kLockTimeout;
  while (::flock(descriptor.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK && errno != EINTR) return system_failure("cannot lock", path, errno);
    if (std::chrono::steady_clock::now() >= deadline) return refuse("is held by another gatewayctl", path);
    std::this_thread::sleep_for(kLockInterval);
  }
  return FolderLock(std::move(descriptor));
}

NewFiles::~NewFiles() {
  for (const std::filesystem::path& path : paths_) ::unlink(path.c_str());
}

Result<Done> NewFiles::create(const std::filesystem::path& path, std::string_view bytes, mode_t mode) {
  TRY(std::ignore, create_file(path, bytes, mode));
  paths_.push_back(path);
  return Done{};
}

}  // namespace gateway::pki
