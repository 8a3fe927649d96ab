#include "config/program_output.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>

#include "core/unique_fd.h"

namespace gateway::config {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr std::size_t kMostBytes = 100;

std::expected<core::Secret, std::string> run(std::vector<std::string> arguments,
                                             milliseconds limit = milliseconds(20'000),
                                             const std::string& folder = "/") {
  return output_of({.arguments = std::move(arguments), .folder = folder, .limit = limit, .max_bytes = kMostBytes});
}

std::string output(std::vector<std::string> arguments, const std::string& folder = "/") {
  const auto got = run(std::move(arguments), milliseconds(20'000), folder);
  return got ? std::string(got->view()) : "error: " + got.error();
}

std::string shell(const std::string& script) {
  return output({"/bin/sh", "-c", script});
}

TEST_CASE("a program's output is what it wrote, and no shell reads its arguments") {
  CHECK(output({"/bin/echo", "a b", "$HOME;", "`x`"}) == "a b $HOME; `x`\n");
  CHECK(output({"echo", "-n", ""}).empty());
  CHECK(output({"pwd"}, "/usr") == "/usr\n");
}

TEST_CASE("a program that isn't there, fails or is killed is an error that says what it complained of") {
  CHECK(output({"/no/such/program"}) == "error: can't run '/no/such/program': No such file or directory");
  CHECK(output({"/etc/passwd"}) == "error: can't run '/etc/passwd': Permission denied");
  CHECK(output({"pwd"}, "/no/such/folder") == "error: can't run 'pwd': No such file or directory");
  CHECK(shell("exit 3") == "error: '/bin/sh' ended with status 3");
  CHECK(shell("echo secret; echo locked >&2; echo more >&2; exit 1") == "error: '/bin/sh' ended with status 1: locked");
  CHECK(shell("printf 'a\\033b' >&2; exit 1") == "error: '/bin/sh' ended with status 1: a\\x1Bb");
  CHECK(shell("kill -9 $$") == "error: '/bin/sh' was ended by signal 9");
}

TEST_CASE("output is bounded, and an endless one doesn't keep us") {
  CHECK(output({"head", "-c", "100", "/dev/zero"}) == std::string(kMostBytes, '\0'));
  CHECK(output({"head", "-c", "101", "/dev/zero"}) == "error: 'head' wrote more than 100 bytes");
  CHECK(output({"yes"}) == "error: 'yes' wrote more than 100 bytes");
  CHECK(shell("yes >&2 & sleep 0.2; kill $!; echo done") == "done\n");
}

TEST_CASE("a program that takes too long is killed with its children") {
  const auto begin = steady_clock::now();
  const auto file = std::filesystem::temp_directory_path() / ("gateway-child-" + std::to_string(::getpid()));
  const auto got = run({"/bin/sh", "-c", "sleep 600 & echo $! > " + file.string() + "; wait"}, milliseconds(400));
  REQUIRE_FALSE(got.has_value());
  CHECK(got.error() == "'/bin/sh' took longer than 400 ms");
  CHECK(steady_clock::now() - begin < std::chrono::seconds(10));
  pid_t child = 0;
  std::ifstream(file) >> child;
  std::filesystem::remove(file);
  REQUIRE(child > 0);
  // Whoever adopts orphans reaps it; until then it is a zombie that no longer sleeps.
  for (int i = 0; i < 1000 && ::kill(child, 0) == 0; ++i) {
    std::string state;
    std::ifstream stat("/proc/" + std::to_string(child) + "/stat");
    for (int field = 0; field < 3; ++field) stat >> state;
    if (state == "Z") break;
    std::this_thread::sleep_for(milliseconds(5));
    CHECK(i < 999);
  }
}

TEST_CASE("a program that leaves somebody behind with its output doesn't keep us") {
  const auto begin = steady_clock::now();
  CHECK(shell("sleep 5 & echo done") == "done\n");
  CHECK(steady_clock::now() - begin < std::chrono::seconds(4));
}

TEST_CASE("a program gets no descriptor of ours, no input, and nothing that is meant for the service") {
  const core::UniqueFd open(::open("/dev/null", O_RDONLY));  // without O_CLOEXEC
  REQUIRE(open.get() > 2);
  CHECK(shell("ls -1 /proc/self/fd | grep -v '^[012]$' | wc -l") == "1\n");  // ls has the folder itself open
  CHECK(output({"cat"}).empty());
  ::setenv("NOTIFY_SOCKET", "/run/x", 1);
  ::setenv("GATEWAY_TEST_WORD", "kept", 1);
  CHECK(shell("echo \"$NOTIFY_SOCKET$GATEWAY_TEST_WORD\"") == "kept\n");
  ::unsetenv("NOTIFY_SOCKET");
  ::unsetenv("GATEWAY_TEST_WORD");
}

TEST_CASE("signals that we block or ignore are as usual for the program") {
  sigset_t blocked;
  sigset_t before;
  ::sigemptyset(&blocked);
  ::sigaddset(&blocked, SIGTERM);
  ::pthread_sigmask(SIG_BLOCK, &blocked, &before);
  CHECK(shell("kill -TERM $$; echo survived") == "error: '/bin/sh' was ended by signal 15");
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

TEST_CASE("no child is left to reap") {
  CHECK(shell("exit 1").starts_with("error"));
  CHECK_FALSE(run({"sleep", "600"}, milliseconds(50)).has_value());
  CHECK(::waitpid(-1, nullptr, WNOHANG) == -1);
}

}  // namespace
}  // namespace gateway::config
