// A disk that fills up: one line, exit code 2, and nothing left to fill it further.
#include "tests/cli/cli_test.h"
#include "tests/support/sample_checkpoints.h"

namespace unbrine {
namespace {

using ::testing::HasSubstr;

constexpr int64_t kElements = 2 << 20;  // 8 MiB of float32

class FullDisk : public CliTest {
 protected:
  FullDisk() {
    std::vector<uint8_t> checkpoint = legacy_start(kElements);
    checkpoint.resize(checkpoint.size() + sizeof(float) * kElements);
    folder.write("model.pt", checkpoint);
  }
};

TEST_F(FullDisk, FileSizeLimit) {
  EXPECT_THAT(refusal(2, {"convert", "model.pt"}, {.largest_file = 1 << 20}),
              HasSubstr("model.safetensors"));
}

TEST_F(FullDisk, FileSizeLimitForAFolder) {
  EXPECT_THAT(refusal(2, {"convert", "model.pt", "-o", "out/"}, {.largest_file = 1 << 20}),
              HasSubstr("model.safetensors"));
}

TEST_F(FullDisk, SmallFilesystem) {
  const std::vector<std::string> in_own_mounts = {"/usr/bin/unshare", "--map-root-user", "--mount",
                                                  "/bin/sh", "-c"};
  const std::string mount = "mkdir disk && mount -t tmpfs -o size=1m tmpfs disk";
  // The mount ends with the shell, so that what is left on it must be counted there.
  const std::string convert =
      " && { \"$0\" convert model.pt -o disk/model.safetensors; "
      "code=$?; ls -A disk; exit $code; }";
  std::vector<std::string> trial = in_own_mounts, command = in_own_mounts;
  trial.push_back(mount + "; code=$?; rmdir disk 2>/dev/null; exit $code");
  const CommandOptions options{.folder = folder.path()};
  if (run_command(trial, options).status != 0) GTEST_SKIP() << "mounting a tmpfs is not allowed";
  std::filesystem::remove(folder / "disk");
  command.push_back(mount + convert);
  command.push_back(UNBRINE_BINARY);

  const Outcome run = run_command(command, options);
  EXPECT_EQ(run.status, 2) << run.err;
  EXPECT_TRUE(is_one_line(run.err)) << run.err;
  EXPECT_THAT(run.err, HasSubstr("disk/model.safetensors"));
  EXPECT_EQ(run.out, "") << "left on the disk";
}

}  // namespace
}  // namespace unbrine
