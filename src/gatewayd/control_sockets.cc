#include "gatewayd/control_sockets.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <uv.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

namespace gateway::gatewayd {
namespace {

using core::UniqueFd;

std::unexpected<core::Error> failure(const std::string& what, const std::string& why) {
  return core::fail(core::Reason::internal, core::Side::gateway, what + ": " + why);
}
std::unexpected<core::Error> system_failure(const std::string& what) {
  return failure(what, std::strerror(errno));
}

core::Result<sockaddr_un> unix_address(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) {
    return failure("admin.socket " + path, "the path has " + std::to_string(path.size()) +
                                               " bytes; a Unix socket takes " +
                                               std::to_string(sizeof(address.sun_path) - 1) + " at most");
  }
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  return address;
}

// Held while a path is examined and bound, so that of two daemons that start at once one sees the other. The lock is on
// the folder: no lock file stays behind.
core::Result<UniqueFd> lock_folder(const std::filesystem::path& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) return failure("folder of admin.socket " + folder.string(), error.message());
  UniqueFd fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd || ::flock(fd.get(), LOCK_EX) != 0) return system_failure("folder of admin.socket " + folder.string());
  return fd;
}

// Leaves nothing at `path`, or says why it may not be taken away.
core::Result<bool> remove_stale(const std::string& path, const sockaddr_un& address) {
  struct stat info{};
  if (::lstat(path.c_str(), &info) != 0) {
    if (errno == ENOENT) return true;
    return system_failure("admin.socket " + path);
  }
  if (!S_ISSOCK(info.st_mode)) return failure("admin.socket " + path, "a file that is no socket stands there");
  const UniqueFd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!probe) return system_failure("admin.socket " + path);
  const int status = ::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address));
  // EAGAIN: somebody listens, but the queue is full.
  if (status == 0 || errno == EAGAIN) return failure("admin.socket " + path, "another daemon answers on it");
  if (errno != ECONNREFUSED) return system_failure("admin.socket " + path);
  if (::unlink(path.c_str()) != 0) return system_failure("admin.socket " + path);
  return true;
}

}  // namespace

core::Result<UniqueFd> bind_tcp(const std::string& host, std::uint16_t port) {
  sockaddr_storage address{};
  const bool v6 = host.find(':') != std::string::npos;
  const std::string name = (v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
  const int parsed = v6 ? uv_ip6_addr(host.c_str(), port, reinterpret_cast<sockaddr_in6*>(&address))
                        : uv_ip4_addr(host.c_str(), port, reinterpret_cast<sockaddr_in*>(&address));
  if (parsed != 0) return failure("bind " + name, "not an IP address");
  UniqueFd fd(::socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const int on = 1;
  if (!fd || ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0)
    return system_failure("bind " + name);
  if (v6 && ::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) != 0)
    return system_failure("bind " + name);
  const socklen_t size = v6 ? sizeof(sockaddr_in6) : sizeof(sockaddr_in);
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), size) != 0) return system_failure("bind " + name);
  // Listening here makes a taken port an error of this call.
  if (::listen(fd.get(), SOMAXCONN) != 0) return system_failure("bind " + name);
  return fd;
}

core::Result<AdminSocket> AdminSocket::open(const std::string& path) {
  TRY(const auto address, unix_address(path));
  const auto parent = std::filesystem::path(path).parent_path();
  TRY(const auto lock, lock_folder(parent.empty() ? "." : parent));
  TRY([[maybe_unused]] const bool removed, remove_stale(path, address));
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  // The mode of the socket itself is what bind() gives the file, so there is no moment with a laxer one.
  if (!fd || ::fchmod(fd.get(), 0600) != 0) return system_failure("admin.socket " + path);
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    return system_failure("admin.socket " + path);
  }
  struct stat info{};
  if (::lstat(path.c_str(), &info) != 0) return system_failure("admin.socket " + path);
  AdminSocket made(path, std::move(fd), info.st_dev, info.st_ino);
  if ((info.st_mode & 0177U) != 0) return failure("admin.socket " + path, "its file did not get mode 0600");
  if (::listen(made.fd_.get(), SOMAXCONN) != 0) return system_failure("admin.socket " + path);
  return made;
}

AdminSocket::AdminSocket(AdminSocket&& other) noexcept
    : path_(std::exchange(other.path_, {})), fd_(std::move(other.fd_)), device_(other.device_), inode_(other.inode_) {}

AdminSocket::~AdminSocket() {
  struct stat info{};
  if (path_.empty() || ::lstat(path_.c_str(), &info) != 0) return;
  if (info.st_dev == device_ && info.st_ino == inode_) ::unlink(path_.c_str());
}

}  // namespace gateway::gatewayd
