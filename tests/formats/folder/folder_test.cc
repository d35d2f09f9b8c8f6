#include "formats/folder/folder.h"

#include <gmock/gmock.h>

#include "tests/formats/folder/folder_checkpoint.h"
#include "tests/support/error_of.h"
#include "tests/support/sample_checkpoints.h"
#include "tests/support/scratch_folder.h"

namespace unbrine {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

class FolderTest : public ::testing::Test {
 protected:
  Checkpoint open() const { return open_folder(folder.path(), Limits{}); }
  Error refusal() const {
    return error_of([&] { open(); });
  }
  void make_folder(std::string_view name) const { fs::create_directory(folder / name); }

  ScratchFolder folder;
};

TEST_F(FolderTest, RejectsAFolderThatIsNotThere) {
  EXPECT_EQ(error_of([&] { open_folder(folder / "absent", Limits{}); }).code(), ErrorCode::Io);
}

TEST_F(FolderTest, SaysWhatAFolderOfNoKindHolds) {
  EXPECT_THAT(refusal().what(), HasSubstr("it holds nothing"));
  folder.write("notes.txt", "x");
  make_folder("run-1");
  const Error error = refusal();
  EXPECT_EQ(error.code(), ErrorCode::Unsupported);
  EXPECT_THAT(error.what(), AllOf(HasSubstr("'notes.txt', 'run-1/'"), HasSubstr("name one")));
}

TEST_F(FolderTest, DoesNotGuessAmongSeveralCheckpoints) {
  folder.write("a.pt", zip_checkpoint({"a"}));
  folder.write("b.pt", zip_checkpoint({"b"}));
  EXPECT_THAT(refusal().what(), AllOf(HasSubstr("'a.pt', 'b.pt'"), HasSubstr("name one")));
}

TEST_F(FolderTest, RejectsShardsThatAreAlsoDistributed) {
  folder.write("pytorch_model.bin.index.json", "{}");
  folder.write(".metadata", "x");
  folder.write("__0_0.distcp", "x");
  const Error error = refusal();
  EXPECT_EQ(error.code(), ErrorCode::Corrupt);
  EXPECT_THAT(error.what(), HasSubstr("is both hf-shards and torch-dcp"));
}

TEST_F(FolderTest, NamesTheFileThatIsBroken) {
  folder.write("model.pt", "PK\x03\x04");
  EXPECT_THAT(refusal().what(), HasSubstr("'model.pt': "));
}

TEST_F(FolderTest, ReadsTheOnlyCheckpointBesideItsConfiguration) {
  folder.write("net.ckpt", legacy_checkpoint({"weight"}));
  folder.write("config.json", "{}");
  folder.write("optimizer.pt", "state");
  const Checkpoint checkpoint = open();
  EXPECT_EQ(checkpoint.format, "torch-legacy");
  EXPECT_THAT(checkpoint.notes, ElementsAre(HasSubstr("'net.ckpt' is read")));
  EXPECT_THAT(tensors_of(checkpoint), ElementsAre(Pair("weight", ElementsAre(0, 0.5))));
  EXPECT_EQ(checkpoint.input_bytes(), fs::file_size(folder / "net.ckpt"));
}

TEST_F(FolderTest, ReadsTheFileThatLibrariesLookFor) {
  folder.write("pytorch_model.bin", zip_checkpoint({"weight"}));
  folder.write("old.pt", "not this");
  EXPECT_EQ(open().format, "torch-zip");
}

TEST_F(FolderTest, TellsThatThereIsAnotherCheckpointInIt) {
  folder.write("pytorch_model.bin", zip_checkpoint({"weight"}));
  folder.write("latest", "global_step5");
  make_folder("global_step5");
  EXPECT_THAT(open().notes,
              ElementsAre(HasSubstr("also fits deepspeed-zero"), HasSubstr("is read")));
}

// As in the cache of Hugging Face.
TEST_F(FolderTest, ReadsThroughLinks) {
  const ScratchFolder blobs;
  blobs.write("0123abcd", zip_checkpoint({"weight"}));
  fs::create_symlink(blobs / "0123abcd", folder / "pytorch_model.bin");
  EXPECT_THAT(tensors_of(open()), ElementsAre(Pair("weight", ElementsAre(0, 0.5))));
}

TEST_F(FolderTest, PassesOverADanglingLink) {
  folder.write("model.pt", zip_checkpoint({"weight"}));
  fs::create_symlink("nowhere", folder / "other.pt");
  EXPECT_EQ(open().format, "torch-zip");
}

TEST_F(FolderTest, NoticesAFileThatChanges) {
  folder.write("model.pt", zip_checkpoint({"weight"}));
  const Checkpoint checkpoint = open();
  checkpoint.check_unchanged();
  folder.write("model.pt", "shorter");
  EXPECT_EQ(error_of([&] { checkpoint.check_unchanged(); }).code(), ErrorCode::Io);
}

}  // namespace
}  // namespace unbrine
