#include "kernels/gather.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "formats/error.h"

namespace unbrine {

bool operator==(const GatherDim& a, const GatherDim& b) {
  return a.count == b.count && a.stride == b.stride;
}

namespace {

using Bytes = std::vector<uint8_t>;
using Dims = std::vector<GatherDim>;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

uint64_t elements(const Dims& dims) {
  uint64_t count = 1;
  for (const GatherDim& dim : dims) count *= dim.count;
  return count;
}

uint64_t bytes_reached(const Dims& dims, uint32_t item_size) {
  uint64_t last = 0;
  for (const GatherDim& dim : dims) last += (std::max<uint64_t>(dim.count, 1) - 1) * dim.stride;
  return last + item_size;
}

Bytes random_bytes(uint64_t size) {
  std::mt19937 random(static_cast<unsigned>(size));
  Bytes bytes(size);
  for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random());
  return bytes;
}

// One index after the other, counted up like an odometer.
Bytes naive_gather(const Dims& dims, uint32_t item_size, const Bytes& source) {
  Bytes target;
  std::vector<uint64_t> index(dims.size());
  for (uint64_t left = elements(dims); left > 0; --left) {
    uint64_t offset = 0;
    for (size_t i = 0; i < dims.size(); ++i) offset += index[i] * dims[i].stride;
    target.insert(target.end(), source.begin() + static_cast<ptrdiff_t>(offset),
                  source.begin() + static_cast<ptrdiff_t>(offset + item_size));
    for (size_t i = dims.size(); i-- > 0 && ++index[i] == dims[i].count;) index[i] = 0;
  }
  return target;
}

Bytes gathered(const Dims& dims, uint32_t item_size, const Bytes& source) {
  Bytes target(elements(dims) * item_size, 0xee);
  gather(dims, item_size, source.data(), target.data());
  return target;
}

TEST(Gather, RefusesItemSizesThatNoTypeHas) {
  const Dims dims = {{2, 3}};
  const Bytes source(6);
  EXPECT_THROW(gathered(dims, 3, source), Error);
}

TEST(Gather, OfNoElementsTouchesNothing) {
  const Dims dims = {{4, 8}, {0, 4}, {3, 4}};
  gather(dims, 4, nullptr, nullptr);
}

TEST(Gather, OfNoDimensionsCopiesTheScalar) {
  EXPECT_THAT(gathered({}, 2, {7, 8}), ElementsAre(7, 8));
}

TEST(Gather, Transposes) {
  const Bytes matrix = {1, 2, 3,  //
                        4, 5, 6};
  EXPECT_THAT(gathered({{3, 1}, {2, 3}}, 1, matrix), ElementsAre(1, 4, 2, 5, 3, 6));
}

TEST(Gather, RepeatsElementsOfStrideZero) {
  EXPECT_THAT(gathered({{2, 0}, {2, 2}}, 2, {1, 2, 3, 4}), ElementsAre(1, 2, 3, 4, 1, 2, 3, 4));
  EXPECT_THAT(gathered({{2, 1}, {3, 0}}, 1, {1, 2}), ElementsAre(1, 1, 1, 2, 2, 2));
}

TEST(Gather, ReadsOverlappingWindows) {
  EXPECT_THAT(gathered({{3, 1}, {2, 1}}, 1, {1, 2, 3, 4}), ElementsAre(1, 2, 2, 3, 3, 4));
}

class EveryItemSize : public ::testing::TestWithParam<uint32_t> {};

TEST_P(EveryItemSize, EqualsTheNaiveLoopOnRandomViews) {
  const uint32_t size = GetParam();
  std::mt19937 random(size);
  for (int round = 0; round < 300; ++round) {
    Dims dims(random() % 5);
    for (GatherDim& dim : dims) dim = {1 + random() % 7, random() % 9 * size};
    const Bytes source = random_bytes(bytes_reached(dims, size));
    ASSERT_EQ(gathered(dims, size, source), naive_gather(dims, size, source)) << round;
  }
}

// Large enough for whole and broken tiles in both directions.
TEST_P(EveryItemSize, EqualsTheNaiveLoopOnPermutedCubes) {
  const uint32_t size = GetParam();
  std::vector<int> order = {0, 1, 2};
  const Dims cube = {{5, uint64_t{67} * 71 * size}, {67, uint64_t{71} * size}, {71, size}};
  const Bytes source = random_bytes(bytes_reached(cube, size));
  do {
    Dims dims;
    for (const int i : order) dims.push_back(cube[static_cast<size_t>(i)]);
    EXPECT_EQ(gathered(dims, size, source), naive_gather(dims, size, source));
  } while (std::ranges::next_permutation(order).found);
}

INSTANTIATE_TEST_SUITE_P(Gather, EveryItemSize, ::testing::Values(1, 2, 4, 8, 16));

TEST(GatherOffset, CountsRowMajor) {
  const Dims dims = {{2, 100}, {3, 7}};
  EXPECT_EQ(gather_offset(0, dims.data(), 2), 0u);
  EXPECT_EQ(gather_offset(2, dims.data(), 2), 14u);
  EXPECT_EQ(gather_offset(3, dims.data(), 2), 100u);
}

TEST(JoinedDims, DropsSingleSteps) {
  EXPECT_THAT(joined_dims(Dims{{1, 5}, {3, 8}, {1, 0}}), ElementsAre(GatherDim{3, 8}));
  EXPECT_THAT(joined_dims(Dims{{1, 5}}), IsEmpty());
}

TEST(JoinedDims, MakesOneDimensionOfARowMajorView) {
  EXPECT_THAT(joined_dims(Dims{{2, 48}, {3, 16}, {4, 4}}), ElementsAre(GatherDim{24, 4}));
}

TEST(JoinedDims, JoinsExpandedNeighboursAndKeepsOthersApart) {
  EXPECT_THAT(joined_dims(Dims{{2, 0}, {3, 0}, {4, 4}}),
              ElementsAre(GatherDim{6, 0}, GatherDim{4, 4}));
  EXPECT_THAT(joined_dims(Dims{{4, 4}, {2, 16}}), ElementsAre(GatherDim{4, 4}, GatherDim{2, 16}));
}

}  // namespace
}  // namespace unbrine
