#include "kernels/backend.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace unbrine {
namespace {

using Bytes = std::vector<uint8_t>;
using ::testing::ElementsAre;
using ::testing::Not;

TEST(Backends, BeginWithTheCpu) {
  ASSERT_THAT(available_backends(), Not(::testing::IsEmpty()));
  EXPECT_EQ(available_backends().front()->name(), "cpu");
}

class EveryBackend : public ::testing::TestWithParam<const Backend*> {
 protected:
  Bytes fixed_up(Bytes bytes, const Fixup& fixup) {
    Bytes target(bytes.size());
    GetParam()->worker()->run({.source = bytes, .target = target, .fixup = fixup});
    return target;
  }
};

TEST_P(EveryBackend, CopiesWithoutDims) {
  EXPECT_THAT(fixed_up({1, 2, 3}, {}), ElementsAre(1, 2, 3));
}

TEST_P(EveryBackend, TakesAnEmptyJob) { GetParam()->worker()->run({.source = {}, .target = {}}); }

TEST_P(EveryBackend, FixesUpInPlace) {
  Bytes bytes = {1, 2, 3, 4};
  GetParam()->worker()->run(
      {.source = bytes, .target = bytes, .item_size = 2, .fixup = {.swap_unit = 2, .unit = 2}});
  EXPECT_THAT(bytes, ElementsAre(2, 1, 4, 3));
}

TEST_P(EveryBackend, SwapsUnitsOfEverySize) {
  const Bytes bytes = {1, 2, 3, 4, 5, 6, 7, 8};
  EXPECT_THAT(fixed_up(bytes, {.swap_unit = 2, .unit = 2}), ElementsAre(2, 1, 4, 3, 6, 5, 8, 7));
  EXPECT_THAT(fixed_up(bytes, {.swap_unit = 4, .unit = 4}), ElementsAre(4, 3, 2, 1, 8, 7, 6, 5));
  EXPECT_THAT(fixed_up(bytes, {.swap_unit = 8, .unit = 8}), ElementsAre(8, 7, 6, 5, 4, 3, 2, 1));
}

TEST_P(EveryBackend, ConjugatesTheImaginaryPartAlone) {
  const Bytes two_complex32 = {1, 0x3c, 2, 0x40, 3, 0xbc, 4, 0xc0};
  EXPECT_THAT(fixed_up(two_complex32, {.conj = true, .floating = true, .unit = 2}),
              ElementsAre(1, 0x3c, 2, 0xc0, 3, 0xbc, 4, 0x40));
}

TEST_P(EveryBackend, NegatesFloatsByTheirTopBit) {
  EXPECT_THAT(fixed_up({0, 0, 0x80, 0x3f, 0, 0, 0, 0}, {.neg = true, .floating = true, .unit = 4}),
              ElementsAre(0, 0, 0x80, 0xbf, 0, 0, 0, 0x80));
  EXPECT_THAT(fixed_up({0x38, 0xb8}, {.neg = true, .floating = true, .unit = 1}),
              ElementsAre(0xb8, 0x38));
  EXPECT_THAT(fixed_up({0, 0, 0, 0, 0, 0, 0xf8, 0x7f}, {.neg = true, .floating = true, .unit = 8}),
              ElementsAre(0, 0, 0, 0, 0, 0, 0xf8, 0xff));
}

TEST_P(EveryBackend, NegatesIntegersByTwosComplement) {
  EXPECT_THAT(fixed_up({1, 0, 0, 0x80, 0, 0}, {.neg = true, .unit = 2}),
              ElementsAre(0xff, 0xff, 0, 0x80, 0, 0));
}

TEST_P(EveryBackend, NegatesWhatItConjugated) {
  EXPECT_THAT(
      fixed_up({0, 0x3c, 0, 0x3c}, {.conj = true, .neg = true, .floating = true, .unit = 2}),
      ElementsAre(0, 0xbc, 0, 0x3c));
}

TEST_P(EveryBackend, SwapsBeforeItNegates) {
  EXPECT_THAT(fixed_up({0x3c, 0}, {.swap_unit = 2, .neg = true, .floating = true, .unit = 2}),
              ElementsAre(0, 0xbc));
}

TEST_P(EveryBackend, MakesBoolsZeroOrOne) {
  EXPECT_THAT(fixed_up({0, 1, 2, 255}, {.normalize_bool = true}), ElementsAre(0, 1, 1, 1));
}

TEST_P(EveryBackend, FixesUpWhatItGathered) {
  const Bytes source = {0, 1, 2, 3, 4, 5, 6, 7};  // 2 x 2 numbers of 2 bytes, transposed
  const GatherDim dims[] = {{2, 2}, {2, 4}};
  Bytes target(8);
  GetParam()->worker()->run({.source = source,
                             .target = target,
                             .dims = dims,
                             .item_size = 2,
                             .fixup = {.swap_unit = 2, .unit = 2}});
  EXPECT_THAT(target, ElementsAre(1, 0, 5, 4, 3, 2, 7, 6));
}

INSTANTIATE_TEST_SUITE_P(Backend, EveryBackend, ::testing::ValuesIn(available_backends()),
                         [](const auto& row) { return std::string(row.param->name()); });

}  // namespace
}  // namespace unbrine
