#include "converter/output_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <iterator>
#include <vector>

#include "formats/error.h"
#include "tests/support/old_kernel.h"

namespace unbrine {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

class OutputFileTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = ::testing::TempDir() + "unbrine-output-XXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override { fs::remove_all(folder_); }

  fs::path target() const { return folder_ / "model.safetensors"; }

  void put(const fs::path& path, std::string_view text) { std::ofstream(path) << text; }
  std::string text_of(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  std::vector<std::string> names() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(folder_))
      names.push_back(entry.path().filename());
    return names;
  }

  fs::path folder_;
};

template <class Action>
std::string io_error(Action action) {
  try {
    action();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::Io) << error.what();
    return error.what();
  }
  ADD_FAILURE() << "nothing was thrown";
  return {};
}

// A file-size limit acts like a full disk, without a disk to fill.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit{bytes, before_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() {
    setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }

 private:
  rlimit before_ = {};
  sighandler_t handler_;
};

TEST_F(OutputFileTest, RefusesExistingTargetAndSaysHowToReplaceIt) {
  put(target(), "old");
  const std::string message = io_error([&] { OutputFile(target(), 3, false); });
  EXPECT_THAT(message, AllOf(HasSubstr("model.safetensors'"), HasSubstr("--overwrite")));
  EXPECT_EQ(text_of(target()), "old");
  EXPECT_THAT(names(), ElementsAre("model.safetensors"));
}

TEST_F(OutputFileTest, RefusesFolderEvenWithOverwrite) {
  fs::create_directory(target());
  EXPECT_THAT(io_error([&] { OutputFile(target(), 3, true); }),
              AllOf(HasSubstr("is a folder"), HasSubstr("--overwrite")));
}

TEST_F(OutputFileTest, RefusesToReplaceWhatIsNoRegularFile) {
  ASSERT_EQ(mkfifo(target().c_str(), 0600), 0);
  EXPECT_THAT(io_error([&] { OutputFile(target(), 3, true); }), HasSubstr("not a regular file"));
  EXPECT_TRUE(fs::is_fifo(target()));
}

TEST_F(OutputFileTest, NamesTheMissingFolder) {
  EXPECT_THAT(io_error([&] { OutputFile(folder_ / "absent" / "a.bin", 3, false); }),
              AllOf(HasSubstr("absent'"), HasSubstr("No such file")));
}

TEST_F(OutputFileTest, NamesTheFileThatIsUsedAsAFolder) {
  put(folder_ / "plain", "x");
  EXPECT_THAT(io_error([&] { OutputFile(folder_ / "plain" / "a.bin", 3, false); }),
              AllOf(HasSubstr("plain"), HasSubstr("Not a directory")));
}

TEST_F(OutputFileTest, NamesTheUnwritableFolder) {
  if (geteuid() == 0) GTEST_SKIP() << "root may write everywhere";
  fs::permissions(folder_, fs::perms::owner_read | fs::perms::owner_exec);
  const std::string message = io_error([&] { OutputFile(target(), 3, false); });
  fs::permissions(folder_, fs::perms::owner_all);
  EXPECT_THAT(message, AllOf(HasSubstr(folder_.native()), HasSubstr("Permission denied")));
}

TEST_F(OutputFileTest, RefusesNameThatTheSystemCannotHold) {
  EXPECT_THAT(io_error([&] { OutputFile(folder_ / std::string(256, 'a'), 3, false); }),
              HasSubstr("too long"));
  EXPECT_THAT(names(), IsEmpty());
}

TEST_F(OutputFileTest, LeavesNothingWhenTheSizeCannotBeReserved) {
  const FileSizeLimit limit(1000);
  EXPECT_THAT(io_error([&] { OutputFile(target(), 2000, false); }),
              AllOf(HasSubstr("model.safetensors'"), HasSubstr("File too large")));
  EXPECT_THAT(names(), IsEmpty());
}

TEST_F(OutputFileTest, ReportsFailedWrite) {
  const FileSizeLimit limit(1000);
  OutputFile output(target(), 0, false);
  EXPECT_THAT(io_error([&] { output.write_at(500, std::vector<uint8_t>(1000)); }),
              AllOf(HasSubstr("cannot write"), HasSubstr("model.safetensors'")));
}

TEST_F(OutputFileTest, EscapesNamesInMessages) {
  EXPECT_THAT(io_error([&] { OutputFile(folder_ / "no\x1b[31m" / "a", 3, false); }),
              HasSubstr("no\\x1b[31m"));
}

TEST_F(OutputFileTest, RemovesTemporaryWhenNotCommitted) {
  {
    OutputFile output(target(), 3, false);
    output.write_at(0, as_bytes("abc"));
    ASSERT_EQ(names().size(), 1u);
    EXPECT_THAT(names()[0], StartsWith(".model.safetensors.unbrine-tmp-"));
  }
  EXPECT_THAT(names(), IsEmpty());
}

TEST_F(OutputFileTest, ReservesTheSizeAtOnce) {
  OutputFile output(target(), 4096, false);
  EXPECT_EQ(fs::file_size(folder_ / names().at(0)), 4096u);
}

TEST_F(OutputFileTest, AppearsWholeUnderItsNameAlone) {
  OutputFile output(target(), 6, false);
  output.write_at(3, as_bytes("def"));
  output.write_at(0, as_bytes("abc"));
  EXPECT_FALSE(fs::exists(target()));
  output.commit();
  EXPECT_EQ(text_of(target()), "abcdef");
  EXPECT_THAT(names(), ElementsAre("model.safetensors"));
}

TEST_F(OutputFileTest, MayBeEmpty) {
  OutputFile output(target(), 0, false);
  output.commit();
  EXPECT_EQ(fs::file_size(target()), 0u);
}

TEST_F(OutputFileTest, ReplacesOnlyWhenTold) {
  put(target(), "old and longer");
  OutputFile output(target(), 3, true);
  output.write_at(0, as_bytes("new"));
  EXPECT_EQ(text_of(target()), "old and longer");
  output.commit();
  EXPECT_EQ(text_of(target()), "new");
}

TEST_F(OutputFileTest, DoesNotReplaceWhatAppearedMeanwhile) {
  {
    OutputFile output(target(), 3, false);
    output.write_at(0, as_bytes("new"));
    put(target(), "somebody else's");
    EXPECT_THAT(io_error([&] { output.commit(); }), HasSubstr("--overwrite"));
  }
  EXPECT_EQ(text_of(target()), "somebody else's");
  EXPECT_THAT(names(), ElementsAre("model.safetensors"));
}

TEST_F(OutputFileTest, RefusesToBeCalledWhatExists) {
  put(folder_ / "other", "old");
  OutputFile output(target(), 3, false);
  EXPECT_THAT(io_error([&] { output.set_path(folder_ / "other"); }), HasSubstr("--overwrite"));
}

TEST_F(OutputFileTest, MayBeCalledOtherwiseUntilItIsCommitted) {
  OutputFile output(target(), 3, false);
  output.write_at(0, as_bytes("new"));
  output.set_path(folder_ / "other");
  output.commit();
  EXPECT_THAT(names(), ElementsAre("other"));
}

TEST_F(OutputFileTest, ShowsItsBytesUnderTheTemporaryName) {
  OutputFile output(target(), 3, false);
  output.write_at(0, as_bytes("new"));
  EXPECT_EQ(text_of(output.temporary()), "new");
  output.commit();
  EXPECT_TRUE(output.temporary().empty());
}

TEST_F(OutputFileTest, IsWithdrawnUnlessItReplacedSomething) {
  for (const bool overwrite : {false, true}) {
    OutputFile output(target(), 0, overwrite);
    output.commit();
    EXPECT_TRUE(output.withdraw());
    EXPECT_THAT(names(), IsEmpty());
  }
  put(target(), "old");
  OutputFile output(target(), 0, true);
  output.commit();
  EXPECT_FALSE(output.withdraw());
  EXPECT_TRUE(fs::exists(target()));
}

TEST_F(OutputFileTest, ReplacesSymbolicLinkAndNotWhatItPointsAt) {
  put(folder_ / "precious", "kept");
  fs::create_symlink("precious", target());
  EXPECT_THAT(io_error([&] { OutputFile(target(), 3, false); }), HasSubstr("--overwrite"));
  OutputFile output(target(), 3, true);
  output.write_at(0, as_bytes("new"));
  output.commit();
  EXPECT_EQ(text_of(folder_ / "precious"), "kept");
  EXPECT_FALSE(fs::is_symlink(target()));
  EXPECT_EQ(text_of(target()), "new");
}

TEST_F(OutputFileTest, TakesDanglingSymbolicLinkForExisting) {
  fs::create_symlink("absent", target());
  EXPECT_THAT(io_error([&] { OutputFile(target(), 3, false); }), HasSubstr("--overwrite"));
  EXPECT_FALSE(fs::exists(folder_ / "absent"));
}

TEST_F(OutputFileTest, CommitsWithoutReplacingWhereTheKernelCannotTell) {
  put(folder_ / "taken", "old");
  const bool ran = run_without_renameat2([&] {
    OutputFile output(target(), 3, false);
    output.write_at(0, as_bytes("new"));
    output.commit();
    OutputFile other(folder_ / "taken", 0, true);
    other.commit();
    EXPECT_FALSE(other.withdraw());
    OutputFile late(folder_ / "late", 0, false);
    put(folder_ / "late", "theirs");
    EXPECT_THAT(io_error([&] { late.commit(); }), HasSubstr("--overwrite"));
  });
  if (!ran) GTEST_SKIP() << "no system call filter is allowed";
  EXPECT_EQ(text_of(target()), "new");
  EXPECT_EQ(text_of(folder_ / "taken"), "");
  EXPECT_EQ(text_of(folder_ / "late"), "theirs");
}

TEST_F(OutputFileTest, TakesTheLongestNameThereIs) {
  const fs::path path = folder_ / std::string(255, 'a');
  OutputFile output(path, 0, false);
  output.commit();
  EXPECT_TRUE(fs::exists(path));
}

TEST_F(OutputFileTest, ShortensLongNamesBetweenCharacters) {
  std::string name = "a";
  while (name.size() + 2 <= 255) name += "\xc3\xa9";
  OutputFile output(folder_ / name, 0, false);
  const std::string temporary = names().at(0);
  EXPECT_LE(temporary.size(), 255u);
  EXPECT_THAT(temporary, HasSubstr("\xc3\xa9.unbrine-tmp-"));
}

TEST_F(OutputFileTest, HasThePermissionsOfAnOrdinaryFile) {
  const mode_t before = umask(027);
  OutputFile output(target(), 0, false);
  umask(before);
  output.commit();
  EXPECT_EQ(fs::status(target()).permissions(), static_cast<fs::perms>(0640));
}

TEST_F(OutputFileTest, WritesBesideTheCurrentFolder) {
  const fs::path before = fs::current_path();
  fs::current_path(folder_);
  OutputFile output("bare-name", 0, false);
  output.commit();
  fs::current_path(before);
  EXPECT_THAT(names(), ElementsAre("bare-name"));
}

}  // namespace
}  // namespace unbrine
