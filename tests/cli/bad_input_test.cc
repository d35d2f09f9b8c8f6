// Each input that cannot be converted ends in one line that says why, the right exit code, and no
// file.
#include <unistd.h>

#include "tests/cli/cli_test.h"
#include "tests/support/sample_checkpoints.h"
#include "tests/support/zip_builder.h"

namespace unbrine {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;

class BadInput : public CliTest {
 protected:
  // For both commands: the message of convert.
  std::string refused(int status, const std::string& name) const {
    EXPECT_THAT(refusal(status, {"inspect", name}), HasSubstr(name));
    const std::string message = refusal(status, {"convert", name});
    EXPECT_THAT(message, HasSubstr(name));
    return message;
  }
};

TEST_F(BadInput, MissingFile) { EXPECT_THAT(refused(2, "nowhere.pt"), HasSubstr("No such file")); }

TEST_F(BadInput, UnreadableFile) {
  const fs::path file = folder.write("secret.pt", zip_checkpoint({"weight"}));
  fs::permissions(file, fs::perms::none);
  fs::permissions(folder.path(), fs::perms{0755});
  const CommandOptions options{.as_nobody = geteuid() == 0};
  if (unbrine({"--version"}, options).status != 0)
    GTEST_SKIP() << "root cannot run the program as another user here";
  EXPECT_THAT(refusal(2, {"convert", "secret.pt"}, options),
              AllOf(HasSubstr("secret.pt"), HasSubstr("Permission denied")));
}

TEST_F(BadInput, EmptyFile) {
  folder.write("empty.pt", "");
  EXPECT_THAT(refused(5, "empty.pt"), HasSubstr("empty"));
}

TEST_F(BadInput, FolderWithoutACheckpoint) {
  fs::create_directory(folder / "model");
  EXPECT_THAT(refused(7, "model"), HasSubstr("folder"));
}

TEST_F(BadInput, Device) { EXPECT_THAT(refusal(2, {"inspect", "/dev/null"}), HasSubstr("file")); }

TEST_F(BadInput, Text) {
  folder.write("notes.pt", "Weights are in the other folder, ask Ada.\n");
  EXPECT_THAT(refused(7, "notes.pt"), HasSubstr("text"));
}

TEST_F(BadInput, HtmlPage) {
  folder.write("model.pt", "<!DOCTYPE html>\n<html><head><title>Sign in</title></head></html>\n");
  EXPECT_THAT(refused(7, "model.pt"), HasSubstr("web page"));
}

TEST_F(BadInput, GitLfsPointer) {
  folder.write("pytorch_model.bin",
               "version https://git-lfs.github.com/spec/v1\n"
               "oid sha256:4665ce2cd1a26cb1d2f2c3c1a2b5c0b3d4e5f60718293a4b5c6d7e8f90a1b2c3\n"
               "size 440473133\n");
  EXPECT_THAT(refused(7, "pytorch_model.bin"), AllOf(HasSubstr("LFS"), HasSubstr("git lfs pull")));
}

TEST_F(BadInput, OtherFormatsAreNamed) {
  const struct {
    std::string magic;
    std::string said;
  } formats[] = {
      {std::string("\x89HDF\r\n\x1a\n", 8), "HDF5"},
      {"GGUF\x03", "GGUF"},
      {"7z\xbc\xaf\x27\x1c", "7z"},
  };
  for (const auto& format : formats) {
    SCOPED_TRACE(format.said);
    folder.write("model.pt", format.magic + std::string(600, '\0'));
    EXPECT_THAT(refused(7, "model.pt"), HasSubstr(format.said));
  }
}

TEST_F(BadInput, TruncatedDownloads) {
  for (const auto& whole : {zip_checkpoint({"a", "b"}), legacy_checkpoint({"a", "b"})})
    for (const size_t size : {whole.size() / 4, whole.size() / 2, whole.size() - 1}) {
      SCOPED_TRACE(size);
      folder.write("part.pt", std::vector<uint8_t>(whole.begin(), whole.begin() + long(size)));
      refused(5, "part.pt");
    }
}

TEST_F(BadInput, TruncatedSafetensors) {
  const std::string whole = safetensors_of({"a", "b"});
  for (const size_t size : {size_t{20}, whole.size() - 1}) {
    SCOPED_TRACE(size);
    folder.write("part.safetensors", whole.substr(0, size));
    refusal(5, {"convert", "part.safetensors", "-o", "out.safetensors"});
    refusal(5, {"inspect", "part.safetensors"});
  }
}

TEST_F(BadInput, ZipThatIsNoCheckpointIsListed) {
  folder.write("photos.zip",
               ZipBuilder().add("holiday/beach.jpg", "jpeg").add("readme.txt", "hello").bytes());
  EXPECT_THAT(refused(7, "photos.zip"),
              AllOf(HasSubstr("holiday/beach.jpg"), HasSubstr("readme.txt")));
}

TEST_F(BadInput, CheckpointWithoutTensors) {
  folder.write("empty.pt",
               zip_of_object(PickleBuilder().empty_dict().string("epoch").integer(3).setitem()));
  EXPECT_THAT(refusal(7, {"convert", "empty.pt"}), HasSubstr("no tensor"));
}

TEST_F(BadInput, WrongSuffixesDoNotMatter) {
  folder.write("model.zip", legacy_checkpoint({"weight"}));
  EXPECT_EQ(unbrine({"convert", "model.zip", "-o", "out.safetensors"}).status, 0);
  EXPECT_EQ(folder.read("out.safetensors"), safetensors_of({"weight"}));
}

}  // namespace
}  // namespace unbrine
