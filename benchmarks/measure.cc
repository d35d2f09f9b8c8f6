// measure COMMAND ARG...: runs one command and prints what it took as a line of JSON. It is a
// program of its own because a process starts out with its parent's peak memory in its books: a
// Python parent would add 10 MB to every figure, this one adds 2.
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <cstdio>
#include <cstring>
#include <ctime>

extern char** environ;

namespace {

double seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
}

double now() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fputs("usage: measure COMMAND ARG...\n", stderr);
    return 2;
  }
  const double start = now();
  pid_t child = 0;
  if (const int error = posix_spawnp(&child, argv[1], nullptr, nullptr, argv + 1, environ)) {
    std::fprintf(stderr, "measure: %s: %s\n", argv[1], std::strerror(error));
    return 2;
  }
  int status = 0;
  rusage usage{};
  wait4(child, &status, 0, &usage);
  const double wall = now() - start;
  std::printf("{\"wall\": %.6f, \"cpu\": %.6f, \"rss\": %ld}\n", wall,
              seconds(usage.ru_utime) + seconds(usage.ru_stime), usage.ru_maxrss * 1024);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
