#include "converter/output_folder.h"

#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/error_of.h"
#include "tests/support/old_kernel.h"
#include "tests/support/scratch_folder.h"

namespace unbrine {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr std::string_view kManifest =
    R"({"schema":"unbrine.manifest/1",)"
    R"("source":{"file":"a.pt","format":"torch-zip","size":9,"selected":""},)"
    R"("files":[{"file":"model.safetensors","size":3,"tensors":0}],"tensors":[],"excluded":0})";

template <class Action>
std::string io_error(Action action) {
  const Error error = error_of(action);
  EXPECT_EQ(error.code(), ErrorCode::Io) << error.what();
  return error.what();
}

class OutputFolderTest : public ::testing::Test {
 protected:
  fs::path target() const { return folder_ / "out"; }
  std::string refusal(const fs::path& path, bool overwrite) const {
    const std::vector<std::string> before = folder_.names();
    const std::string message = io_error([&] { OutputFolder(path, overwrite); });
    EXPECT_EQ(folder_.names(), before);
    return message;
  }
  // An output of an earlier run.
  void put_old_output() const {
    fs::create_directory(target());
    folder_.write("out/manifest.json", kManifest);
    folder_.write("out/model.safetensors", "old");
    folder_.write("out/SHA256SUMS", "sums");
  }
  static void put(const OutputFolder& output, std::string_view name, std::string_view text) {
    OutputFile file(output.temporary() / name, text.size(), false);
    file.write_at(0, as_bytes(text));
    file.commit();
  }

  ScratchFolder folder_;
};

TEST_F(OutputFolderTest, RefusesFolderThatIsNotEmptyAndSaysHowToReplaceIt) {
  put_old_output();
  EXPECT_THAT(refusal(target(), false), AllOf(HasSubstr("output folder '"),
                                              HasSubstr("out' exists"), HasSubstr("--overwrite")));
  EXPECT_EQ(folder_.read("out/model.safetensors"), "old");
}

TEST_F(OutputFolderTest, RefusesToReplaceAFolderWithoutManifest) {
  fs::create_directory(target());
  folder_.write("out/thesis.txt", "precious");
  EXPECT_THAT(refusal(target(), true), HasSubstr("holds no manifest.json"));
}

TEST_F(OutputFolderTest, RefusesToReplaceAFolderWithAnotherManifest) {
  fs::create_directory(target());
  for (const std::string_view manifest :
       {R"({"name":"my web app"})", R"({"schema":"unbrine.manifest/2","files":[]})",
        R"({"schema":"unbrine.manifest/1"})", R"({"schema":"unbrine.manifest/1","files":[]})",
        R"([])", "", "not JSON", R"({"schema":1})"}) {
    folder_.write("out/manifest.json", manifest);
    EXPECT_THAT(refusal(target(), true), HasSubstr("manifest.json that unbrine did not write"));
    EXPECT_EQ(folder_.read("out/manifest.json"), manifest);
  }
}

TEST_F(OutputFolderTest, RefusesToReplaceAFolderThatSomebodyAddedTo) {
  put_old_output();
  folder_.write("out/notes\x1b.txt", "precious");
  EXPECT_THAT(refusal(target(), true),
              AllOf(HasSubstr("holds 'notes\\x1b.txt'"), HasSubstr("does not speak")));
}

TEST_F(OutputFolderTest, RefusesToReplaceAFolderThatHoldsAFolder) {
  fs::create_directories(target() / "model.safetensors");
  folder_.write("out/manifest.json", kManifest);
  EXPECT_THAT(refusal(target(), true), HasSubstr("holds 'model.safetensors'"));
}

TEST_F(OutputFolderTest, RefusesManifestThatIsALinkOrAPipe) {
  put_old_output();
  fs::rename(target() / "manifest.json", folder_ / "elsewhere.json");
  fs::create_symlink("../elsewhere.json", target() / "manifest.json");
  EXPECT_THAT(refusal(target(), true), HasSubstr("holds no manifest.json"));
  fs::remove(target() / "manifest.json");
  ASSERT_EQ(mkfifo((target() / "manifest.json").c_str(), 0600), 0);
  EXPECT_THAT(refusal(target(), true), HasSubstr("holds no manifest.json"));
}

TEST_F(OutputFolderTest, RefusesFileAndWhatIsNoFolder) {
  folder_.write("out", "text");
  for (const bool overwrite : {false, true}) {
    EXPECT_THAT(refusal(target(), overwrite), HasSubstr("is not a folder"));
    EXPECT_THAT(refusal(target() / "", overwrite), HasSubstr("is not a folder"));
  }
  EXPECT_EQ(folder_.read("out"), "text");
}

TEST_F(OutputFolderTest, RefusesSymbolicLinkEvenToAnEmptyFolder) {
  fs::create_directory(folder_ / "real");
  fs::create_symlink("real", target());
  for (const bool overwrite : {false, true})
    EXPECT_THAT(refusal(target() / "", overwrite), HasSubstr("is a symbolic link"));
  fs::remove(folder_ / "real");
  EXPECT_THAT(refusal(target(), true), HasSubstr("is a symbolic link"));
}

TEST_F(OutputFolderTest, NamesTheMissingParent) {
  EXPECT_THAT(refusal(folder_ / "absent/out/", false),
              AllOf(HasSubstr("absent'"), HasSubstr("No such file")));
  EXPECT_THAT(refusal(folder_ / "absent/..", false), HasSubstr("No such file"));
  EXPECT_THAT(refusal("", false), HasSubstr("No such file"));
}

TEST_F(OutputFolderTest, NamesTheFileThatIsUsedAsAParent) {
  folder_.write("plain", "x");
  EXPECT_THAT(refusal(folder_ / "plain/out", false),
              AllOf(HasSubstr("plain"), HasSubstr("Not a directory")));
}

TEST_F(OutputFolderTest, NamesTheUnwritableParent) {
  if (geteuid() == 0) GTEST_SKIP() << "root may write everywhere";
  fs::permissions(folder_.path(), fs::perms::owner_read | fs::perms::owner_exec);
  const std::string message = io_error([&] { OutputFolder(target(), false); });
  fs::permissions(folder_.path(), fs::perms::owner_all);
  EXPECT_THAT(message, AllOf(HasSubstr(folder_.path().native()), HasSubstr("Permission denied")));
}

TEST_F(OutputFolderTest, RefusesMountPointAndRoot) {
  EXPECT_THAT(refusal("/proc", true), HasSubstr("is a mount point"));
  EXPECT_THAT(refusal("/", true), HasSubstr("output folder '/' "));
  EXPECT_THAT(refusal("//", false), HasSubstr("exists"));
}

TEST_F(OutputFolderTest, RefusesTheCurrentFolder) {
  const fs::path before = fs::current_path();
  fs::create_directory(target());
  fs::current_path(target());
  for (const fs::path& path : {fs::path("."), fs::path("./"), target(), fs::path("../out/")})
    EXPECT_THAT(refusal(path, true), HasSubstr("out' is the current folder"));
  fs::current_path(before);
}

TEST_F(OutputFolderTest, RefusesNameThatTheSystemCannotHold) {
  EXPECT_THAT(refusal(folder_ / std::string(256, 'a'), false), HasSubstr("too long"));
}

TEST_F(OutputFolderTest, RemovesTemporaryWithItsContentWhenNotCommitted) {
  folder_.write("precious", "kept");
  fs::create_directories(folder_ / "elsewhere/deep");
  folder_.write("elsewhere/deep/file", "kept");
  {
    const OutputFolder output(target(), false);
    put(output, "a", "1");
    fs::create_directories(output.temporary() / "b/c");
    fs::create_directory_symlink(folder_ / "elsewhere", output.temporary() / "link");
    fs::create_symlink(folder_ / "precious", output.temporary() / "b/link");
    ASSERT_EQ(folder_.names().size(), 3u);
    EXPECT_THAT(folder_.names()[0], StartsWith(".out.unbrine-tmp-"));
  }
  EXPECT_THAT(folder_.names(), ElementsAre("elsewhere", "precious"));
  EXPECT_EQ(folder_.read("elsewhere/deep/file"), "kept");
}

TEST_F(OutputFolderTest, AppearsWholeUnderItsNameAlone) {
  for (const char* const path : {"a", "b/", "c//", "./d"}) {
    const std::string name(1, path[path[0] == '.' ? 2 : 0]);
    OutputFolder output(folder_ / path, false);
    put(output, "x", "1");
    EXPECT_FALSE(fs::exists(folder_ / name));
    output.commit();
    EXPECT_THAT(folder_.names(name), ElementsAre("x"));
    EXPECT_THAT(output.path().native(), EndsWith("/" + name));
  }
  EXPECT_THAT(folder_.names(), ElementsAre("a", "b", "c", "d"));
}

TEST_F(OutputFolderTest, TakesThePlaceOfAnEmptyFolder) {
  for (const bool overwrite : {false, true}) {
    fs::remove_all(target());
    fs::create_directory(target());
    OutputFolder output(target(), overwrite);
    put(output, "x", "1");
    output.commit();
    EXPECT_THAT(folder_.names("out"), ElementsAre("x"));
  }
  EXPECT_THAT(folder_.names(), ElementsAre("out"));
}

TEST_F(OutputFolderTest, ReplacesAnOldOutputWhenTold) {
  put_old_output();
  OutputFolder output(target(), true);
  put(output, "manifest.json", "new");
  EXPECT_EQ(folder_.read("out/model.safetensors"), "old");
  output.commit();
  EXPECT_THAT(folder_.names("out"), ElementsAre("manifest.json"));
  EXPECT_THAT(folder_.names(), ElementsAre("out"));
}

TEST_F(OutputFolderTest, ReplacesInStepsWhereNamesCannotBeExchanged) {
  put_old_output();
  const bool ran = run_without_renameat2([&] {
    OutputFolder output(target(), true);
    put(output, "x", "new");
    output.commit();
  });
  if (!ran) GTEST_SKIP() << "no system call filter is allowed";
  EXPECT_THAT(folder_.names("out"), ElementsAre("x"));
  EXPECT_THAT(folder_.names(), ElementsAre("out"));
}

TEST_F(OutputFolderTest, DoesNotReplaceWhatAppearedMeanwhile) {
  for (const bool overwrite : {false, true}) {
    fs::remove_all(target());
    {
      OutputFolder output(target(), overwrite);
      put(output, "x", "1");
      fs::create_directory(target());
      folder_.write("out/theirs", "precious");
      EXPECT_THAT(io_error([&] { output.commit(); }), HasSubstr("out' "));
    }
    EXPECT_THAT(folder_.names("out"), ElementsAre("theirs"));
    EXPECT_THAT(folder_.names(), ElementsAre("out"));
  }
}

TEST_F(OutputFolderTest, DoesNotReplaceAFileThatAppearedMeanwhile) {
  OutputFolder output(target(), true);
  folder_.write("out", "theirs");
  EXPECT_THAT(io_error([&] { output.commit(); }), HasSubstr("is not a folder"));
  EXPECT_EQ(folder_.read("out"), "theirs");
}

TEST_F(OutputFolderTest, DoesNotReplaceAnOldOutputThatSomebodyAddedToMeanwhile) {
  put_old_output();
  OutputFolder output(target(), true);
  folder_.write("out/theirs", "precious");
  EXPECT_THAT(io_error([&] { output.commit(); }), HasSubstr("holds 'theirs'"));
  EXPECT_EQ(folder_.read("out/theirs"), "precious");
}

TEST_F(OutputFolderTest, HasThePermissionsOfAnOrdinaryFolder) {
  const mode_t before = umask(027);
  OutputFolder output(target(), false);
  umask(before);
  output.commit();
  EXPECT_EQ(fs::status(target()).permissions(), static_cast<fs::perms>(0750));
}

TEST_F(OutputFolderTest, LiesBesideTheCurrentFolder) {
  const fs::path before = fs::current_path();
  fs::current_path(folder_.path());
  OutputFolder output("bare/", false);
  output.commit();
  fs::current_path(before);
  EXPECT_THAT(folder_.names(), ElementsAre("bare"));
}

class CommitTogether : public OutputFolderTest {
 protected:
  void add(const std::string& name, bool overwrite = false) {
    files_.push_back(std::make_unique<OutputFile>(folder_ / name, 1, overwrite));
    files_.back()->write_at(0, as_bytes("n"));
  }
  std::string error_of_commit(OutputFolder* folder = nullptr) {
    std::string message = io_error([&] { commit_together(files_, folder); });
    files_.clear();
    return message;
  }
  std::vector<std::unique_ptr<OutputFile>> files_;
};

TEST_F(CommitTogether, TakesBackWhatWasWrittenBeforeTheFailure) {
  for (const char* const name : {"1", "2", "3"}) add(name);
  folder_.write("2", "theirs");
  EXPECT_THAT(error_of_commit(), AllOf(HasSubstr("2' exists"), ::testing::Not(HasSubstr("1'"))));
  EXPECT_THAT(folder_.names(), ElementsAre("2"));
  EXPECT_EQ(folder_.read("2"), "theirs");
}

TEST_F(CommitTogether, NamesWhatItReplacedAndCannotTakeBack) {
  for (const char* const name : {"1", "2", "3", "4", "5"}) {
    folder_.write(name, "old");
    add(name, true);
  }
  add("6", true);
  add("7");
  folder_.write("7", "theirs");
  EXPECT_THAT(error_of_commit(),
              AllOf(HasSubstr("7' exists"), HasSubstr("; written already, and not taken back: '"),
                    HasSubstr("/1', '"), HasSubstr("/3' and 2 more")));
  EXPECT_THAT(folder_.names(), ElementsAre("1", "2", "3", "4", "5", "7"));
  EXPECT_EQ(folder_.read("1"), "n");
}

TEST_F(CommitTogether, TakesBackFilesOutsideAFolderThatCannotAppear) {
  OutputFolder output(target(), false);
  add("manifest.json");
  files_.push_back(std::make_unique<OutputFile>(output.temporary() / "inside", 0, false));
  folder_.write("out", "theirs");
  EXPECT_THAT(error_of_commit(&output), HasSubstr("is not a folder"));
  EXPECT_FALSE(fs::exists(folder_ / "manifest.json"));
}

TEST_F(CommitTogether, GivesAllTheirNames) {
  OutputFolder output(target(), false);
  add("1");
  add("2");
  files_.push_back(std::make_unique<OutputFile>(output.temporary() / "inside", 0, false));
  commit_together(files_, &output);
  EXPECT_THAT(folder_.names(), ElementsAre("1", "2", "out"));
  EXPECT_THAT(folder_.names("out"), ElementsAre("inside"));
}

TEST_F(CommitTogether, TakesNothingForDone) { EXPECT_NO_THROW(commit_together({})); }

}  // namespace
}  // namespace unbrine
