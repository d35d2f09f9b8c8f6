#include "converter/compare.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "converter/tensor_values.h"
#include "kernels/digest.h"
#include "tests/support/safetensors_builder.h"

namespace unbrine {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

RunOptions on_cpu() {
  RunOptions run;
  run.backend = available_backends().front();
  return run;
}

// One side: a table of tensors, each with a storage of its own.
class Tensors {
 public:
  Tensors() : table_(no_limits()) { selection_.table = &table_; }

  Tensors& add(Tensor tensor, const std::string& bytes) {
    auto source = std::make_shared<MemorySource>(std::vector<uint8_t>(bytes.begin(), bytes.end()));
    tensor.storage = table_.add_storage({.name = {}, .source = source, .size = bytes.size()});
    const uint32_t row = table_.add(std::move(tensor));
    selection_.tensors.push_back({.name = std::to_string(row), .row = row});
    return *this;
  }

  Tensors& add(DType dtype, const std::vector<uint64_t>& shape, const std::string& bytes) {
    return add(row_major_tensor(dtype, shape, 0), bytes);
  }

  const Selection& selection() const { return selection_; }

 private:
  TensorTable table_;
  Selection selection_;
};

ValueComparison compare(const Tensors& a, const Tensors& b,
                        const std::optional<Tolerance>& tolerance = {}) {
  const TensorPair first{0, 0};
  return compare_values(a.selection(), b.selection(), {&first, 1}, tolerance, on_cpu()).front();
}

ValueComparison compare_floats(const std::vector<float>& a, const std::vector<float>& b,
                               const std::optional<Tolerance>& tolerance = {}) {
  Tensors one;
  Tensors two;
  one.add(DType::F32, {a.size()}, bytes_of(a));
  two.add(DType::F32, {b.size()}, bytes_of(b));
  return compare(one, two, tolerance);
}

TEST(Compare, EqualBitsAreEqual) {
  const ValueComparison same = compare_floats({1, kNan, -0.0F}, {1, kNan, -0.0F});
  EXPECT_EQ(same.elements, 3U);
  EXPECT_EQ(same.different, 0U);
  EXPECT_EQ(same.max_abs, 0);
  EXPECT_THAT(same.first_index, IsEmpty());
}

TEST(Compare, WithoutToleranceEveryBitCounts) {
  EXPECT_EQ(compare_floats({0.0F}, {-0.0F}).different, 1U);
  EXPECT_EQ(compare_floats({kNan}, {-kNan}).different, 1U);
  EXPECT_EQ(compare_floats({1}, {std::nextafter(1.0F, 2.0F)}).different, 1U);
}

TEST(Compare, TellsTheFirstThatDiffersAndTheLargestDifferences) {
  const ValueComparison result = compare_floats({1, 2, 3, 4}, {1, 2.5F, 3, 2});
  EXPECT_EQ(result.different, 2U);
  EXPECT_THAT(result.first_index, ElementsAre(1));
  EXPECT_EQ(result.first_a, "2");
  EXPECT_EQ(result.first_b, "2.5");
  EXPECT_EQ(result.max_abs, 2);
  EXPECT_EQ(result.max_rel, 1);
}

TEST(Compare, ToleranceIsRelativeToTheSecond) {
  EXPECT_EQ(compare_floats({110}, {100}, Tolerance{0.1, 0}).different, 0U);
  EXPECT_EQ(compare_floats({111}, {100}, Tolerance{0.1, 0}).different, 1U);
  EXPECT_EQ(compare_floats({0.5F}, {0}, Tolerance{0.1, 0}).different, 1U);
  EXPECT_EQ(compare_floats({0.5F}, {0}, Tolerance{0.1, 0.5}).different, 0U);
}

TEST(Compare, UnderAToleranceANaNEqualsANaNAlone) {
  const Tolerance wide{1, 1e300};
  EXPECT_EQ(compare_floats({kNan}, {-kNan}, wide).different, 0U);
  EXPECT_EQ(compare_floats({kNan}, {1}, wide).different, 1U);
  EXPECT_EQ(compare_floats({kInfinity}, {kInfinity}, wide).different, 0U);
  EXPECT_EQ(compare_floats({kInfinity}, {-kInfinity}, wide).different, 1U);
  EXPECT_EQ(compare_floats({kInfinity}, {1}, wide).different, 1U);
}

TEST(Compare, WideIntegersAreComparedExactly) {
  Tensors a;
  Tensors b;
  a.add(DType::I64, {2}, bytes_of<int64_t>({INT64_MIN, int64_t{1} << 60}));
  b.add(DType::I64, {2}, bytes_of<int64_t>({INT64_MIN, (int64_t{1} << 60) + 1}));
  EXPECT_EQ(compare(a, b).different, 1U);
  const ValueComparison exact = compare(a, b, Tolerance{});
  EXPECT_EQ(exact.different, 1U);
  EXPECT_EQ(exact.max_abs, 1);
  EXPECT_EQ(exact.first_b, "1152921504606846977");
  EXPECT_EQ(compare(a, b, Tolerance{0, 1}).different, 0U);
}

TEST(Compare, ComplexNumbersCountOnceAndDifferByParts) {
  Tensors a;
  Tensors b;
  a.add(DType::C64, {2}, bytes_of<float>({1, 2, 3, 4}));
  b.add(DType::C64, {2}, bytes_of<float>({1, 2, 5, -8}));
  const ValueComparison result = compare(a, b);
  EXPECT_EQ(result.elements, 2U);
  EXPECT_EQ(result.different, 1U);
  EXPECT_THAT(result.first_index, ElementsAre(1));
  EXPECT_EQ(result.first_a, "3+4j");
  EXPECT_EQ(result.first_b, "5-8j");
  EXPECT_EQ(result.max_abs, 12);
}

TEST(Compare, KnowsWhichSideWasRounded) {
  Tensors wide;
  Tensors narrow;
  wide.add(DType::F32, {3}, bytes_of<float>({1, 1.00001F, kNan}));
  narrow.add(DType::BF16, {3}, bytes_of<uint16_t>({0x3f80, 0x3f80, 0xffc1}));
  const ValueComparison result = compare(wide, narrow);
  EXPECT_TRUE(result.b_is_rounded_a);
  EXPECT_FALSE(result.a_is_rounded_b);
  EXPECT_TRUE(compare(narrow, wide).a_is_rounded_b);
}

TEST(Compare, OneBitMoreThanRoundingIsADifference) {
  Tensors wide;
  Tensors narrow;
  wide.add(DType::F32, {2}, bytes_of<float>({1, 1.00001F}));
  narrow.add(DType::BF16, {2}, bytes_of<uint16_t>({0x3f80, 0x3f81}));
  const ValueComparison result = compare(wide, narrow);
  EXPECT_FALSE(result.b_is_rounded_a || result.a_is_rounded_b);
  EXPECT_EQ(result.different, 1U);
  EXPECT_EQ(result.first_a, "1.00001");
}

TEST(Compare, WhatOverflowedMayBeInfiniteOrTheLargest) {
  Tensors wide;
  Tensors infinite;
  Tensors largest;
  wide.add(DType::F32, {2}, bytes_of<float>({1e30F, -1e30F}));
  infinite.add(DType::F16, {2}, bytes_of<uint16_t>({0x7c00, 0xfc00}));
  largest.add(DType::F16, {2}, bytes_of<uint16_t>({0x7bff, 0xfbff}));
  EXPECT_TRUE(compare(wide, infinite).b_is_rounded_a);
  EXPECT_TRUE(compare(wide, largest).b_is_rounded_a);
}

TEST(Compare, StridedViewsAreReadRowMajor) {
  Tensors rows;
  Tensors columns;
  rows.add(DType::I32, {2, 3}, bytes_of<int32_t>({1, 2, 3, 4, 5, 6}));
  Tensor transposed;
  transposed.dtype = DType::I32;
  transposed.shape = {2, 3};
  transposed.stride = {1, 2};
  columns.add(transposed, bytes_of<int32_t>({1, 4, 2, 5, 3, 7}));
  const ValueComparison result = compare(rows, columns);
  EXPECT_EQ(result.different, 1U);
  EXPECT_THAT(result.first_index, ElementsAre(1, 2));
  EXPECT_EQ(result.first_b, "7");
}

TEST(Compare, TensorsThatExceedAWindowAreReadToTheirEnd) {
  const uint64_t rows = 3;
  const uint64_t columns = (1 << 20) + 7;
  std::vector<uint8_t> values(rows * columns);
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<uint8_t>(i * 31);
  Tensors a;
  a.add(DType::U8, {rows, columns}, bytes_of(values));
  values[values.size() - 2] ^= 1;
  values[columns + (1 << 20) + 3] ^= 1;
  Tensors b;
  b.add(DType::U8, {rows, columns}, bytes_of(values));
  const ValueComparison result = compare(a, b);
  EXPECT_EQ(result.different, 2U);
  EXPECT_THAT(result.first_index, ElementsAre(1, (1 << 20) + 3));
}

TEST(Compare, ManyPairsKeepTheirOrder) {
  Tensors a;
  Tensors b;
  std::vector<TensorPair> pairs;
  for (uint32_t i = 0; i < 100; ++i) {
    a.add(DType::U8, {1}, std::string(1, static_cast<char>(i)));
    b.add(DType::U8, {1}, std::string(1, static_cast<char>(i == 42 ? 0 : i)));
    pairs.push_back({i, i});
  }
  const auto results = compare_values(a.selection(), b.selection(), pairs, {}, on_cpu());
  for (uint32_t i = 0; i < 100; ++i) EXPECT_EQ(results[i].different, i == 42 ? 1U : 0U) << i;
}

TEST(Compare, ScalarsAndEmptyTensors) {
  Tensors a;
  Tensors b;
  a.add(DType::F64, {}, bytes_of<double>({0.1})).add(DType::F64, {0, 4}, "");
  b.add(DType::F64, {}, bytes_of<double>({0.2})).add(DType::F64, {0, 4}, "");
  const TensorPair pairs[] = {{0, 0}, {1, 1}};
  const auto results = compare_values(a.selection(), b.selection(), pairs, {}, on_cpu());
  EXPECT_EQ(results[0].first_a, "0.1");
  EXPECT_EQ(results[0].different, 1U);
  EXPECT_EQ(results[1].elements, 0U);
  EXPECT_EQ(results[1].different, 0U);
}

TEST(Compare, ElementsNarrowerThanAByteAreComparedAsBytes) {
  Tensors a;
  Tensors b;
  a.add(DType::F4, {2, 2}, "\x12\x34");
  b.add(DType::F4, {2, 2}, "\x12\x35");
  const ValueComparison result = compare(a, b);
  EXPECT_EQ(result.different, 1U);
  EXPECT_THAT(result.first_index, ElementsAre(1));
}

TEST(Compare, OnlyOneShapeAndCastableDTypesAreComparable) {
  const auto kind = [](DType dtype, std::vector<uint64_t> shape) {
    return row_major_tensor(dtype, std::move(shape), 0);
  };
  EXPECT_TRUE(comparable(kind(DType::F32, {2}), kind(DType::BF16, {2})));
  EXPECT_TRUE(comparable(kind(DType::C64, {2}), kind(DType::C64, {2})));
  EXPECT_FALSE(comparable(kind(DType::F32, {2}), kind(DType::F32, {2, 1})));
  EXPECT_FALSE(comparable(kind(DType::C64, {2}), kind(DType::C128, {2})));
}

TEST(Compare, DescribesADifferenceInOneSentence) {
  const std::string text = describe(compare_floats({1, 2}, {1, 2.5F}), Tolerance{0.001, 0});
  EXPECT_THAT(text, HasSubstr("1 of 2 elements differ, first at [1]: 2 and 2.5"));
  EXPECT_THAT(text, HasSubstr("max abs difference 0.5, max rel difference 0.2"));
  EXPECT_THAT(text, HasSubstr("rtol 0.001, atol 0"));
}

TEST(Compare, DigestsAreThoseOfRowMajorBytes) {
  Tensors tensors;
  Tensor transposed;
  transposed.dtype = DType::U8;
  transposed.shape = {2, 2};
  transposed.stride = {1, 2};
  tensors.add(transposed, "abcd");
  EXPECT_THAT(digests_of(tensors.selection(), on_cpu()),
              ElementsAre(digest_bytes(as_bytes(std::string_view("acbd")))));
}

}  // namespace
}  // namespace unbrine
