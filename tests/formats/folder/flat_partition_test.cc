#include "formats/folder/flat_partition.h"

#include <gmock/gmock.h>

#include "tests/support/error_of.h"

namespace unbrine {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class FlatPartitionTest : public ::testing::Test {
 protected:
  // A tensor of one dimension that holds the text.
  uint32_t row(std::string_view text, uint64_t stride = 1) {
    const ByteSpan bytes = as_bytes(text);
    Storage storage;
    storage.name = "partition";
    storage.source = std::make_shared<MemorySource>(std::vector(bytes.begin(), bytes.end()));
    storage.size = bytes.size();
    Tensor tensor;
    tensor.dtype = DType::U8;
    tensor.storage = table.add_storage(std::move(storage));
    tensor.shape = {(bytes.size() + stride - 1) / stride};
    tensor.stride = {stride};
    return table.add(std::move(tensor));
  }

  std::string joined(const std::vector<TensorPart>& parts, const std::vector<uint64_t>& shape) {
    const Tensor tensor = join_flat(table, "joined", shape, parts);
    EXPECT_EQ(tensor.shape, shape);
    EXPECT_TRUE(is_contiguous(tensor));
    const Storage& storage = table.storage_of(tensor);
    return std::string(
        as_text(storage.source->read_all(storage.offset + first_byte(tensor), byte_count(tensor))));
  }

  TensorTable table{Limits{}};
};

TEST_F(FlatPartitionTest, RejectsATensorOfTwoDimensions) {
  Tensor square = table.tensors()[row("abcd")];
  square.shape = {2, 2};
  square.stride = {2, 1};
  const uint32_t two = table.add(square);
  EXPECT_THAT(error_of([&] { FlatPartition(table, {two}); }).what(),
              HasSubstr("has 2 dimensions, expected 1"));
}

TEST_F(FlatPartitionTest, RejectsASliceBehindTheEnd) {
  const FlatPartition flat(table, {row("abc")});
  EXPECT_THAT(error_of([&] { flat.slice(1, 3, 0); }).what(),
              HasSubstr("needs elements 1 to 4 of a partition of 3"));
  EXPECT_EQ(error_of([&] { flat.slice(4, 0, 0); }).code(), ErrorCode::Corrupt);
  EXPECT_EQ(error_of([&] { flat.slice(1, UINT64_MAX, 0); }).code(), ErrorCode::Corrupt);
}

TEST_F(FlatPartitionTest, RejectsTooFewElementsForTheShape) {
  const FlatPartition flat(table, {row("abc")});
  EXPECT_EQ(error_of([&] { joined(flat.slice(0, 3, 0), {2, 2}); }).code(), ErrorCode::Corrupt);
  EXPECT_EQ(error_of([&] { joined({}, {2}); }).code(), ErrorCode::Corrupt);
  EXPECT_EQ(error_of([&] {
              checked_elements({uint64_t{1} << 40, 1 << 30});
            }).code(),
            ErrorCode::Corrupt);
}

TEST_F(FlatPartitionTest, RefusesATensorWithGaps) {
  const FlatPartition flat(table, {row("a-b-c", 2)});
  EXPECT_EQ(error_of([&] { joined(flat.slice(0, 3, 0), {3}); }).code(), ErrorCode::Unsupported);
}

TEST_F(FlatPartitionTest, ViewsASliceOfOneTensorWhereItIs) {
  const FlatPartition flat(table, {row("abc"), row("defg")});
  const size_t storages = table.storages().size();
  EXPECT_EQ(joined(flat.slice(4, 2, 0), {2, 1}), "ef");
  EXPECT_EQ(table.storages().size(), storages);
}

TEST_F(FlatPartitionTest, JoinsASliceOfSeveralTensors) {
  const FlatPartition flat(table, {row("abc"), row(""), row("d"), row("efg")});
  EXPECT_EQ(flat.size(), 7u);
  EXPECT_THAT(flat.ends(), ElementsAre(3, 3, 4, 7));
  EXPECT_EQ(joined(flat.slice(2, 4, 0), {2, 2}), "cdef");
  EXPECT_EQ(joined(flat.slice(0, 7, 0), {7}), "abcdefg");
}

TEST_F(FlatPartitionTest, GivesNothingOfNothing) {
  const FlatPartition none(table, {});
  EXPECT_EQ(none.size(), 0u);
  EXPECT_THAT(none.slice(0, 0, 0), IsEmpty());
  EXPECT_EQ(joined({}, {0, 5}), "");
}

}  // namespace
}  // namespace unbrine
