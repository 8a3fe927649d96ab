// Preloaded into gatewayd by bench/scale.py: how much processor time the longest turn of each event loop took, from the
// return of epoll to the next call. Written to the file $TURN_CLOCK, which is mapped; whoever reads it may set it to
// zero.
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <ctime>

namespace {

constexpr unsigned kLoops = 64;

struct Loop {
  char name[16];
  std::atomic<std::uint64_t> turns;
  std::atomic<std::uint64_t> longest;  // nanoseconds
};
struct File {
  std::atomic<std::uint64_t> loops;
  Loop loop[kLoops];
};

File* map_file() {
  const char* path = std::getenv("TURN_CLOCK");
  const int fd = path != nullptr ? ::open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600) : -1;
  if (fd < 0 || ::ftruncate(fd, sizeof(File)) != 0) return nullptr;
  void* mapped = ::mmap(nullptr, sizeof(File), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  ::close(fd);
  return mapped == MAP_FAILED ? nullptr : static_cast<File*>(mapped);
}

std::uint64_t processor_time() {
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000U + static_cast<std::uint64_t>(time.tv_nsec);
}

Loop* own_loop() {
  static File* const file = map_file();
  if (file == nullptr) return nullptr;
  const std::uint64_t index = file->loops.fetch_add(1);
  if (index >= kLoops) return nullptr;
  Loop* const loop = &file->loop[index];
  ::pthread_getname_np(::pthread_self(), loop->name, sizeof(loop->name));
  return loop;
}

thread_local Loop* loop = nullptr;
thread_local std::uint64_t turn_began = 0;

void end_turn() {
  if (turn_began == 0) return;
  if (loop == nullptr) loop = own_loop();
  if (loop == nullptr) return;
  const std::uint64_t took = processor_time() - turn_began;
  loop->turns.fetch_add(1, std::memory_order_relaxed);
  loop->longest.store(std::max(loop->longest.load(std::memory_order_relaxed), took), std::memory_order_relaxed);
}

template <typename Function>
Function next(const char* name) {
  return reinterpret_cast<Function>(::dlsym(RTLD_NEXT, name));
}

}  // namespace

extern "C" int epoll_wait(int epoll, epoll_event* events, int most, int timeout) {
  static const auto real = next<int (*)(int, epoll_event*, int, int)>("epoll_wait");
  end_turn();
  const int found = real(epoll, events, most, timeout);
  turn_began = processor_time();
  return found;
}

extern "C" int epoll_pwait(int epoll, epoll_event* events, int most, int timeout, const sigset_t* mask) {
  static const auto real = next<int (*)(int, epoll_event*, int, int, const sigset_t*)>("epoll_pwait");
  end_turn();
  const int found = real(epoll, events, most, timeout, mask);
  turn_began = processor_time();
  return found;
}
