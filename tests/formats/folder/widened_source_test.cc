#include "formats/folder/widened_source.h"

#include <gmock/gmock.h>

#include <bit>
#include <cmath>
#include <cstring>

namespace unbrine {
namespace {

// The value that IEEE 754 gives the bits, by its definition.
double value_of_f16(uint16_t bits) {
  const int exponent = bits >> 10 & 31;
  const double fraction = bits & 1023;
  const double sign = bits >> 15 != 0 ? -1 : 1;
  if (exponent == 31) return fraction != 0 ? NAN : sign * INFINITY;
  if (exponent == 0) return sign * std::ldexp(fraction, -24);
  return sign * std::ldexp(1024 + fraction, exponent - 25);
}

TEST(Widened, KeepsEveryFloat16) {
  for (uint32_t bits = 0; bits <= 0xffff; ++bits) {
    const auto half = static_cast<uint16_t>(bits);
    const float found = std::bit_cast<float>(widened(half, HalfKind::F16));
    const double expected = value_of_f16(half);
    if (std::isnan(expected))
      EXPECT_TRUE(std::isnan(found)) << bits;
    else
      EXPECT_EQ(found, expected) << bits;
    EXPECT_EQ(std::signbit(found), bits >> 15 != 0) << bits;
  }
}

TEST(Widened, KeepsTheBitsOfBfloat16) {
  EXPECT_EQ(widened(0x3f80, HalfKind::BF16), 0x3f80'0000u);
  EXPECT_EQ(widened(0xffc1, HalfKind::BF16), 0xffc1'0000u);
}

TEST(WidenedSource, ReadsAnyRange) {
  std::vector<uint8_t> halves(2 * 100'001 + 3);
  for (size_t i = 0; i < halves.size(); ++i) halves[i] = static_cast<uint8_t>(i * 7 + i / 256);
  const auto source = std::make_shared<MemorySource>(halves);
  const WidenedSource whole(source, 3, 100'001, HalfKind::BF16, false);
  std::vector<uint8_t> expected;
  for (size_t i = 3; i < halves.size(); i += 2)
    expected.insert(expected.end(), {0, 0, halves[i], halves[i + 1]});
  EXPECT_EQ(whole.read_all(0, whole.size()), expected);
  for (uint64_t begin = 0; begin < 9; ++begin)
    for (uint64_t count = 0; count < 9; ++count) {
      const auto first = expected.begin() + static_cast<ptrdiff_t>(begin);
      EXPECT_EQ(whole.read_all(begin, count),
                std::vector<uint8_t>(first, first + static_cast<ptrdiff_t>(count)));
    }
}

TEST(WidenedSource, SwapsBigEndianHalves) {
  const auto source = std::make_shared<MemorySource>(std::vector<uint8_t>{0x3f, 0x80});
  const WidenedSource whole(source, 0, 1, HalfKind::BF16, true);
  EXPECT_EQ(whole.read_all(0, 4), (std::vector<uint8_t>{0, 0, 0x80, 0x3f}));
}

TEST(AsFloat32, KeepsViewsAndOtherTypes) {
  TensorTable table{Limits{}};
  const uint32_t storage =
      table.add_storage({.name = "s",
                         .source = std::make_shared<MemorySource>(std::vector<uint8_t>(12)),
                         .size = 12,
                         .made_of = {}});
  Tensor tensor{.dtype = DType::F16, .storage = storage, .offset = 1, .shape = {2}, .stride = {2}};
  const Tensor wide = as_float32(table, tensor);
  EXPECT_EQ(wide.dtype, DType::F32);
  EXPECT_EQ(wide.offset, 1u);
  EXPECT_EQ(wide.stride, tensor.stride);
  EXPECT_EQ(table.storage_of(wide).size, 24u);
  EXPECT_EQ(table.storage_of(wide).made_of, std::vector<uint32_t>{storage});
  tensor.dtype = DType::I16;
  EXPECT_EQ(as_float32(table, tensor).storage, storage);
}

}  // namespace
}  // namespace unbrine
