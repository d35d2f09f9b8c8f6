// Rounding held against other ways to the same answer: a search among all values of the target, and
// the machine's own conversions.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "tests/kernels/one_cast.h"

namespace unbrine {
namespace {

using enum DType;

constexpr DType kSmallFloats[] = {F16, BF16, F8E5M2, F8E4M3FN, F8E5M2FNUZ, F8E4M3FNUZ};

// All finite values of the target in order, and a search.
class Nearest {
 public:
  explicit Nearest(DType to) {
    for (uint64_t bits = 0; bits < sign_of(to); ++bits)
      if (const double value = value_of(to, bits); std::isfinite(value)) values_.push_back(value);
  }

  // The bits of a finite value that is in range and not negative.
  uint64_t operator()(double value) const {
    const auto above = std::ranges::lower_bound(values_, value);
    const auto index = static_cast<uint64_t>(above - values_.begin());
    if (index == values_.size()) return index - 1;
    if (*above == value) return index;
    const double middle = (above[-1] + *above) / 2;  // exact: a bit more than the type has
    return value > middle || (value == middle && index % 2 == 0) ? index : index - 1;
  }
  double largest() const { return values_.back(); }

 private:
  std::vector<double> values_;  // the index is the bits
};

void expect_nearest(const Nearest& nearest, DType from, uint64_t bits, DType to) {
  const double value = std::abs(value_of(from, bits));
  if (!(value <= nearest.largest())) return;
  uint64_t expected = nearest(value);
  const bool signed_zero = to != F8E5M2FNUZ && to != F8E4M3FNUZ;
  if (std::signbit(value_of(from, bits)) && (expected != 0 || signed_zero)) expected |= sign_of(to);
  ASSERT_EQ(cast(from, bits, to).bits, expected)
      << info(from).torch_name << " " << bits << " to " << info(to).torch_name;
}

class EverySmallFloat : public ::testing::TestWithParam<DType> {};

TEST_P(EverySmallFloat, IsTheNearestToEverySmallFloat) {
  const Nearest nearest(GetParam());
  for (const DType from : kSmallFloats)
    for (uint64_t bits = 0; bits < 2 * sign_of(from); ++bits)
      if (from != GetParam()) expect_nearest(nearest, from, bits, GetParam());
}

// Values, their neighbours, the ties between them and what is next to the ties.
TEST_P(EverySmallFloat, IsTheNearestToWhatLiesAroundItsTies) {
  const Nearest nearest(GetParam());
  for (uint64_t bits = 0; value_of(GetParam(), bits + 1) <= nearest.largest(); ++bits) {
    const double low = value_of(GetParam(), bits);
    const double tie = (low + value_of(GetParam(), bits + 1)) / 2;
    for (const double value : {low, tie, std::nextafter(tie, 0.0), std::nextafter(tie, 1e300)}) {
      expect_nearest(nearest, F64, bits_of(value), GetParam());
      expect_nearest(nearest, F64, bits_of(-value), GetParam());
    }
  }
}

TEST_P(EverySmallFloat, ComesBackFromEveryWiderFloat) {
  for (const DType wide : {F32, F64})
    for (uint64_t bits = 0; bits < 2 * sign_of(GetParam()); ++bits) {
      if (std::isnan(value_of(GetParam(), bits))) continue;
      ASSERT_EQ(cast(wide, cast(GetParam(), bits, wide).bits, GetParam()).bits, bits);
    }
}

std::string name_of(const ::testing::TestParamInfo<DType>& row) {
  return std::string(info(row.param).torch_name);
}
INSTANTIATE_TEST_SUITE_P(CastRounding, EverySmallFloat, ::testing::ValuesIn(kSmallFloats), name_of);

// The compiler's own conversions, which x86 and the C++ standard fix for these types.
TEST(CastRounding, AgreesWithTheMachineOnRandomBits) {
  std::mt19937_64 random(5);
  for (int i = 0; i < 200000; ++i) {
    const uint64_t bits = random();
    const double wide = std::bit_cast<double>(bits);
    const auto narrow = std::bit_cast<float>(static_cast<uint32_t>(bits));
    const auto integer = static_cast<int64_t>(bits >> (bits % 64));
    ASSERT_EQ(cast(F64, bits, F32).bits, bits_of(static_cast<float>(wide)));
    ASSERT_EQ(cast(F32, bits_of(narrow), F64).bits, bits_of(static_cast<double>(narrow)));
    ASSERT_EQ(cast(I64, static_cast<uint64_t>(integer), F32).bits,
              bits_of(static_cast<float>(integer)));
    ASSERT_EQ(cast(U64, bits, F64).bits, bits_of(static_cast<double>(bits)));
    if (!(std::abs(narrow) < 0x1p63f)) continue;
    ASSERT_EQ(cast(F32, bits_of(narrow), I64).bits,
              static_cast<uint64_t>(static_cast<int64_t>(narrow)));
  }
}

}  // namespace
}  // namespace unbrine
