// Runs a program as a user would, and tells what came of it.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace unbrine {

struct CommandOptions {
  std::filesystem::path folder = {};  // working directory; empty: that of the test
  std::string input = {};             // what the program reads from its standard input
  std::vector<std::pair<std::string, std::string>> environment = {};  // added to the test's own
  std::optional<uint64_t> largest_file = {};  // bytes; a longer write fails (RLIMIT_FSIZE)
  bool as_nobody = false;                     // drops the rights of root; needs them
};

struct Outcome {
  int status;  // the exit status; -n if signal n ended it; 127 if it could not be started
  std::string out;
  std::string err;
};

class RunningCommand {
 public:
  RunningCommand(std::vector<std::string> arguments, const CommandOptions& options = {});
  RunningCommand(const RunningCommand&) = delete;
  RunningCommand& operator=(const RunningCommand&) = delete;
  ~RunningCommand();  // kills it unless wait() was called

  void send(int signal) const;
  bool is_running();
  Outcome wait();

 private:
  pid_t process_ = -1;
  int status_ = 0;  // as waitpid gives it, once process_ is -1
  int out_ = -1;
  int err_ = -1;
};

// arguments[0] is the program's path. A program that hangs is killed after five minutes.
Outcome run_command(std::vector<std::string> arguments, const CommandOptions& options = {});

}  // namespace unbrine
