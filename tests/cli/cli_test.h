// Drives the program as a binary, in a folder of its own.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tests/support/command.h"
#include "tests/support/scratch_folder.h"

namespace unbrine {

inline std::vector<std::string> unbrine_command(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), UNBRINE_BINARY);
  return arguments;
}

class CliTest : public ::testing::Test {
 protected:
  Outcome unbrine(std::vector<std::string> arguments, CommandOptions options = {}) const {
    options.folder = folder.path();
    return run_command(unbrine_command(std::move(arguments)), options);
  }

  // The run must end with `status`, one line on stderr and nothing else, and leave every file as
  // it was. The line.
  std::string refusal(int status, std::vector<std::string> arguments,
                      const CommandOptions& options = {}) const {
    const std::vector<std::string> before = folder.names();
    const Outcome run = unbrine(std::move(arguments), options);
    EXPECT_EQ(run.status, status) << run.err;
    EXPECT_EQ(run.out, "");
    EXPECT_TRUE(is_one_line(run.err)) << run.err;
    EXPECT_EQ(folder.names(), before) << "left behind by: " << run.err;
    return run.err;
  }

  static bool is_one_line(const std::string& text) {
    return text.size() > 1 && text.back() == '\n' && std::ranges::count(text, '\n') == 1;
  }

  ScratchFolder folder;
};

}  // namespace unbrine
