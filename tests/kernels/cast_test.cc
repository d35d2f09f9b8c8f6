#include "kernels/cast.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "formats/error.h"
#include "tests/kernels/one_cast.h"

namespace unbrine {
namespace {

using enum DType;
using ::testing::HasSubstr;

constexpr DType kFloats[] = {F64, F32, F16, BF16, F8E5M2, F8E4M3FN, F8E5M2FNUZ, F8E4M3FNUZ};
constexpr DType kIntegers[] = {I64, I32, I16, I8, U64, U32, U16, U8};

TEST(Cast, DoesNotExistForComplexQuantizedAndPackedTypes) {
  for (const DType dtype : {C128, C64, C32, BC32, F4E2M1x2, QInt8, QUInt4x2, Bits8, F4, F6E2M3}) {
    EXPECT_FALSE(can_cast(dtype, F32)) << info(dtype).torch_name;
    EXPECT_FALSE(can_cast(F32, dtype)) << info(dtype).torch_name;
  }
}

TEST(Cast, OfScalesIsOneWay) {
  EXPECT_TRUE(can_cast(F8E8M0, BF16));
  EXPECT_FALSE(can_cast(F32, F8E8M0));
  EXPECT_FALSE(can_cast(F8E8M0, F8E8M0));
}

TEST(Cast, ThatDoesNotExistIsRefusedByName) {
  try {
    cast(C64, 0, F4);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::Unsupported);
    EXPECT_THAT(error.what(), HasSubstr("no cast from complex64 to F4"));
  }
}

TEST(Cast, ExistsBetweenAllFloatsIntegersAndBool) {
  std::vector<DType> all = {Bool};
  all.insert(all.end(), std::begin(kFloats), std::end(kFloats));
  all.insert(all.end(), std::begin(kIntegers), std::end(kIntegers));
  for (const DType from : all)
    for (const DType to : all) EXPECT_TRUE(can_cast(from, to));
}

// The last F32 that rounds to the largest value, and the next one.
struct Edge {
  DType to;
  uint32_t last_in_range;
  uint64_t largest;
  uint64_t infinity;
  uint64_t minus_infinity;
};
constexpr Edge kEdges[] = {
    {F16, 0x477f'efff, 0x7bff, 0x7c00, 0xfc00},  {BF16, 0x7f7f'7fff, 0x7f7f, 0x7f80, 0xff80},
    {F8E5M2, 0x476f'ffff, 0x7b, 0x7c, 0xfc},     {F8E4M3FN, 0x43e8'0000, 0x7e, 0x7f, 0xff},
    {F8E5M2FNUZ, 0x476f'ffff, 0x7f, 0x80, 0x80}, {F8E4M3FNUZ, 0x4377'ffff, 0x7f, 0x80, 0x80},
};
bool has_infinity(DType dtype) { return dtype == F16 || dtype == BF16 || dtype == F8E5M2; }

TEST(Cast, OverflowsHalfAStepAboveTheLargestValue) {
  for (const Edge& edge : kEdges) {
    SCOPED_TRACE(info(edge.to).torch_name);
    const Outcome last = cast(F32, edge.last_in_range, edge.to);
    EXPECT_EQ(last.bits, edge.largest);
    EXPECT_EQ(last.lost.overflowed, 0u);
    const Outcome next = cast(F32, edge.last_in_range + 1, edge.to);
    EXPECT_EQ(next.bits, edge.infinity);
    EXPECT_EQ(next.lost.overflowed, 1u);
    EXPECT_EQ(cast(F32, 0x8000'0001 + edge.last_in_range, edge.to).bits, edge.minus_infinity);
  }
}

TEST(Cast, SaturatesToTheLargestValueOfTheSignIfAsked) {
  for (const Edge& edge : kEdges) {
    SCOPED_TRACE(info(edge.to).torch_name);
    for (const uint32_t bits : {edge.last_in_range + 1, 0x7f7f'ffffu}) {
      const Outcome outcome = cast(F32, bits, edge.to, Overflow::Saturate);
      EXPECT_EQ(outcome.bits, edge.largest);
      EXPECT_EQ(outcome.lost.overflowed, 1u);
      EXPECT_EQ(outcome.lost.became_nan, 0u);
      EXPECT_EQ(cast(F32, bits | 0x8000'0000, edge.to, Overflow::Saturate).bits,
                edge.largest | sign_of(edge.to));
    }
  }
}

TEST(Cast, OfInfinityIsNoOverflowButNanWhereThereIsNone) {
  for (const Edge& edge : kEdges)
    for (const Overflow overflow : {Overflow::Inf, Overflow::Saturate}) {
      SCOPED_TRACE(info(edge.to).torch_name);
      const Outcome outcome = cast(F32, 0x7f80'0000, edge.to, overflow);
      EXPECT_EQ(outcome.bits, edge.infinity);
      EXPECT_EQ(outcome.lost.overflowed, 0u);
      EXPECT_EQ(outcome.lost.became_nan, has_infinity(edge.to) ? 0u : 1u);
      EXPECT_EQ(outcome.lost.max_abs_error, 0);
      EXPECT_EQ(cast(F32, 0xff80'0000, edge.to, overflow).bits, edge.minus_infinity);
    }
}

TEST(Cast, CountsAnOverflowToNanAsBoth) {
  const Outcome outcome = cast(F32, bits_of(1000.0f), F8E4M3FN);
  EXPECT_EQ(outcome.lost.overflowed, 1u);
  EXPECT_EQ(outcome.lost.became_nan, 1u);
  EXPECT_EQ(outcome.lost.max_abs_error, 0);
}

TEST(Cast, KeepsNansTheirSignAndWhatFitsOfTheirPayload) {
  struct Row {
    DType from;
    uint64_t bits;
    DType to;
    uint64_t expected;
  };
  const Row rows[] = {
      {F64, 0x7ff0'0000'0000'0001, F32, 0x7fc0'0000},  // a payload that does not fit
      {F64, 0xfff5'5400'0000'0000, F32, 0xffea'a000},  // the quiet bit is set
      {F32, 0x7faa'a000, F16, 0x7f55},
      {F32, 0x7f80'0001, BF16, 0x7fc0},
      {F32, 0xffc0'0000, BF16, 0xffc0},
      {F16, 0xfd55, F32, 0xffea'a000},
      {BF16, 0x7fc0, F32, 0x7fc0'0000},
      {F32, 0xffc0'0000, F8E5M2, 0xff},
      {F32, 0x7fc0'0000, F8E4M3FN, 0x7f},
      {F32, 0xffc0'0000, F8E5M2FNUZ, 0x80},
      {F32, 0x7fc0'0000, F8E4M3FNUZ, 0x80},
      {F8E4M3FNUZ, 0x80, F32, 0x7fc0'0000},
      {F8E5M2, 0xfd, F16, 0xff00},
      {F8E8M0, 0xff, F32, 0x7fc0'0000},
  };
  for (const Row& row : rows)
    for (const Overflow overflow : {Overflow::Inf, Overflow::Saturate}) {
      const Outcome outcome = cast(row.from, row.bits, row.to, overflow);
      EXPECT_EQ(outcome.bits, row.expected)
          << info(row.from).torch_name << " " << row.bits << " to " << info(row.to).torch_name;
      EXPECT_EQ(outcome.lost.became_nan, 0u);
    }
}

TEST(Cast, ToItsOwnTypeTouchesNothing) {
  EXPECT_EQ(cast(F32, 0x7f80'0001, F32).bits, 0x7f80'0001u);
  EXPECT_EQ(cast(I64, ~uint64_t{0}, I64).bits, ~uint64_t{0});
}

TEST(Cast, KeepsTheSignOfZeroWhereThereIsOne) {
  EXPECT_EQ(cast(F32, 0x8000'0000, F16).bits, 0x8000u);
  EXPECT_EQ(cast(F32, 0x8000'0000, F8E4M3FN).bits, 0x80u);
  EXPECT_EQ(cast(F16, 0x8000, F64).bits, bits_of(-0.0));
  EXPECT_EQ(cast(F32, 0x8000'0000, F8E5M2FNUZ).bits, 0u);
  EXPECT_EQ(cast(F32, bits_of(-1e-30f), F8E4M3FNUZ).bits, 0u);
  EXPECT_EQ(cast(F32, bits_of(-1e-30f), F8E4M3FN).bits, 0x80u);
  EXPECT_EQ(cast(F64, bits_of(-0.0), U8).bits, 0u);
}

TEST(Cast, RoundsTiesToEven) {
  EXPECT_EQ(cast(F32, 0x3f80'8000, BF16).bits, 0x3f80u);
  EXPECT_EQ(cast(F32, 0x3f81'8000, BF16).bits, 0x3f82u);
  EXPECT_EQ(cast(F32, 0x3f80'8001, BF16).bits, 0x3f81u);
  EXPECT_EQ(cast(F32, 0x3f80'1000, F16).bits, 0x3c00u);
  EXPECT_EQ(cast(F32, bits_of(1.0625f), F8E4M3FN).bits, 0x38u);
  EXPECT_EQ(cast(F32, bits_of(1.1875f), F8E4M3FN).bits, 0x3au);
  EXPECT_EQ(cast(I32, (1 << 24) + 1, F32).bits, 0x4b80'0000u);
}

TEST(Cast, RoundsToTheNextPowerOfTwo) {
  EXPECT_EQ(cast(F32, 0x3fff'ffff, F16).bits, 0x4000u);
  EXPECT_EQ(cast(F64, 0x7fef'ffff'ffff'ffff, F32).bits, 0x7f80'0000u);
  EXPECT_EQ(cast(U64, ~uint64_t{0}, F32).bits, bits_of(0x1p64f));
}

TEST(Cast, RoundsSubnormalsInTheirOwnUnit) {
  EXPECT_EQ(cast(F32, bits_of(0x1p-24f), F16).bits, 1u);
  EXPECT_EQ(cast(F32, bits_of(0x1p-25f), F16).bits, 0u);  // a tie
  EXPECT_EQ(cast(F32, bits_of(0x1.000002p-25f), F16).bits, 1u);
  EXPECT_EQ(cast(F32, bits_of(0x1.8p-24f), F16).bits, 2u);        // a tie
  EXPECT_EQ(cast(F32, bits_of(0x1.ffep-15f), F16).bits, 0x400u);  // becomes the smallest normal
  EXPECT_EQ(cast(F32, 1, BF16).bits, 0u);
  EXPECT_EQ(cast(F16, 1, F32).bits, bits_of(0x1p-24f));
  EXPECT_EQ(cast(F64, 1, F32).bits, 0u);
  EXPECT_EQ(cast(F64, 1, F8E4M3FN).bits, 0u);
  EXPECT_EQ(cast(F8E5M2FNUZ, 1, F32).bits, bits_of(0x1p-17f));
  EXPECT_EQ(cast(F8E8M0, 0, F32).bits, bits_of(0x1p-127f));
}

// By way of F32 each of these would become a tie first.
TEST(Cast, RoundsOnlyOnce) {
  EXPECT_EQ(cast(F64, bits_of(1 + 0x1p-11 + 0x1p-40), F16).bits, 0x3c01u);
  EXPECT_EQ(cast(F64, bits_of(1 + 0x1p-8 + 0x1p-40), BF16).bits, 0x3f81u);
  EXPECT_EQ(cast(F64, bits_of(1 + 0x1p-4 + 0x1p-40), F8E4M3FN).bits, 0x39u);
  EXPECT_EQ(cast(I64, (int64_t{1} << 40) + (int64_t{1} << 32) + 1, BF16).bits, 0x5381u);
}

struct IntegerRow {
  DType from;
  uint64_t bits;
  DType to;
  uint64_t expected;
  uint64_t overflowed;
};

TEST(Cast, ToAnIntegerSaturatesOutsideItsRange) {
  const IntegerRow rows[] = {
      {F32, bits_of(128.0f), I8, 0x7f, 1},
      {F32, bits_of(-129.0f), I8, 0x80, 1},
      {F32, bits_of(-1.0f), U8, 0, 1},
      {F32, bits_of(256.0f), U8, 0xff, 1},
      {F64, bits_of(0x1p63), I64, 0x7fff'ffff'ffff'ffff, 1},
      {F64, bits_of(-0x1p64), I64, 0x8000'0000'0000'0000, 1},
      {F64, bits_of(0x1p64), U64, ~uint64_t{0}, 1},
      {F64, bits_of(1e300), I32, 0x7fff'ffff, 1},
      {F32, 0x7f80'0000, I16, 0x7fff, 1},
      {F32, 0xff80'0000, U16, 0, 1},
      {I64, uint64_t{1} << 31, I32, 0x7fff'ffff, 1},
      {I8, 0xff, U64, 0, 1},
      {U64, ~uint64_t{0}, I64, 0x7fff'ffff'ffff'ffff, 1},
  };
  for (const IntegerRow& row : rows)
    for (const Overflow overflow : {Overflow::Inf, Overflow::Saturate}) {
      const Outcome outcome = cast(row.from, row.bits, row.to, overflow);
      EXPECT_EQ(outcome.bits, row.expected) << info(row.to).torch_name;
      EXPECT_EQ(outcome.lost.overflowed, row.overflowed) << info(row.to).torch_name;
    }
}

TEST(Cast, ToAnIntegerGoesTowardZero) {
  const IntegerRow rows[] = {
      {F32, bits_of(127.99f), I8, 0x7f, 0},
      {F32, bits_of(-128.99f), I8, 0x80, 0},
      {F32, bits_of(-0.99f), U8, 0, 0},
      {F64, bits_of(-0x1p63), I64, 0x8000'0000'0000'0000, 0},
      {F64, bits_of(0x1.fffffffffffffp63), U64, 0xffff'ffff'ffff'f800, 0},
      {F64, 1, I64, 0, 0},
      {I16, 0xff80, I8, 0x80, 0},
      {I8, 0x80, I64, 0xffff'ffff'ffff'ff80, 0},
      {Bool, 2, I32, 1, 0},
  };
  for (const IntegerRow& row : rows) {
    const Outcome outcome = cast(row.from, row.bits, row.to);
    EXPECT_EQ(outcome.bits, row.expected) << info(row.to).torch_name;
    EXPECT_EQ(outcome.lost.overflowed, 0u) << info(row.to).torch_name;
  }
}

TEST(Cast, OfNanToAnIntegerIsZeroAndCounted) {
  const Outcome outcome = cast(F16, 0x7e00, I32, Overflow::Saturate);
  EXPECT_EQ(outcome.bits, 0u);
  EXPECT_EQ(outcome.lost.became_nan, 1u);
  EXPECT_EQ(outcome.lost.overflowed, 0u);
}

TEST(Cast, ToBoolAsksForZeroAndLosesNothing) {
  EXPECT_EQ(cast(F32, 0x8000'0000, Bool).bits, 0u);
  for (const uint32_t bits : {1u, 0x7fc0'0000u, 0xff80'0000u, 0x4120'0000u}) {
    const Outcome outcome = cast(F32, bits, Bool);
    EXPECT_EQ(outcome.bits, 1u);
    EXPECT_EQ(outcome.lost.overflowed + outcome.lost.became_nan, 0u);
    EXPECT_EQ(outcome.lost.max_abs_error, 0);
  }
  EXPECT_EQ(cast(I64, uint64_t{1} << 63, Bool).bits, 1u);
  EXPECT_EQ(cast(Bool, 0x80, Bool).bits, 1u);
}

TEST(CastStatistics, MeasureTheErrorOfWhatStaysFinite) {
  const float source[] = {1 + 0x1p-9f, -1000, 0, -0x1p-140f, INFINITY, NAN, 70000};
  uint16_t target[std::size(source)];
  CastStatistics lost;
  cast_elements({F32, F16}, as_bytes({reinterpret_cast<const char*>(source), sizeof source}),
                {reinterpret_cast<uint8_t*>(target), sizeof target}, lost);
  EXPECT_EQ(lost.overflowed, 1u);
  EXPECT_EQ(lost.became_nan, 0u);
  EXPECT_EQ(lost.max_abs_error, 0x1p-140);  // 1 + 2^-9 and -1000 are exact
  EXPECT_EQ(lost.max_rel_error, 1);
}

TEST(CastStatistics, MeasureWhatSaturationCosts) {
  const Outcome outcome = cast(F32, bits_of(-1000.0f), F8E4M3FN, Overflow::Saturate);
  EXPECT_EQ(outcome.lost.max_abs_error, 552);
  EXPECT_EQ(outcome.lost.max_rel_error, 0.552);
}

TEST(CastStatistics, MeasureInDoubles) {
  const double source = 0.1;
  const Outcome outcome = cast(F64, bits_of(source), F32);
  const double error = std::abs(static_cast<double>(0.1f) - source);
  EXPECT_EQ(outcome.lost.max_abs_error, error);
  EXPECT_EQ(outcome.lost.max_rel_error, error / source);
  EXPECT_EQ(cast(F64, 3, F32).lost.max_abs_error, 3 * 0x1p-1074);
}

TEST(CastStatistics, MeasureIntegersToo) {
  const Outcome outcome = cast(I64, (uint64_t{1} << 62) + 1, F32);
  EXPECT_EQ(outcome.lost.max_abs_error, 0);  // both are 2^62 as doubles
  EXPECT_EQ(cast(I32, (1 << 24) + 1, F32).lost.max_abs_error, 1);
  EXPECT_EQ(cast(F32, bits_of(-2.75f), I8).lost.max_abs_error, 0.75);
}

TEST(CastStatistics, AddUpToSumsAndMaxima) {
  CastStatistics sum = {1, 2, 0.5, 0.25};
  sum.add({10, 20, 0.125, 0.75});
  EXPECT_EQ(sum.overflowed, 11u);
  EXPECT_EQ(sum.became_nan, 22u);
  EXPECT_EQ(sum.max_abs_error, 0.5);
  EXPECT_EQ(sum.max_rel_error, 0.75);
}

TEST(Cast, GoesElementByElementFromAnyAddress) {
  const uint8_t source[] = {9, 0, 0x3c, 0, 0xc0, 0, 0x7c};  // 1, -2, inf behind one byte
  uint8_t target[13];
  CastStatistics lost;
  cast_elements({F16, F32}, ByteSpan(source).subspan(1), MutableByteSpan(target).subspan(1), lost);
  const uint8_t expected[] = {0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0, 0, 0, 0x80, 0x7f};
  EXPECT_EQ(std::memcmp(target + 1, expected, sizeof expected), 0);
}

}  // namespace
}  // namespace unbrine
