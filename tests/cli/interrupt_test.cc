// Ctrl-C in a long run: exit code 130 and nothing half-written.
#include <signal.h>

#include <chrono>
#include <filesystem>
#include <thread>

#include "tests/cli/cli_test.h"
#include "tests/support/sample_checkpoints.h"

namespace unbrine {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;

constexpr int64_t kElements = int64_t{1} << 29;  // 2 GiB of float32, none of it on the disk

// Long enough to be caught in the act: the input is a hole, the output is not.
class Interrupt : public CliTest {
 protected:
  Interrupt() {
    const std::vector<uint8_t> start = legacy_start(kElements);
    const fs::path file = folder.write("model.pt", start);
    fs::resize_file(file, start.size() + sizeof(float) * kElements);
  }

  bool has_room() const {
    return fs::space(folder.path()).available > 3 * sizeof(float) * kElements;
  }

  // Sends SIGINT as soon as the output has begun under its temporary name.
  Outcome interrupted(std::vector<std::string> arguments) const {
    const size_t before = folder.names().size();
    RunningCommand run(unbrine_command(std::move(arguments)), {.folder = folder.path()});
    while (run.is_running() && folder.names().size() == before)
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    run.send(SIGINT);
    return run.wait();
  }
};

TEST_F(Interrupt, LeavesNothingBehind) {
  if (!has_room()) GTEST_SKIP() << "needs 6 GiB of disk";
  const Outcome run = interrupted({"convert", "model.pt"});
  EXPECT_EQ(run.status, 130) << run.err;
  EXPECT_THAT(folder.names(), ElementsAre("model.pt"));
  EXPECT_EQ(run.out, "");
  EXPECT_TRUE(is_one_line(run.err)) << run.err;
}

TEST_F(Interrupt, LeavesAnExistingFileAsItWas) {
  if (!has_room()) GTEST_SKIP() << "needs 6 GiB of disk";
  folder.write("model.safetensors", "precious");
  EXPECT_EQ(interrupted({"convert", "model.pt", "--overwrite"}).status, 130);
  EXPECT_EQ(folder.read("model.safetensors"), "precious");
  EXPECT_THAT(folder.names(), ElementsAre("model.pt", "model.safetensors"));
}

TEST_F(Interrupt, LeavesNoFolderBehind) {
  if (!has_room()) GTEST_SKIP() << "needs 6 GiB of disk";
  EXPECT_EQ(interrupted({"convert", "model.pt", "-o", "out/"}).status, 130);
  EXPECT_THAT(folder.names(), ElementsAre("model.pt"));
}

}  // namespace
}  // namespace unbrine
