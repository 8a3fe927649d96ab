// bench_load: a client for measurements, over mutual TLS. Prints one line of JSON; exit status 1 if anything failed.
#include <csignal>
#include <cstdio>

#include "bench/load/load.h"

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  bench::Load load(bench::parse_options(argc, argv));
  load.run();
  std::printf("%s\n", load.tally().json().c_str());
  return load.tally().failures() == 0 ? 0 : 1;
}
