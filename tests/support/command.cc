#include "tests/support/command.h"

#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <stdexcept>

namespace unbrine {
namespace {

constexpr unsigned kLongestRun = 300;  // seconds
constexpr uid_t kNobody = 65534;

// Standard streams are files in memory: no pipe can fill up and hold the program.
int stream_in_memory(const std::string& content = "") {
  const int descriptor = memfd_create("unbrine-test", MFD_CLOEXEC);
  const auto size = static_cast<ssize_t>(content.size());
  if (descriptor < 0 || write(descriptor, content.data(), content.size()) != size)
    throw std::runtime_error("no file in memory");
  lseek(descriptor, 0, SEEK_SET);
  return descriptor;
}

std::string drain(int descriptor) {
  std::string content(static_cast<size_t>(lseek(descriptor, 0, SEEK_END)), '\0');
  const ssize_t size = pread(descriptor, content.data(), content.size(), 0);
  content.resize(size < 0 ? 0 : static_cast<size_t>(size));
  close(descriptor);
  return content;
}

void limit_files(uint64_t bytes) {
  const rlimit limit{.rlim_cur = bytes, .rlim_max = bytes};
  setrlimit(RLIMIT_FSIZE, &limit);
}

bool drop_rights() {
  return setgroups(0, nullptr) == 0 && setgid(kNobody) == 0 && setuid(kNobody) == 0;
}

// In the child. fork rather than posix_spawn: that one sets no limits, users or alarms.
[[noreturn]] void become(std::vector<std::string>& arguments, const CommandOptions& options) {
  for (const auto& [name, value] : options.environment) setenv(name.c_str(), value.c_str(), 1);
  alarm(kLongestRun);
  if (options.largest_file) limit_files(*options.largest_file);
  if (!options.folder.empty() && chdir(options.folder.c_str()) != 0) _exit(127);
  if (options.as_nobody && !drop_rights()) _exit(127);
  std::vector<char*> pointers;
  for (std::string& argument : arguments) pointers.push_back(argument.data());
  pointers.push_back(nullptr);
  execv(pointers[0], pointers.data());
  _exit(127);
}

}  // namespace

RunningCommand::RunningCommand(std::vector<std::string> arguments, const CommandOptions& options)
    : out_(stream_in_memory()), err_(stream_in_memory()) {
  const int in = stream_in_memory(options.input);
  process_ = fork();
  if (process_ == 0) {
    dup2(in, STDIN_FILENO);
    dup2(out_, STDOUT_FILENO);
    dup2(err_, STDERR_FILENO);
    become(arguments, options);
  }
  close(in);
  if (process_ < 0) throw std::runtime_error("cannot fork");
}

RunningCommand::~RunningCommand() {
  if (is_running()) {
    send(SIGKILL);
    waitpid(process_, &status_, 0);
  }
  if (out_ >= 0) close(out_);
  if (err_ >= 0) close(err_);
}

void RunningCommand::send(int signal) const { kill(process_, signal); }

bool RunningCommand::is_running() {
  if (process_ >= 0 && waitpid(process_, &status_, WNOHANG) == process_) process_ = -1;
  return process_ >= 0;
}

Outcome RunningCommand::wait() {
  if (process_ >= 0) waitpid(process_, &status_, 0);
  process_ = -1;
  const int status = WIFEXITED(status_) ? WEXITSTATUS(status_) : -WTERMSIG(status_);
  return {status, drain(std::exchange(out_, -1)), drain(std::exchange(err_, -1))};
}

Outcome run_command(std::vector<std::string> arguments, const CommandOptions& options) {
  return RunningCommand(std::move(arguments), options).wait();
}

}  // namespace unbrine
