#include "formats/blob/blob_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "formats/blob/blob_index.h"
#include "tests/support/error_of.h"
#include "tests/support/scratch_folder.h"

namespace unbrine {
namespace {

using testing::HasSubstr;

std::string entry(const std::string& name, const std::string& place,
                  const std::string& type = R"("dtype":"U8","shape":[4])") {
  return R"({"name":")" + name + R"(",)" + type + "," + place +
         R"(,"digest":"xxh3-256k:0123456789abcdef"})";
}

std::string index_of(const std::string& tensors, const std::string& rest = R"("size":16,"align":8)",
                     const std::string& file = "m.blob") {
  return R"({"schema":"unbrine.blob/1","file":")" + file + R"(",)" + rest +
         R"(,"metadata":{"format":"pt"},"tensors":[)" + tensors + "]}\n";
}

const char* const kFirst = R"("offset":0,"size":4)";
const char* const kSecond = R"("offset":8,"size":4)";

BlobIndex read(const std::string& text, const Limits& limits = {}) {
  return read_blob_index(MemorySource({text.begin(), text.end()}), limits);
}

void expect_corrupt(const std::string& text, const std::string& part) {
  const Error error = error_of([&] { read(text); });
  EXPECT_EQ(error.code(), ErrorCode::Corrupt) << error.what();
  EXPECT_THAT(error.what(), HasSubstr(part));
}

TEST(BlobIndex, RefusesEveryBeginningOfOne) {
  const std::string whole = index_of(entry("a", kFirst));
  for (size_t size = 0; size + 1 < whole.size(); ++size)
    EXPECT_EQ(error_of([&] { read(whole.substr(0, size)); }).code(), ErrorCode::Corrupt) << size;
}

TEST(BlobIndex, RefusesAnotherSchema) {
  std::string text = index_of("");
  text.replace(text.find("blob/1"), 6, "blob/2");
  EXPECT_EQ(error_of([&] { read(text); }).code(), ErrorCode::Unsupported);
  text.replace(text.find("blob/2"), 6, "tree/1");
  expect_corrupt(text, "schema: is 'unbrine.tree/1', expected 'unbrine.blob/1'");
}

TEST(BlobIndex, RefusesAFileThatIsNoPlainName) {
  for (const char* name : {"", ".", "..", "../m.blob", "/etc/passwd", "a/b", "a\\u0000b"})
    expect_corrupt(index_of("", R"("size":0,"align":8)", name), "is not a plain file name");
}

TEST(BlobIndex, RefusesAnAlignmentThatIsNoPowerOfTwo) {
  expect_corrupt(index_of("", R"("size":0,"align":0)"), "align: 0 is not a power of two");
  expect_corrupt(index_of("", R"("size":0,"align":12)"), "12");
  expect_corrupt(index_of("", R"("size":0,"align":-8)"), "align");
}

TEST(BlobIndex, RefusesTwoTensorsOfOneName) {
  expect_corrupt(index_of(entry("a", kFirst) + "," + entry("a", kSecond)), "'a' is listed twice");
}

TEST(BlobIndex, RefusesTensorsThatOverlap) {
  const std::string long_one = entry("a", R"("offset":0,"size":9)", R"("dtype":"U8","shape":[9])");
  expect_corrupt(index_of(long_one + "," + entry("b", kSecond)), "'b' begins at byte 8, inside");
  expect_corrupt(index_of(entry("b", kSecond) + "," + long_one), "'b' begins at byte 8, inside");
  expect_corrupt(index_of(entry("a", kFirst) + "," + entry("b", kFirst)), "inside tensor");
}

TEST(BlobIndex, RefusesATensorThatIsNotAligned) {
  expect_corrupt(index_of(entry("a", R"("offset":4,"size":4)")), "begins at byte 4, no multiple");
}

TEST(BlobIndex, RefusesATensorBeyondTheBlob) {
  expect_corrupt(index_of(entry("a", R"("offset":16,"size":4)")),
                 "needs 4 bytes at byte 16 of a blob of 16");
  expect_corrupt(index_of(entry("a", R"("offset":18446744073709551608,"size":4)")), "needs 4");
}

TEST(BlobIndex, RefusesASizeThatShapeAndDtypeDoNotGive) {
  expect_corrupt(index_of(entry("a", R"("offset":0,"size":5)")), "has 5 bytes, but");
  expect_corrupt(index_of(entry("a", kFirst, R"("dtype":"F64","shape":[4294967296,4294967296])")),
                 "does not fit 64 bits");
  expect_corrupt(index_of(entry("a", kFirst, R"("dtype":"F4","shape":[7])")), "not whole bytes");
}

TEST(BlobIndex, RefusesAnUnknownDtype) {
  const Error error =
      error_of([] { read(index_of(entry("a", kFirst, R"("dtype":"F5","shape":[4])"))); });
  EXPECT_EQ(error.code(), ErrorCode::Unsupported);
  EXPECT_STREQ(error.what(), "tensor 'a': dtype 'F5' is not known");
}

TEST(BlobIndex, RefusesADigestOfAnotherForm) {
  std::string text = index_of(entry("a", kFirst));
  text.replace(text.find("cdef"), 4, "CDEF");
  expect_corrupt(text, "digest: is 'xxh3-256k:0123456789abCDEF'");
}

TEST(BlobIndex, RefusesMoreTensorsThanTheLimit) {
  Limits limits;
  limits.max_tensors = 2;
  const std::string two = entry("a", kFirst) + "," + entry("b", kSecond);
  EXPECT_EQ(read(index_of(two), limits).tensors.size(), 2u);
  limits.max_tensors = 1;
  EXPECT_EQ(error_of([&] { read(index_of(two), limits); }).code(), ErrorCode::Limit);
}

TEST(BlobIndex, LetsGapsAndEmptyTensorsBe) {
  const std::string empty = entry("e", R"("offset":8,"size":0)", R"("dtype":"U8","shape":[0,3])");
  const BlobIndex index = read(index_of(entry("b", kSecond) + "," + empty));
  ASSERT_EQ(index.tensors.size(), 2u);
  EXPECT_EQ(index.tensors[0].offset, 8u);
  EXPECT_EQ(index.metadata.at("format"), "pt");
}

class BlobReader : public testing::Test {
 protected:
  void write(const std::string& tensors, const std::string& blob) {
    folder_.write("m.blob.json", index_of(tensors));
    folder_.write("m.blob", blob);
  }

  Error refusal(const char* name) const {
    return error_of([&] { open_checkpoint(folder_ / name, Limits()); });
  }

  ScratchFolder folder_;
};

const std::string kSixteen("abcd\0\0\0\0efgh\0\0\0\0", 16);

TEST_F(BlobReader, RefusesABlobOfAnotherSize) {
  write(entry("a", kFirst), kSixteen.substr(1));
  for (const char* name : {"m.blob", "m.blob.json"}) {
    EXPECT_EQ(refusal(name).code(), ErrorCode::Corrupt);
    EXPECT_THAT(refusal(name).what(), HasSubstr("has 15 bytes, its index says 16: truncated"));
  }
}

TEST_F(BlobReader, RefusesAnIndexWithoutItsBlob) {
  folder_.write("m.blob.json", index_of(""));
  EXPECT_THAT(refusal("m.blob.json").what(), HasSubstr("'m.blob' is not in the folder"));
}

TEST_F(BlobReader, RefusesTheIndexOfAnotherBlob) {
  folder_.write("m.blob.json", index_of("", R"("size":16,"align":8)", "n.blob"));
  folder_.write("m.blob", kSixteen);
  folder_.write("n.blob", kSixteen);
  EXPECT_EQ(refusal("m.blob").code(), ErrorCode::Corrupt);
  EXPECT_THAT(refusal("m.blob").what(), HasSubstr("is the index of 'n.blob', not of 'm.blob'"));
}

TEST_F(BlobReader, DoesNotTakeABlobWithoutAnIndex) {
  folder_.write("m.blob", kSixteen);
  EXPECT_FALSE(looks_like_blob(folder_ / "m.blob"));
  EXPECT_FALSE(looks_like_blob(folder_ / "absent.blob"));
  folder_.write("m.blob.json", R"({"weight_map":{}})");
  EXPECT_FALSE(looks_like_blob(folder_ / "m.blob.json"));
}

TEST_F(BlobReader, ReadsByEitherName) {
  write(entry("b", kSecond) + "," + entry("a", kFirst), kSixteen);
  for (const char* name : {"m.blob", "m.blob.json"}) {
    const Checkpoint checkpoint = open_checkpoint(folder_ / name, Limits());
    EXPECT_EQ(checkpoint.format, "blob");
    EXPECT_EQ(checkpoint.metadata.at("format"), "pt");
    ASSERT_EQ(checkpoint.tensors.tensors().size(), 2u);
    const Storage& storage = checkpoint.tensors.storages()[0];
    const std::vector<uint8_t> bytes = storage.source->read_all(storage.offset, storage.size);
    EXPECT_EQ(std::string(bytes.begin(), bytes.end()), "efgh");
    EXPECT_EQ(checkpoint.graph.text(*checkpoint.graph.items(checkpoint.root).begin()), "b");
  }
}

}  // namespace
}  // namespace unbrine
