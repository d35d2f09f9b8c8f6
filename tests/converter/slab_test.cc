#include "converter/slab.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "kernels/gather.h"

namespace unbrine {
namespace {

using Dims = std::vector<GatherDim>;

constexpr uint64_t kMiB = 1 << 20;

// Offsets of all elements, slab by slab, as a carrier meets them.
std::vector<uint64_t> offsets_by_slab(const Dims& dims, const SlabCut& cut) {
  std::vector<uint64_t> offsets;
  for (uint64_t i = 0; i < slab_count(dims, cut); ++i) {
    const Slab slab = slab_at(dims, cut, i);
    for (uint64_t j = 0; j < element_count(slab.dims); ++j)
      offsets.push_back(slab.offset + gather_offset(j, slab.dims.data(), slab.dims.size()));
  }
  return offsets;
}

std::vector<uint64_t> offsets_in_order(const Dims& dims) {
  std::vector<uint64_t> offsets;
  for (uint64_t i = 0; i < element_count(dims); ++i)
    offsets.push_back(gather_offset(i, dims.data(), dims.size()));
  return offsets;
}

// What reading costs for the whole view: how often, and how many bytes.
struct Cost {
  uint64_t reads = 0;
  uint64_t bytes = 0;
};

Cost cost_of(const Dims& dims, uint32_t item_size, uint64_t limit) {
  const StagingPlan plan = plan_staging(dims, item_size, limit);
  Cost cost;
  for (uint64_t i = 0; i < slab_count(dims, plan.cut); ++i) {
    const Staging staging = stage(slab_at(dims, plan.cut, i).dims, item_size, plan.spanned);
    EXPECT_LE(staging.size(), limit);
    cost.reads += staging.reads;
    cost.bytes += staging.size();
  }
  return cost;
}

TEST(SlabCut, VisitsAllElementsInOrderForEveryCut) {
  const Dims dims = {{2, 1000}, {5, 3}, {3, 70}};
  for (size_t split = 0; split < dims.size(); ++split)
    for (uint64_t run = 1; run <= dims[split].count; ++run)
      EXPECT_EQ(offsets_by_slab(dims, {split, run}), offsets_in_order(dims)) << split << " " << run;
}

TEST(CutByTarget, FillsTheLimit) {
  const Dims dims = {{100, 4}, {10, 400}};
  const SlabCut cut = cut_by_target(dims, 4, 120);
  EXPECT_EQ(cut.split, 0u);
  EXPECT_EQ(cut.run, 3u);
}

TEST(CutByTarget, CutsWithinARowThatIsTooLong) {
  const Dims dims = {{100, 4}, {10, 400}};
  const SlabCut cut = cut_by_target(dims, 4, 39);
  EXPECT_EQ(cut.split, 1u);
  EXPECT_EQ(cut.run, 9u);
}

TEST(CutByTarget, TakesOneElementWhereNothingFits) {
  const SlabCut cut = cut_by_target(Dims{{3, 16}}, 16, 1);
  EXPECT_EQ(cut.run, 1u);
}

TEST(CutByTarget, TakesTheWholeViewWhereItFits) {
  const SlabCut cut = cut_by_target(Dims{{3, 4}, {2, 12}}, 4, 1000);
  EXPECT_EQ(cut.split, 0u);
  EXPECT_EQ(cut.run, 3u);
}

TEST(Staging, PutsEveryElementWhereItSays) {
  const Dims dims = {{3, 4}, {2, 1000}, {4, 100}, {2, 0}};
  for (size_t spanned = 0; spanned <= 3; ++spanned) {
    const Staging staging = stage(dims, 4, spanned);
    std::vector<uint64_t> source_of(staging.size());  // byte of the view, by byte of the buffer
    for (uint64_t i = 0; i < staging.reads; ++i)
      for (uint64_t j = 0; j < staging.read_size; ++j)
        source_of[i * staging.read_size + j] =
            gather_offset(i, staging.read_dims.data(), staging.read_dims.size()) + j;
    for (uint64_t i = 0; i < element_count(dims); ++i)
      EXPECT_EQ(source_of[gather_offset(i, staging.staged.data(), staging.staged.size())],
                gather_offset(i, dims.data(), dims.size()));
  }
}

TEST(PlanStaging, ReadsSmallViewOnce) {
  const Cost cost = cost_of({{64, 4}, {64, 256}}, 4, 4 * kMiB);
  EXPECT_EQ(cost.reads, 1u);
  EXPECT_EQ(cost.bytes, 64u * 64 * 4);
}

TEST(PlanStaging, ReadsExpandedSourceOnceHoweverLargeTheTarget) {
  const Cost cost = cost_of({{1'000'000'000, 0}, {100, 8}}, 4, 4 * kMiB);
  EXPECT_EQ(cost.reads, 1u);
}

TEST(PlanStaging, ReadsLargeTransposeInLongStretchesAndEachByteOnce) {
  const Cost cost = cost_of({{4096, 4}, {4096, 16384}}, 4, 4 * kMiB);
  EXPECT_EQ(cost.bytes, 64 * kMiB);
  EXPECT_GE(cost.bytes / cost.reads, 1024u);
}

TEST(PlanStaging, ReadsNearRowsOfASliceTogether) {
  const Cost cost = cost_of({{100'000, 2048}, {16, 4}}, 4, 4 * kMiB);
  EXPECT_LT(cost.reads, 100u);
}

TEST(PlanStaging, SkipsTheWideGapsOfASparseView) {
  const Cost cost = cost_of({{100, 10 * kMiB}, {16, 4}}, 4, 4 * kMiB);
  EXPECT_EQ(cost.bytes, 100u * 64);
}

// A few wide columns: no read of four bytes for each of a million elements, sixty-four times.
TEST(PlanStaging, PrefersReadingTwiceToReadingCrumbs) {
  const Cost cost = cost_of({{64, 4}, {1 << 20, 256}}, 4, 4 * kMiB);
  EXPECT_LT(cost.reads, 100'000u);
}

TEST(PlanStaging, StaysWithinAnyLimit) {
  std::mt19937 random(1);
  for (int round = 0; round < 200; ++round) {
    Dims dims(1 + random() % 4);
    for (GatherDim& dim : dims) dim = {2 + random() % 6, random() % 50 * 2};
    for (const uint64_t limit : {2u, 16u, 100u, 5000u}) cost_of(dims, 2, limit);
  }
}

}  // namespace
}  // namespace unbrine
