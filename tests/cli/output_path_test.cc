// Where the output goes, and what is never overwritten.
#include <unistd.h>

#include "tests/cli/cli_test.h"
#include "tests/support/sample_checkpoints.h"

namespace unbrine {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class OutputPath : public CliTest {
 protected:
  OutputPath() { folder.write("model.pt", zip_checkpoint({"weight"})); }

  const std::string expected = safetensors_of({"weight"});
};

TEST_F(OutputPath, ExistingFileIsNotOverwritten) {
  folder.write("model.safetensors", "precious");
  EXPECT_THAT(refusal(2, {"convert", "model.pt"}),
              AllOf(HasSubstr("model.safetensors"), HasSubstr("--overwrite")));
  EXPECT_EQ(folder.read("model.safetensors"), "precious");
}

TEST_F(OutputPath, ExistingFileIsReplacedWhenTold) {
  folder.write("model.safetensors", "old");
  EXPECT_EQ(unbrine({"convert", "model.pt", "--overwrite"}).status, 0);
  EXPECT_EQ(folder.read("model.safetensors"), expected);
}

TEST_F(OutputPath, ExistingFileSurvivesAFailure) {
  folder.write("broken.pt", std::string("PK\x03\x04 and no more"));
  folder.write("broken.safetensors", "precious");
  refusal(5, {"convert", "broken.pt", "--overwrite"});
  EXPECT_EQ(folder.read("broken.safetensors"), "precious");
}

TEST_F(OutputPath, DanglingLinkCountsAsExisting) {
  fs::create_symlink("elsewhere", folder / "model.safetensors");
  refusal(2, {"convert", "model.pt"});
  EXPECT_FALSE(fs::exists(folder / "elsewhere"));
}

TEST_F(OutputPath, OverwritingALinkReplacesTheLinkAndNotItsTarget) {
  folder.write("victim.txt", "precious");
  fs::create_symlink("victim.txt", folder / "model.safetensors");
  EXPECT_EQ(unbrine({"convert", "model.pt", "--overwrite"}).status, 0);
  EXPECT_EQ(folder.read("victim.txt"), "precious");
  EXPECT_FALSE(fs::is_symlink(folder / "model.safetensors"));
  EXPECT_EQ(folder.read("model.safetensors"), expected);
}

TEST_F(OutputPath, SuffixMustFit) {
  for (const char* name : {"out.pt", "out.bin", "out", "out.safetensors.gz"}) {
    SCOPED_TRACE(name);
    EXPECT_THAT(refusal(2, {"convert", "model.pt", "-o", name}), HasSubstr(".safetensors"));
  }
}

TEST_F(OutputPath, InputIsNeverTheOutput) {
  folder.write("model.safetensors", expected);
  refusal(2, {"convert", "model.safetensors"});
  refusal(2, {"convert", "model.safetensors", "--overwrite"});
  for (const char* name : {"model.safetensors", "./model.safetensors"}) {
    SCOPED_TRACE(name);
    refusal(2, {"convert", "model.safetensors", "-o", name, "--overwrite"});
  }
  EXPECT_EQ(folder.read("model.safetensors"), expected);
}

TEST_F(OutputPath, InputUnderAnotherNameIsNeverTheOutput) {
  fs::create_hard_link(folder / "model.pt", folder / "hard.safetensors");
  fs::create_symlink("model.pt", folder / "soft.safetensors");
  for (const char* name : {"hard.safetensors", "soft.safetensors"}) {
    SCOPED_TRACE(name);
    refusal(2, {"convert", "model.pt", "-o", name, "--overwrite"});
  }
}

TEST_F(OutputPath, MissingFolder) {
  EXPECT_THAT(refusal(2, {"convert", "model.pt", "-o", "nowhere/model.safetensors"}),
              HasSubstr("nowhere"));
  EXPECT_FALSE(fs::exists(folder / "nowhere"));
}

TEST_F(OutputPath, FileWhereAFolderShouldBe) {
  folder.write("note", "text");
  EXPECT_THAT(refusal(2, {"convert", "model.pt", "-o", "note/model.safetensors"}),
              HasSubstr("note"));
}

TEST_F(OutputPath, FolderThatCannotBeWritten) {
  fs::create_directory(folder / "locked");
  fs::permissions(folder / "locked", fs::perms{0555});
  fs::permissions(folder.path(), fs::perms{0755});
  fs::permissions(folder / "model.pt", fs::perms{0644});
  const CommandOptions options{.as_nobody = geteuid() == 0};
  if (unbrine({"--version"}, options).status != 0)
    GTEST_SKIP() << "root cannot run the program as another user here";
  EXPECT_THAT(refusal(2, {"convert", "model.pt", "-o", "locked/model.safetensors"}, options),
              AllOf(HasSubstr("locked"), HasSubstr("Permission denied")));
  EXPECT_THAT(folder.names("locked"), ElementsAre());
}

TEST_F(OutputPath, FolderThatHoldsSomethingIsLeftAlone) {
  fs::create_directory(folder / "out");
  folder.write("out/precious", "x");
  for (const char* name : {"out", "out/"}) {
    SCOPED_TRACE(name);
    EXPECT_THAT(refusal(2, {"convert", "model.pt", "-o", name}), HasSubstr("out"));
    refusal(2, {"convert", "model.pt", "-o", name, "--overwrite"});
  }
  EXPECT_THAT(folder.names("out"), ElementsAre("precious"));
}

TEST_F(OutputPath, FolderThatIsEmptyIsFilled) {
  fs::create_directory(folder / "out");
  EXPECT_EQ(unbrine({"convert", "model.pt", "-o", "out"}).status, 0);
  EXPECT_EQ(folder.read("out/model.safetensors"), expected);
}

TEST_F(OutputPath, FolderOfAnEarlierConversionIsReplacedWhenTold) {
  EXPECT_EQ(unbrine({"convert", "model.pt", "-o", "out/"}).status, 0);
  folder.write("more.pt", zip_checkpoint({"weight", "bias"}));
  EXPECT_THAT(refusal(2, {"convert", "more.pt", "-o", "out/"}), HasSubstr("--overwrite"));
  EXPECT_EQ(unbrine({"convert", "more.pt", "-o", "out/", "--overwrite"}).status, 0);
  EXPECT_EQ(folder.read("out/model.safetensors"), safetensors_of({"weight", "bias"}));
  EXPECT_THAT(folder.names(), ElementsAre("model.pt", "more.pt", "out"));
}

TEST_F(OutputPath, FolderOfTheInputIsNoOutput) {
  EXPECT_EQ(unbrine({"convert", "model.pt", "-o", "in/"}).status, 0);
  for (const char* name : {"in", "in/", "in/below/"})
    EXPECT_THAT(refusal(2, {"convert", "in", "-o", name, "--overwrite"}), HasSubstr("input"));
}

TEST_F(OutputPath, FolderNamedLikeAnOutputIsLeftAlone) {
  fs::create_directory(folder / "model.safetensors");
  refusal(2, {"convert", "model.pt"});
  refusal(2, {"convert", "model.pt", "--overwrite"});
}

TEST_F(OutputPath, OutputIsReadableAsTheUmaskSays) {
  EXPECT_EQ(unbrine({"convert", "model.pt"}).status, 0);
  const mode_t mask = umask(0);
  umask(mask);
  EXPECT_EQ(fs::status(folder / "model.safetensors").permissions(), fs::perms(0666 & ~mask));
}

struct Derived {
  const char* input;
  const char* output;
};

class DerivedName : public CliTest, public ::testing::WithParamInterface<Derived> {};

TEST_P(DerivedName, LiesBesideTheInput) {
  fs::create_directory(folder / "zoo");
  folder.write(std::string("zoo/") + GetParam().input, zip_checkpoint({"weight"}));
  const Outcome run = unbrine({"convert", std::string("zoo/") + GetParam().input});
  EXPECT_EQ(run.status, 0) << run.err;
  EXPECT_EQ(folder.read(std::string("zoo/") + GetParam().output), safetensors_of({"weight"}));
  EXPECT_THAT(folder.names(), ElementsAre("zoo"));
}

INSTANTIATE_TEST_SUITE_P(
    Suffixes, DerivedName,
    ::testing::Values(Derived{"x.pth.tar", "x.safetensors"}, Derived{"x.pt", "x.safetensors"},
                      Derived{"x.pth", "x.safetensors"}, Derived{"x.bin", "x.safetensors"},
                      Derived{"x.ckpt", "x.safetensors"}, Derived{"x.pkl", "x.safetensors"},
                      Derived{"x", "x.safetensors"}, Derived{"x.npz", "x.safetensors"},
                      Derived{"x.pt2", "x.safetensors"}, Derived{"x.nemo", "x.safetensors"},
                      Derived{"x.pth.tar.gz", "x.safetensors"},
                      Derived{"x.joblib.xz", "x.safetensors"}, Derived{"x.gz", "x.safetensors"},
                      Derived{"epoch-4.weights", "epoch-4.weights.safetensors"},
                      Derived{"v1.5.ckpt", "v1.5.safetensors"}));

}  // namespace
}  // namespace unbrine
