#include "formats/numpy/numpy_array.h"

#include <gmock/gmock.h>

#include "tests/support/error_of.h"

namespace unbrine {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr uint64_t kHuge = uint64_t{1} << 63;

NumpyArray shorts(std::vector<uint64_t> shape, uint64_t bytes) {
  NumpyArray array{};
  array.type = {DType::I16, false};
  array.shape = std::move(shape);
  array.bytes = {std::make_shared<MemorySource>(std::vector<uint8_t>(64)), 8, bytes};
  return array;
}

Tensor added(NumpyArray array) {
  TensorTable table{Limits{}};
  const uint32_t row = add_array(table, std::move(array));
  return table.tensors()[row];
}

Error refusal(const NumpyArray& array) {
  return error_of([&] { added(array); });
}

TEST(NumpyArray, RefusesDataOfAnotherSize) {
  EXPECT_THAT(refusal(shorts({2, 3}, 11)).what(), HasSubstr("has 11 bytes of data"));
  EXPECT_THAT(refusal(shorts({2, 3}, 13)).what(), HasSubstr("need 12"));
}

TEST(NumpyArray, RefusesShapesThatDoNotFit64Bits) {
  EXPECT_THAT(refusal(shorts({kHuge, 2}, 0)).what(), HasSubstr("64 bits"));
  EXPECT_THAT(refusal(shorts({0, kHuge, 2}, 0)).what(), HasSubstr("64 bits"));
  EXPECT_THAT(refusal(shorts({kHuge, 2, 0}, 0)).what(), HasSubstr("64 bits"));
}

TEST(NumpyArray, RefusesAxesThatAreNoPermutation) {
  NumpyArray array = shorts({2, 3}, 12);
  for (const std::vector<size_t>& axes :
       {std::vector<size_t>{0}, {0, 0}, {1, 2}, {0, 1, 2}, {SIZE_MAX, 0}}) {
    array.axes = axes;
    EXPECT_THAT(refusal(array).what(), HasSubstr("order of axes"));
  }
}

TEST(NumpyArray, CountsStridesByOrder) {
  NumpyArray array = shorts({2, 3, 4}, 48);
  EXPECT_THAT(added(array).stride, ElementsAre(12, 4, 1));
  array.fortran = true;
  EXPECT_THAT(added(array).stride, ElementsAre(1, 2, 6));
}

TEST(NumpyArray, TransposesByItsAxes) {
  NumpyArray array = shorts({2, 3, 4}, 48);
  array.axes = {2, 0, 1};
  EXPECT_THAT(added(array).shape, ElementsAre(4, 2, 3));
  EXPECT_THAT(added(array).stride, ElementsAre(1, 12, 4));
}

TEST(NumpyArray, TakesArraysWithoutDimensionsAndWithoutElements) {
  EXPECT_THAT(added(shorts({}, 2)).shape, ElementsAre());
  EXPECT_THAT(added(shorts({3, 0, 2}, 0)).shape, ElementsAre(3, 0, 2));
}

TEST(NumpyArray, PassesTheChecksumOn) {
  NumpyArray array = shorts({1}, 2);
  array.crc32 = 7;
  TensorTable table{Limits{}};
  add_array(table, array);
  EXPECT_TRUE(table.storages()[0].has_crc);
  EXPECT_EQ(table.storages()[0].crc32, 7u);
}

}  // namespace
}  // namespace unbrine
