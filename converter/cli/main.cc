// Finds the command, runs it, and turns every outcome into an exit status.
#include <csignal>
#include <cstring>
#include <exception>
#include <new>

#include "converter/cli/command.h"
#include "converter/run_layout.h"
#include "formats/error.h"
#include "formats/text.h"

namespace unbrine {
namespace {

constexpr int kInterrupted = 130;

int exit_status(ErrorCode code) {
  switch (code) {
    case ErrorCode::Usage:
    case ErrorCode::Io: return 2;
    case ErrorCode::Unsafe: return 4;
    case ErrorCode::Corrupt: return 5;
    case ErrorCode::Limit: return 6;
    case ErrorCode::Unsupported: return 7;
    case ErrorCode::Device: return 8;
  }
  return 2;
}

std::string general_help() {
  std::string text =
      "Usage: unbrine COMMAND [OPTION]... IN\n\n"
      "Takes models out of the brine: reads pickled checkpoints without executing anything in\n"
      "them, and writes safetensors. IN is a file, or a folder of shards.\n\nCommands:\n";
  for (const Command& command : commands())
    text += "  " + std::string(command.name) + std::string(10 - command.name.size(), ' ') +
            std::string(command.summary) + "\n";
  return text + "  help      this text; `help COMMAND` or `help limits` for more\n\n" +
         "Options:\n  --help, --version\n\n" + exit_code_table();
}

std::string limits_help() {
  std::string text = "Limits and their defaults, each set by --limit NAME=NUMBER:\n";
  for (const LimitName& row : limit_names())
    text += "  " + std::string(row.name) + "=" + std::to_string(Limits().*row.member) + "\n";
  return text;
}

const Command& find_command(const std::string& name) {
  for (const Command& command : commands())
    if (command.name == name) return command;
  fail(ErrorCode::Usage, "unknown command ", quoted(name), "; see unbrine --help");
}

int run_help(const Arguments& arguments) {
  if (arguments.empty()) return print(general_help()), 0;
  if (arguments[0] == "limits") return print(limits_help()), 0;
  return find_command(arguments[0]).run({"--help"});
}

int run(const Arguments& arguments) {
  if (arguments.empty()) fail(ErrorCode::Usage, "expected a command\n\n", general_help());
  const std::string& name = arguments[0];
  const Arguments rest(arguments.begin() + 1, arguments.end());
  if (name == "--help" || name == "-h" || name == "help") return run_help(rest);
  if (name == "--version") return print("unbrine " UNBRINE_VERSION "\n"), 0;
  return find_command(name).run(rest);
}

int guarded_run(const Arguments& arguments) {
  try {
    return run(arguments);
  } catch (const Error& error) {
    say(error.what());
    return exit_status(error.code());
  } catch (const Interrupted&) {
    say("interrupted: nothing was written");
    return kInterrupted;
  } catch (const std::bad_alloc&) {
    say("out of memory");
    return exit_status(ErrorCode::Limit);
  } catch (const std::exception& error) {
    say(std::string("unexpected: ") + escaped(error.what()));
    return exit_status(ErrorCode::Io);
  }
}

}  // namespace
}  // namespace unbrine

int main(int count, char** values) {
  // A full disk or a closed pipe shall be an error of write(), not a signal: what is half-written
  // must be removed.
  std::signal(SIGXFSZ, SIG_IGN);
  std::signal(SIGPIPE, SIG_IGN);
  return unbrine::guarded_run(unbrine::Arguments(values + 1, values + count));
}
