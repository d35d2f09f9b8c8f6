#include "converter/element.h"

#include <gtest/gtest.h>

#include <limits>

#include "tests/support/safetensors_builder.h"

namespace unbrine {
namespace {

template <class Number>
std::string text_of(DType dtype, const std::vector<Number>& numbers) {
  const std::string bytes = bytes_of(numbers);
  return element_text(dtype, reinterpret_cast<const uint8_t*>(bytes.data()));
}

TEST(Element, TextIsTheShortestOfItsDType) {
  EXPECT_EQ(text_of<float>(DType::F32, {0.1F}), "0.1");
  EXPECT_EQ(text_of<double>(DType::F64, {0.1}), "0.1");
  EXPECT_EQ(text_of<uint16_t>(DType::BF16, {0x3f80}), "1");
  EXPECT_EQ(text_of<float>(DType::F32, {-std::numeric_limits<float>::infinity()}), "-inf");
}

TEST(Element, IntegersAreWrittenWhole) {
  EXPECT_EQ(text_of<int64_t>(DType::I64, {INT64_MIN}), "-9223372036854775808");
  EXPECT_EQ(text_of<uint64_t>(DType::U64, {UINT64_MAX}), "18446744073709551615");
  EXPECT_EQ(text_of<int8_t>(DType::I8, {-128}), "-128");
  EXPECT_EQ(text_of<uint8_t>(DType::Bool, {1}), "true");
}

TEST(Element, ComplexNumbersHaveTwoParts) {
  EXPECT_EQ(text_of<float>(DType::C64, {1.5F, -2}), "1.5-2j");
  EXPECT_EQ(text_of<double>(DType::C128, {0, 1}), "0+1j");
  EXPECT_EQ(numbers_in(DType::C32), 2U);
  EXPECT_EQ(number_dtype(DType::C32), DType::F16);
}

TEST(Element, PackedKindsAreBytes) {
  EXPECT_EQ(number_dtype(DType::QUInt4x2), DType::U8);
  EXPECT_EQ(number_dtype(DType::QInt32), DType::I32);
  EXPECT_EQ(numbers_in(DType::Bits16), 1U);
}

TEST(Element, DistanceOfWideIntegersDoesNotWrap) {
  const int64_t extremes[] = {INT64_MIN, INT64_MAX};
  const auto* bytes = reinterpret_cast<const uint8_t*>(extremes);
  EXPECT_EQ(integer_distance(DType::I64, bytes, bytes + 8), 0x1p64);
  const uint64_t close[] = {UINT64_MAX, UINT64_MAX - 1};
  const auto* numbers = reinterpret_cast<const uint8_t*>(close);
  EXPECT_EQ(integer_distance(DType::U64, numbers, numbers + 8), 1);
}

}  // namespace
}  // namespace unbrine
