#include "converter/sha256.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "converter/run_layout.h"
#include "formats/error.h"
#include "tests/support/command.h"
#include "tests/support/error_of.h"
#include "tests/support/scratch_folder.h"

namespace unbrine {
namespace {

using ::testing::HasSubstr;

constexpr const char* kOfNothing =
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
constexpr const char* kOfAbc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

TEST(Sha256, ReportsAMissingFile) {
  const ScratchFolder folder;
  const Error error = error_of([&] { sha256_of_file(folder / "gone"); });
  EXPECT_EQ(error.code(), ErrorCode::Io);
  EXPECT_THAT(error.what(), HasSubstr("gone"));
}

TEST(Sha256, StopsWhenItIsInterrupted) {
  const ScratchFolder folder;
  const std::atomic<bool> stop = true;
  EXPECT_THROW(sha256_of_file(folder.write("file", "abc"), &stop), Interrupted);
}

TEST(Sha256, GivesTheDigestsOfTheStandard) {
  const ScratchFolder folder;
  EXPECT_EQ(sha256_of_file(folder.write("empty", "")), kOfNothing);
  EXPECT_EQ(sha256_of_file(folder.write("abc", "abc")), kOfAbc);
}

TEST(Sha256, ReadsFilesOfManyBlocks) {
  const ScratchFolder folder;
  // FIPS 180-2, appendix B.3: a million times the letter a, here thrice cut by blocks.
  EXPECT_EQ(sha256_of_file(folder.write("a", std::string(1'000'000, 'a'))),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
  const std::string long_text(3'000'001, 'b');
  const Outcome theirs = run_command({"/usr/bin/sha256sum", folder.write("b", long_text)});
  EXPECT_EQ(sha256_of_file(folder / "b"), theirs.out.substr(0, 64));
}

TEST(Sha256, LinesAreAsTheToolWritesThem) {
  EXPECT_EQ(sha256sum_line(kOfAbc, "a b"), std::string(kOfAbc) + "  a b\n");
  EXPECT_EQ(sha256sum_line(kOfAbc, "a\nb\\c\rd"),
            "\\" + std::string(kOfAbc) + "  a\\nb\\\\c\\rd\n");
}

TEST(Sha256, LinesAreReadBack) {
  for (const std::string name : {"model.safetensors", " ", "a\nb", "\\", "c\r", "*x"}) {
    std::string line = sha256sum_line(kOfAbc, name);
    line.pop_back();
    const std::optional<Sha256Sum> sum = read_sha256sum_line(line);
    ASSERT_TRUE(sum) << line;
    EXPECT_EQ(sum->name, name);
    EXPECT_EQ(sum->digest, kOfAbc);
  }
}

TEST(Sha256, RefusesLinesThatAreNone) {
  const std::string digest = kOfAbc;
  for (const std::string& line :
       {std::string(), digest, digest + "  ", digest + " name", digest.substr(1) + "  name",
        "X" + digest.substr(1) + "  name", "\\" + digest + "  a\\", "\\" + digest + "  a\\t"})
    EXPECT_FALSE(read_sha256sum_line(line)) << line;
}

TEST(Sha256, TheToolTakesTheLines) {
  const ScratchFolder folder;
  std::string sums;
  for (const std::string name : {"plain", "with blank", "back\\slash", "new\nline"}) {
    folder.write(name, name);
    sums += sha256sum_line(sha256_of_file(folder / name), name);
  }
  folder.write("SUMS", sums);
  const Outcome run =
      run_command({"/usr/bin/sha256sum", "--strict", "-c", "SUMS"}, {.folder = folder.path()});
  EXPECT_EQ(run.status, 0) << run.out << run.err;
}

}  // namespace
}  // namespace unbrine
