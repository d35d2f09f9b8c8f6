// Commands are rows of a table; --help is made from them.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "converter/cli/command_line.h"

namespace unbrine {

struct Command {
  std::string_view name;
  std::string_view summary;
  int (*run)(const Arguments& arguments);  // gives the exit status; throws Error
};

std::span<const Command> commands();

int run_convert(const Arguments& arguments);
int run_inspect(const Arguments& arguments);
int run_verify(const Arguments& arguments);
int run_diff(const Arguments& arguments);

// "Exit status:" and a line for each.
std::string exit_code_table();

// Writes to stdout and flushes. Throws Io when it cannot (closed pipe, full disk).
void print(std::string_view text);

// One line to stderr.
void say(std::string_view text);

// "12 tensors", "1 tensor".
std::string counted(uint64_t count, std::string_view noun);

}  // namespace unbrine
