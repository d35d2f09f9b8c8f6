#include "formats/folder/tiling.h"

#include <gmock/gmock.h>

#include <random>

#include "tests/support/error_of.h"

namespace unbrine {
namespace {

using ::testing::HasSubstr;
using Shape = std::vector<uint64_t>;

std::string refusal(const Shape& shape, const std::vector<Box>& boxes) {
  const Error error = error_of([&] { require_tiling(shape, boxes); });
  EXPECT_EQ(error.code(), ErrorCode::Corrupt) << error.what();
  return error.what();
}

TEST(Tiling, RejectsAGap) {
  EXPECT_THAT(refusal({4}, {{{0}, {1}}, {{2}, {2}}}), HasSubstr("leave a gap at [1]"));
  EXPECT_THAT(refusal({4}, {{{0}, {3}}}), HasSubstr("leave a gap at [3]"));
  EXPECT_THAT(refusal({2, 2}, {{{0, 0}, {2, 1}}}), HasSubstr("leave a gap at [0, 1]"));
}

TEST(Tiling, RejectsAnOverlap) {
  EXPECT_THAT(refusal({4}, {{{0}, {3}}, {{2}, {2}}}), HasSubstr("overlap at [2]"));
  EXPECT_THAT(refusal({4}, {{{0}, {4}}, {{0}, {4}}}), HasSubstr("overlap"));
  EXPECT_THAT(refusal({}, {{{}, {}}, {{}, {}}}), HasSubstr("overlap"));
}

TEST(Tiling, RejectsAnOverlapThatMakesUpForAGap) {
  EXPECT_THAT(refusal({4}, {{{0}, {2}}, {{1}, {2}}}), HasSubstr("shape [4]"));
  EXPECT_THAT(refusal({2, 2}, {{{0, 0}, {1, 2}}, {{0, 0}, {1, 2}}}), HasSubstr("shape [2, 2]"));
}

TEST(Tiling, RejectsABoxThatReachesOut) {
  EXPECT_THAT(refusal({4}, {{{1}, {4}}}), HasSubstr("shape [4] at [1] does not fit"));
  EXPECT_THAT(refusal({4}, {{{5}, {0}}}), HasSubstr("does not fit"));
  EXPECT_THAT(refusal({4}, {{{UINT64_MAX}, {5}}}), HasSubstr("does not fit"));
}

TEST(Tiling, RejectsABoxOfAnotherRank) {
  EXPECT_THAT(refusal({4}, {{{0, 0}, {4, 1}}}), HasSubstr("does not fit"));
  EXPECT_THAT(refusal({4, 1}, {{{0}, {4}}}), HasSubstr("does not fit"));
}

TEST(Tiling, RejectsNoBoxesUnlessThereIsNothingToCover) {
  EXPECT_THAT(refusal({4}, {}), HasSubstr("has no parts"));
  EXPECT_THAT(refusal({}, {}), HasSubstr("has no parts"));
  EXPECT_NO_THROW(require_tiling({3, 0, 4}, {}));
}

TEST(Tiling, RejectsSizesThatDoNotFit64Bits) {
  const uint64_t huge = uint64_t{1} << 40;
  EXPECT_THAT(refusal({huge, huge}, {{{0, 0}, {1, 1}}}), HasSubstr("does not fit 64 bits"));
}

TEST(Tiling, RefusesCutsAlongManyDimensions) {
  const Box box{Shape(5, 0), Shape(5, 1)};
  const Error error = error_of([&] { require_tiling(Shape(5, 2), {box}); });
  EXPECT_EQ(error.code(), ErrorCode::Unsupported);
}

TEST(Tiling, AcceptsRowsColumnsAndBricks) {
  require_tiling({5, 3}, {{{3, 0}, {2, 3}}, {{0, 0}, {3, 3}}});
  require_tiling({5, 3}, {{{0, 0}, {5, 1}}, {{0, 1}, {5, 2}}});
  require_tiling({3, 3}, {{{0, 0}, {1, 2}},  // a pinwheel: no cut goes through
                          {{0, 2}, {2, 1}},
                          {{2, 1}, {1, 2}},
                          {{1, 0}, {2, 1}},
                          {{1, 1}, {1, 1}}});
}

TEST(Tiling, AcceptsBoxesWithoutElements) {
  require_tiling({4}, {{{0}, {4}}, {{4}, {0}}, {{2}, {0}}});
  require_tiling({2, 0}, {{{0, 0}, {2, 0}}});
}

TEST(Tiling, JudgesAHundredThousandBoxes) {
  constexpr uint64_t kRows = 400, kColumns = 250;
  std::vector<Box> boxes;
  for (uint64_t i = 0; i < kRows * kColumns; ++i)
    boxes.push_back({{i / kColumns, i % kColumns}, {1, 1}});
  require_tiling({kRows, kColumns}, boxes);
  boxes[777].first = {3, 3};
  EXPECT_THAT(refusal({kRows, kColumns}, boxes), HasSubstr("shape [400, 250]"));
}

// Each element counted, against the corners.
TEST(Tiling, AgreesWithCountingElements) {
  std::mt19937 random(7);
  const auto below = [&](uint64_t bound) { return random() % bound; };
  int tilings = 0;
  for (int round = 0; round < 20'000; ++round) {
    const Shape shape = {1 + below(3), 1 + below(3)};
    std::vector<Box> boxes(1 + below(3));
    std::vector<int> counts(shape[0] * shape[1]);
    for (Box& box : boxes) {
      for (const uint64_t size : shape) {
        box.first.push_back(below(size));
        box.sizes.push_back(1 + below(size - box.first.back()));
      }
      for (uint64_t i = 0; i < box.sizes[0] * box.sizes[1]; ++i)
        ++counts[(box.first[0] + i / box.sizes[1]) * shape[1] + box.first[1] + i % box.sizes[1]];
    }
    const bool tiles = std::ranges::all_of(counts, [](int count) { return count == 1; });
    tilings += tiles;
    if (tiles)
      EXPECT_NO_THROW(require_tiling(shape, boxes));
    else
      EXPECT_THROW(require_tiling(shape, boxes), Error);
  }
  EXPECT_GT(tilings, 100);
}

}  // namespace
}  // namespace unbrine
