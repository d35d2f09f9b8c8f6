#include "formats/spooled_source.h"

#include <gmock/gmock.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>

#include <optional>

#include "tests/support/error_of.h"
#include "tests/support/scratch_folder.h"

namespace unbrine {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

// TMPDIR for one test.
class TemporaryFolder {
 public:
  explicit TemporaryFolder(const std::string& path) {
    if (const char* before = getenv("TMPDIR")) before_ = before;
    setenv("TMPDIR", path.c_str(), 1);
  }
  ~TemporaryFolder() {
    if (before_)
      setenv("TMPDIR", before_->c_str(), 1);
    else
      unsetenv("TMPDIR");
  }

 private:
  std::optional<std::string> before_;
};

// Longer files cannot be written, as on a full disk.
class LongestFile {
 public:
  explicit LongestFile(uint64_t bytes) {
    getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit now{bytes, before_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &now);
    signal(SIGXFSZ, SIG_IGN);
  }
  ~LongestFile() {
    setrlimit(RLIMIT_FSIZE, &before_);
    signal(SIGXFSZ, SIG_DFL);
  }

 private:
  rlimit before_;
};

std::vector<uint8_t> block(uint64_t size, uint8_t seed) {
  std::vector<uint8_t> bytes(size);
  for (size_t i = 0; i < size; ++i) bytes[i] = static_cast<uint8_t>(seed + i * 7 + (i >> 9));
  return bytes;
}

TEST(Spool, NamesAFolderThatIsNotThere) {
  const ScratchFolder folder;
  const TemporaryFolder chosen(folder / "absent");
  Spool spool;
  spool.write(block(kMostSpooledInMemory, 0));
  const Error error = error_of([&] { spool.write(block(1, 0)); });
  EXPECT_EQ(error.code(), ErrorCode::Io);
  EXPECT_THAT(error.what(), HasSubstr("/absent': cannot create: No such file"));
  EXPECT_THAT(error.what(), HasSubstr("set TMPDIR"));
}

TEST(Spool, SaysThatTheFolderIsFull) {
  const ScratchFolder folder;
  const TemporaryFolder chosen(folder.path());
  const LongestFile limit(20 << 20);
  Spool spool;
  const auto megabyte = block(1 << 20, 0);
  for (int i = 0; i < 20; ++i) spool.write(megabyte);
  const Error error = error_of([&] { spool.write(megabyte); });
  EXPECT_EQ(error.code(), ErrorCode::Io);
  EXPECT_THAT(error.what(), HasSubstr(folder.path().string()));
  EXPECT_THAT(error.what(), HasSubstr("set TMPDIR to a folder with more room"));
}

TEST(Spool, KeepsFewBytesInMemory) {
  const TemporaryFolder chosen("/nowhere");
  Spool spool;
  spool.write(block(5, 1));
  spool.write({});
  spool.write(block(kMostSpooledInMemory - 5, 2));
  EXPECT_EQ(spool.size(), kMostSpooledInMemory);
  const auto source = spool.finish();
  EXPECT_EQ(source->size(), kMostSpooledInMemory);
  EXPECT_EQ(source->read_all(0, 5), block(5, 1));
}

TEST(Spool, GivesBackManyBytesByPosition) {
  const ScratchFolder folder;
  const TemporaryFolder chosen(folder.path());
  Spool spool;
  constexpr uint64_t kBlock = 3 << 20;
  for (uint8_t i = 0; i < 7; ++i) spool.write(block(kBlock, i));
  const auto source = spool.finish();
  ASSERT_EQ(source->size(), 7 * kBlock);
  for (uint8_t i = 0; i < 7; ++i) EXPECT_EQ(source->read_all(i * kBlock, kBlock), block(kBlock, i));
  EXPECT_EQ(error_of([&] { source->read_all(7 * kBlock, 1); }).code(), ErrorCode::Corrupt);
}

TEST(Spool, LeavesNoNameInTheFolder) {
  const ScratchFolder folder;
  const TemporaryFolder chosen(folder.path());
  Spool spool;
  spool.write(block(kMostSpooledInMemory + 1, 0));
  EXPECT_THAT(folder.names(), IsEmpty());
  const auto source = spool.finish();
  EXPECT_THAT(folder.names(), IsEmpty());
}

}  // namespace
}  // namespace unbrine
