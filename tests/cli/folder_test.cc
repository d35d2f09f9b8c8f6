// A folder, or an index of shards, in place of a file.
#include <algorithm>
#include <cstring>

#include "tests/cli/cli_test.h"
#include "tests/support/sample_checkpoints.h"

namespace unbrine {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;

class FolderInput : public CliTest {
 protected:
  FolderInput() {
    fs::create_directory(folder / "model");
    folder.write("model/1.bin", zip_checkpoint({"a"}));
    folder.write("model/2.bin", zip_checkpoint({"b"}));
    write_index("1.bin");
  }

  void write_index(const std::string& first) const {
    folder.write("model/pytorch_model.bin.index.json",
                 R"({"weight_map": {"a": ")" + first + R"(", "b": "2.bin"}})");
  }
};

TEST_F(FolderInput, WithoutACheckpointIsNamedForWhatItHolds) {
  fs::create_directory(folder / "plain");
  folder.write("plain/notes.txt", "x");
  EXPECT_THAT(refusal(7, {"convert", "plain"}),
              AllOf(HasSubstr("plain: is a folder"), HasSubstr("'notes.txt'")));
}

TEST_F(FolderInput, WithAHostileIndexReadsNothingElse) {
  folder.write("1.bin", zip_checkpoint({"a"}));
  write_index("../1.bin");
  EXPECT_THAT(refusal(5, {"convert", "model"}), HasSubstr("'../1.bin' is not a plain name"));
  write_index("\\u001b[31m");
  EXPECT_THAT(refusal(5, {"convert", "model"}), HasSubstr("\\x1b[31m"));
}

TEST_F(FolderInput, IsConvertedToAFileBesideIt) {
  for (const char* input : {"model", "model/"}) {
    EXPECT_EQ(unbrine({"convert", input, "--overwrite"}).status, 0);
    EXPECT_THAT(folder.read("model.safetensors"), HasSubstr("\"b\""));
  }
}

TEST_F(FolderInput, MayBeTheWorkingFolder) {
  CommandOptions options;
  options.folder = folder / "model";
  const Outcome run = run_command(unbrine_command({"convert", "."}), options);
  EXPECT_EQ(run.status, 0) << run.err;
  EXPECT_TRUE(fs::exists(folder / "model.safetensors"));
}

TEST_F(FolderInput, IsInspected) {
  const Outcome run = unbrine({"inspect", "model"});
  EXPECT_EQ(run.status, 0) << run.err;
  EXPECT_THAT(run.out, AllOf(HasSubstr("hf-shards+torch-zip"), HasSubstr("convert writes 2")));
}

TEST_F(FolderInput, MayBeGivenByItsIndex) {
  EXPECT_EQ(unbrine({"convert", "model/pytorch_model.bin.index.json"}).status, 0);
  EXPECT_THAT(folder.read("model/pytorch_model.safetensors"), HasSubstr("\"a\""));
}

TEST_F(FolderInput, WithADamagedWeightIsRefused) {
  std::vector<uint8_t> shard = zip_checkpoint({"b"});
  const float number = 0.5;  // the last of the weight
  std::vector<uint8_t> pattern(sizeof number);
  std::memcpy(pattern.data(), &number, sizeof number);
  *std::ranges::search(shard, pattern).begin() ^= 1;
  folder.write("model/2.bin", shard);
  EXPECT_THAT(refusal(5, {"convert", "model"}), HasSubstr("CRC-32"));
}

}  // namespace
}  // namespace unbrine
