#include "converter/cli/command.h"

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "formats/error.h"

namespace unbrine {
namespace {

constexpr Command kCommands[] = {
    {"convert", "write one checkpoint as safetensors, a blob, a clean .pt or a folder",
     run_convert},
    {"inspect", "list what a checkpoint holds and what convert would write", run_inspect},
    {"verify", "read an output back and hold it against its digests or its source", run_verify},
    {"diff", "say which tensors of two files or folders differ", run_diff},
};

struct ExitCode {
  int status;
  std::string_view means;
};

constexpr ExitCode kExitCodes[] = {
    {0, "done; verify, diff: they agree"},
    {1, "verify, diff: they differ"},
    {2, "usage, or input or output error"},
    {4, "dangerous: refused"},
    {5, "malformed: broken, or two readers could see two different things"},
    {6, "a limit was exceeded"},
    {7, "recognised, not supported; or no tensor data"},
    {8, "device failure"},
    {130, "interrupted; nothing half-written"},
};

}  // namespace

std::span<const Command> commands() { return kCommands; }

std::string exit_code_table() {
  std::string text = "Exit status:\n";
  for (const ExitCode& code : kExitCodes) {
    const std::string number = std::to_string(code.status);
    text += std::string(5 - number.size(), ' ') + number + "  " + std::string(code.means) + "\n";
  }
  return text;
}

void print(std::string_view text) {
  const bool written = std::fwrite(text.data(), 1, text.size(), stdout) == text.size();
  if (!written || std::fflush(stdout) != 0)
    fail(ErrorCode::Io, "cannot write to standard output: ", std::strerror(errno));
}

void say(std::string_view text) {
  const std::string line = "unbrine: " + std::string(text) + "\n";
  std::fwrite(line.data(), 1, line.size(), stderr);
}

std::string counted(uint64_t count, std::string_view noun) {
  return std::to_string(count) + " " + std::string(noun) + (count == 1 ? "" : "s");
}

}  // namespace unbrine
