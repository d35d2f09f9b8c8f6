#include "formats/blob/blob_writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "formats/blob/blob_index.h"
#include "tests/formats/written_files.h"
#include "tests/support/error_of.h"

namespace unbrine {
namespace {

using testing::HasSubstr;

constexpr const char* kDigest = "xxh3-256k:0123456789abcdef";

class BlobWriter : public testing::Test {
 protected:
  Layout layout(uint64_t align) const { return blob_layout(selection_, {.align = align}); }

  std::vector<SideFile> side_files(const Layout& layout) const {
    const std::vector<std::string> digests(layout.slots.size(), kDigest);
    return blob_side_files(layout, selection_, digests);
  }

  SelectedTensors tensors_;
  Selection& selection_ = tensors_.selection;
};

TEST_F(BlobWriter, RefusesAnAlignmentThatIsNoPowerOfTwo) {
  for (const uint64_t align : {0, 3, 4095, 6}) {
    const Error error = error_of([&] { layout(align); });
    EXPECT_EQ(error.code(), ErrorCode::Usage);
    EXPECT_THAT(error.what(), HasSubstr("not a power of two"));
  }
}

TEST_F(BlobWriter, RefusesAShardSize) {
  const Error error = error_of([&] { blob_layout(selection_, {.max_shard_size = 9}); });
  EXPECT_EQ(error.code(), ErrorCode::Usage);
}

TEST_F(BlobWriter, RefusesOffsetsBeyond64Bits) {
  tensors_.add("a", DType::U8, {1});
  tensors_.add("b", DType::U8, {1});
  EXPECT_EQ(error_of([&] { layout(uint64_t{1} << 63); }).code(), ErrorCode::Limit);
}

TEST_F(BlobWriter, PutsEachTensorAtAMultipleOfTheAlignment) {
  tensors_.add("b", DType::U8, {5}, "hello");
  tensors_.add("e", DType::F32, {0});
  tensors_.add("a", DType::U8, {8}, "01234567");
  const Layout result = layout(8);
  EXPECT_EQ(result.align, 8u);
  EXPECT_EQ(result.files.at(0).name, "model.blob");
  EXPECT_EQ(written_files(result, selection_).at(0), std::string("hello\0\0\0", 8) + "01234567");
}

TEST_F(BlobWriter, EndsTheFileAtAMultipleOfTheAlignment) {
  tensors_.add("a", DType::U8, {4097});
  EXPECT_EQ(layout(4096).files.at(0).size, 8192u);
  EXPECT_EQ(layout(1).files.at(0).size, 4097u);
}

TEST_F(BlobWriter, WritesAFileWithoutTensors) {
  const Layout result = layout(4096);
  EXPECT_EQ(result.files.at(0).size, 0u);
  EXPECT_EQ(side_files(result).at(0).text,
            R"({"schema":"unbrine.blob/1","file":"model.blob","size":0,"align":4096,)"
            R"("metadata":{},"tensors":[]})"
            "\n");
}

TEST_F(BlobWriter, DescribesEachTensorInItsIndex) {
  selection_.metadata = {{"format", "pt"}};
  selection_.groups[0].aliases = {{"tied", "w"}};
  tensors_.add("w", DType::F32, {2, 1}).cast = DType::BF16;
  tensors_.add("c", DType::C128, {3});
  const Layout result = layout(64);
  EXPECT_EQ(side_files(result).at(0).name, "model.blob.json");
  EXPECT_EQ(side_files(result).at(0).text,
            R"({"schema":"unbrine.blob/1","file":"model.blob","size":128,"align":64,)"
            R"("metadata":{"format":"pt","tied":"w"},"tensors":[)"
            R"({"name":"w","dtype":"BF16","shape":[2,1],"offset":0,"size":4,)"
            R"("digest":"xxh3-256k:0123456789abcdef"},)"
            R"({"name":"c","dtype":"F64","shape":[3,2],"offset":64,"size":48,)"
            R"("digest":"xxh3-256k:0123456789abcdef"}]})"
            "\n");
}

TEST_F(BlobWriter, WritesAnIndexForEachGroup) {
  tensors_.add("w", DType::U8, {1});
  tensors_.new_group("optimizer");
  tensors_.add("w", DType::U8, {2});
  const std::vector<SideFile> files = side_files(layout(2));
  ASSERT_EQ(files.size(), 2u);
  EXPECT_EQ(files[1].name, "optimizer.blob.json");
  EXPECT_THAT(files[1].text, HasSubstr(R"("file":"optimizer.blob","size":2,"align":2)"));
  EXPECT_THAT(files[1].text, HasSubstr(R"("shape":[2],"offset":0)"));
}

TEST_F(BlobWriter, WritesWhatItsReaderTakes) {
  tensors_.add("\"\n\xc3\xa9", DType::BF16, {3, 2});
  tensors_.add("empty", DType::F64, {0});
  const std::string text = side_files(layout(16)).at(0).text;
  const MemorySource source({text.begin(), text.end()});
  const BlobIndex index = read_blob_index(source, Limits());
  ASSERT_EQ(index.tensors.size(), 2u);
  EXPECT_EQ(index.tensors[0].name, "\"\n\xc3\xa9");
  EXPECT_EQ(index.tensors[0].shape, (std::vector<uint64_t>{3, 2}));
  EXPECT_EQ(index.tensors[0].digest, kDigest);
  EXPECT_EQ(index.size, 16u);
}

}  // namespace
}  // namespace unbrine
