#include "kernels/backend.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "formats/error.h"

namespace unbrine {
namespace {

using Bytes = std::vector<uint8_t>;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Not;

TEST(Backends, BeginWithTheCpu) {
  ASSERT_THAT(available_backends(), Not(IsEmpty()));
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

TEST_P(EveryBackend, RefusesCastsThatDoNotExist) {
  const Bytes source(8);
  Bytes target(4);
  const Cast cast = {DType::C64, DType::F32};
  EXPECT_THROW(GetParam()->worker()->run(
                   {.source = source, .target = target, .item_size = 8, .cast = &cast}),
               Error);
}

TEST_P(EveryBackend, CastsNothing) {
  const Cast cast = {DType::F32, DType::F16};
  GetParam()->worker()->run({.source = {}, .target = {}, .item_size = 4, .cast = &cast});
}

TEST_P(EveryBackend, CastsFromAnyAddress) {
  const Bytes source = {9, 0, 0x3c, 0, 0xc0};  // 1 and -2 behind one byte
  Bytes target(9);
  const Cast cast = {DType::F16, DType::F32};
  GetParam()->worker()->run({.source = ByteSpan(source).subspan(1),
                             .target = MutableByteSpan(target).subspan(1),
                             .item_size = 2,
                             .cast = &cast});
  EXPECT_THAT(target, ElementsAre(0, 0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0));
}

TEST_P(EveryBackend, CastsWhatItGatheredAndFixedUp) {
  // 2 x 2 big-endian numbers, 1 2 / 3 4, transposed and negated.
  const Bytes source = {0x3f, 0x80, 0, 0, 0x40, 0, 0, 0, 0x40, 0x40, 0, 0, 0x40, 0x80, 0, 0};
  const GatherDim dims[] = {{2, 4}, {2, 8}};
  Bytes target(8);
  const Cast cast = {DType::F32, DType::BF16};
  GetParam()->worker()->run({.source = source,
                             .target = target,
                             .dims = dims,
                             .item_size = 4,
                             .fixup = {.swap_unit = 4, .neg = true, .floating = true, .unit = 4},
                             .cast = &cast});
  EXPECT_THAT(target, ElementsAre(0x80, 0xbf, 0x40, 0xc0, 0, 0xc0, 0x80, 0xc0));
}

TEST_P(EveryBackend, CastsToWiderElements) {
  const Bytes source = {1, 0, 0xff};
  const GatherDim dims[] = {{3, 0}};
  Bytes target(12);
  const Cast cast = {DType::U8, DType::F32};
  GetParam()->worker()->run(
      {.source = source, .target = target, .dims = dims, .item_size = 1, .cast = &cast});
  EXPECT_THAT(target, ElementsAre(0, 0, 0x80, 0x3f, 0, 0, 0x80, 0x3f, 0, 0, 0x80, 0x3f));
}

TEST_P(EveryBackend, CastsPiecesOfAnySizeByOneWorker) {
  const Bytes source = {0, 1, 0, 2, 0xff, 0xfe};  // big-endian
  const Cast cast = {DType::I16, DType::I8};
  const auto worker = GetParam()->worker();
  Bytes target(3);
  const auto run = [&](size_t first, size_t count) {
    worker->run({.source = ByteSpan(source).subspan(2 * first, 2 * count),
                 .target = MutableByteSpan(target).subspan(first, count),
                 .item_size = 2,
                 .fixup = {.swap_unit = 2, .unit = 2},
                 .cast = &cast});
  };
  run(1, 2);
  run(0, 1);
  EXPECT_THAT(target, ElementsAre(1, 2, 0xfe));
  EXPECT_THAT(source, ElementsAre(0, 1, 0, 2, 0xff, 0xfe));
}

TEST_P(EveryBackend, AddsWhatCastsLostToWhatWasLostBefore) {
  const Bytes source = {0, 0, 0x80, 0x7f, 0xff, 0xff, 0x7f, 0x7f};  // inf, the largest F32
  Bytes target(4);
  CastStatistics lost = {.overflowed = 5, .became_nan = 0, .max_abs_error = 0.5};
  const Cast cast = {DType::F32, DType::F16, Overflow::Saturate};
  GetParam()->worker()->run(
      {.source = source, .target = target, .item_size = 4, .cast = &cast, .statistics = &lost});
  EXPECT_THAT(target, ElementsAre(0, 0x7c, 0xff, 0x7b));
  EXPECT_EQ(lost.overflowed, 6u);
  EXPECT_EQ(lost.max_abs_error, 0x1.fffffep127 - 65504);
}

INSTANTIATE_TEST_SUITE_P(Backend, EveryBackend, ::testing::ValuesIn(available_backends()),
                         [](const auto& row) { return std::string(row.param->name()); });

}  // namespace
}  // namespace unbrine
