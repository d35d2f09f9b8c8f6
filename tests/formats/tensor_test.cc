#include "formats/tensor.h"

#include <gmock/gmock.h>

#include "tests/support/error_of.h"

namespace unbrine {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class TensorGate : public ::testing::Test {
 protected:
  TensorTable table{Limits{}};

  uint32_t storage(uint64_t bytes, bool big_endian = false) {
    Storage storage;
    storage.name = "7";
    storage.source = std::make_shared<MemorySource>(std::vector<uint8_t>(bytes));
    storage.size = bytes;
    storage.big_endian = big_endian;
    return table.add_storage(std::move(storage));
  }

  static Tensor view(uint32_t storage, uint64_t offset, std::vector<uint64_t> shape,
                     std::vector<uint64_t> stride, DType dtype = DType::F32) {
    return {dtype, storage, offset, std::move(shape), std::move(stride)};
  }

  Error refusal(Tensor tensor) {
    return error_of([&] { table.add(std::move(tensor)); });
  }
};

TEST_F(TensorGate, RefusesAViewThatPassesItsStorage) {
  const uint32_t row = storage(40);
  table.add(view(row, 0, {10}, {1}));
  const Error error = refusal(view(row, 1, {10}, {1}));
  EXPECT_EQ(error.code(), ErrorCode::Corrupt);
  EXPECT_STREQ(error.what(),
               "shape (10) with stride (1) at 1: needs 44 bytes of storage '7', which has 40");
}

TEST_F(TensorGate, RefusesShapeAndStrideOfDifferentLength) {
  EXPECT_THAT(refusal(view(storage(40), 0, {2, 2}, {1})).what(), HasSubstr("differ in length"));
}

TEST_F(TensorGate, RefusesAProductThatWraps) {
  const uint64_t half = uint64_t{1} << 32;
  EXPECT_THAT(refusal(view(storage(40), 0, {half, half}, {0, 0})).what(), HasSubstr("64 bits"));
}

TEST_F(TensorGate, RefusesAByteSizeThatWraps) {
  EXPECT_THAT(refusal(view(storage(40), 0, {uint64_t{1} << 60}, {0})).what(), HasSubstr("64 bits"));
}

TEST_F(TensorGate, RefusesAReachThatWraps) {
  const uint32_t row = storage(40);
  EXPECT_THAT(refusal(view(row, 0, {3}, {UINT64_MAX})).what(), HasSubstr("64 bits"));
  EXPECT_THAT(refusal(view(row, UINT64_MAX, {2}, {1})).what(), HasSubstr("64 bits"));
}

TEST_F(TensorGate, RefusesMoreDimensionsThanTheLimit) {
  const uint32_t row = storage(4);
  table.add(view(row, 0, std::vector<uint64_t>(64, 1), std::vector<uint64_t>(64, 1)));
  const Error error =
      refusal(view(row, 0, std::vector<uint64_t>(65, 1), std::vector<uint64_t>(65, 1)));
  EXPECT_EQ(error.code(), ErrorCode::Limit);
  EXPECT_THAT(error.what(), HasSubstr("max_rank"));
}

TEST_F(TensorGate, RefusesMoreBytesThanTheBudget) {
  Limits limits;
  limits.free_output_bytes = 1000;
  limits.max_output_ratio = 0;
  table = TensorTable(limits);
  const uint32_t row = storage(4);
  table.add(view(row, 0, {250}, {0}));
  EXPECT_EQ(refusal(view(row, 0, {1}, {0})).code(), ErrorCode::Limit);
}

TEST_F(TensorGate, LetsTensorsHaveSoManyTimesTheBytesOfTheirFile) {
  Limits limits;
  limits.free_output_bytes = 0;
  limits.max_output_ratio = 2;
  table = TensorTable(limits);
  table.add_input(100);
  const uint32_t row = storage(4);
  table.add(view(row, 0, {50}, {0}));
  EXPECT_EQ(refusal(view(row, 0, {1}, {0})).code(), ErrorCode::Limit);
}

TEST_F(TensorGate, RefusesMoreTensorsThanTheLimit) {
  Limits limits;
  limits.max_tensors = 2;
  table = TensorTable(limits);
  const uint32_t row = storage(4);
  table.add(view(row, 0, {}, {}));
  table.add(view(row, 0, {}, {}));
  EXPECT_THAT(refusal(view(row, 0, {}, {})).what(), HasSubstr("max_tensors"));
}

TEST_F(TensorGate, RefusesTwoElementSizesInOneBigEndianStorage) {
  const uint32_t row = storage(8, true);
  table.add(view(row, 0, {1}, {1}, DType::F64));
  EXPECT_EQ(refusal(view(row, 0, {2}, {1}, DType::F32)).code(), ErrorCode::Unsupported);
}

TEST_F(TensorGate, RefusesAStridedViewOfNarrowElements) {
  const uint32_t row = storage(8);
  table.add(view(row, 0, {4, 2}, {2, 1}, DType::F4));
  EXPECT_EQ(refusal(view(row, 0, {2, 4}, {1, 2}, DType::F4)).code(), ErrorCode::Corrupt);
  EXPECT_THAT(refusal(view(row, 0, {3}, {1}, DType::F4)).what(), HasSubstr("whole bytes"));
}

TEST_F(TensorGate, LetsAnEmptyViewHaveAnyStrideAndOffset) {
  const uint32_t row = storage(0);
  table.add(view(row, 99, {0, 3}, {UINT64_MAX, UINT64_MAX}));
  EXPECT_EQ(byte_count(table.tensors()[0]), 0u);
  EXPECT_EQ(first_byte(table.tensors()[0]), 0u);
}

TEST_F(TensorGate, LetsAScalarAndAnExpandedViewThrough) {
  const uint32_t row = storage(4);
  table.add(view(row, 0, {}, {}));
  table.add(view(row, 0, {5, 2}, {0, 0}));
  EXPECT_EQ(element_count(table.tensors()[0]), 1u);
  EXPECT_EQ(byte_count(table.tensors()[1]), 40u);
}

TEST_F(TensorGate, RefusesAStorageOutsideItsSource) {
  Storage outside;
  outside.name = "x";
  outside.source = std::make_shared<MemorySource>(std::vector<uint8_t>(10));
  outside.offset = 8;
  outside.size = 3;
  EXPECT_EQ(error_of([&] { table.add_storage(outside); }).code(), ErrorCode::Corrupt);
}

TEST(Tensor, IsContiguousWhateverTheStrideOfDimensionsOfSizeOne) {
  EXPECT_TRUE(is_contiguous({DType::F32, 0, 0, {2, 1, 3}, {3, 77, 1}}));
  EXPECT_FALSE(is_contiguous({DType::F32, 0, 0, {2, 3}, {1, 2}}));
  EXPECT_TRUE(is_contiguous({DType::F32, 0, 0, {}, {}}));
}

TEST(Tensor, GivesRowMajorStrides) {
  EXPECT_THAT(contiguous_stride({2, 3, 4}), ElementsAre(12, 4, 1));
  EXPECT_THAT(contiguous_stride({2, 0, 4}), ElementsAre(4, 4, 1));
}

}  // namespace
}  // namespace unbrine
