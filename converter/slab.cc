#include "converter/slab.h"

#include <algorithm>
#include <numeric>

#include "formats/checked.h"
#include "kernels/gather.h"

namespace unbrine {
namespace {

// What a read costs beside its bytes, in bytes that could be copied meanwhile.
constexpr double kReadCost = 8192;

// Dimensions by stride, nearest first. Those of stride 0 add no bytes and are left out.
std::vector<size_t> by_stride(std::span<const GatherDim> dims) {
  std::vector<size_t> order;
  for (size_t i = 0; i < dims.size(); ++i)
    if (dims[i].stride != 0) order.push_back(i);
  std::ranges::stable_sort(order, {}, [&](size_t i) { return dims[i].stride; });
  return order;
}

uint64_t runs(const GatherDim& dim, uint64_t run) { return (dim.count - 1) / run + 1; }

// What staging one slab of a cut takes.
struct Footprint {
  uint64_t read_size;
  uint64_t reads;
  bool fits(uint64_t limit) const {
    uint64_t size = 0;
    return checked_multiply(read_size, reads, size) && size <= limit;
  }
};

// Weighs plans for one view. Neither product nor sum below wraps: the elements of a view are
// counted in 64 bits and lie in one storage.
class Planner {
 public:
  Planner(std::span<const GatherDim> dims, uint32_t item_size, uint64_t limit)
      : dims_(dims), item_size_(item_size), limit_(limit), order_(by_stride(dims)) {}

  StagingPlan quickest() {
    for (size_t split = 0; split < dims_.size(); ++split)
      for (size_t spanned = 0; spanned <= order_.size(); ++spanned) consider(split, spanned);
    return best_;
  }

 private:
  // With the longest run that fits, up to a factor of two.
  void consider(size_t split, size_t spanned) {
    StagingPlan plan{{split, dims_[split].count}, spanned};
    while (!footprint(plan).fits(limit_)) {
      if (plan.cut.run == 1) return;
      plan.cut.run = (plan.cut.run + 1) / 2;
    }
    const double cost = cost_of(plan);
    if (found_ && cost >= best_cost_) return;
    found_ = true;
    best_ = plan;
    best_cost_ = cost;
  }

  Footprint footprint(const StagingPlan& plan) const {
    Footprint taken{item_size_, 1};
    size_t rank = 0;
    for (const size_t i : order_) {
      if (i < plan.cut.split) continue;
      const uint64_t count = i == plan.cut.split ? plan.cut.run : dims_[i].count;
      if (rank++ < plan.spanned)
        taken.read_size += (count - 1) * dims_[i].stride;
      else
        taken.reads *= count;
    }
    return taken;
  }

  double cost_of(const StagingPlan& plan) const {
    const Footprint taken = footprint(plan);
    const auto slabs = static_cast<double>(slab_count(dims_, plan.cut));
    return slabs * static_cast<double>(taken.reads) *
           (static_cast<double>(taken.read_size) + kReadCost);
  }

  std::span<const GatherDim> dims_;
  uint64_t item_size_;
  uint64_t limit_;
  std::vector<size_t> order_;
  StagingPlan best_;
  double best_cost_ = 0;
  bool found_ = false;
};

}  // namespace

uint64_t element_count(std::span<const GatherDim> dims) {
  uint64_t count = 1;
  for (const GatherDim& dim : dims) count *= dim.count;
  return count;
}

uint64_t slab_count(std::span<const GatherDim> dims, const SlabCut& cut) {
  return element_count(dims.first(cut.split)) * runs(dims[cut.split], cut.run);
}

Slab slab_at(std::span<const GatherDim> dims, const SlabCut& cut, uint64_t index) {
  const uint64_t runs_each = runs(dims[cut.split], cut.run);
  const uint64_t first = index % runs_each * cut.run;
  Slab slab{
      gather_offset(index / runs_each, dims.data(), cut.split) + first * dims[cut.split].stride,
      std::vector<GatherDim>(dims.begin() + static_cast<ptrdiff_t>(cut.split), dims.end())};
  slab.dims.front().count = std::min(cut.run, slab.dims.front().count - first);
  return slab;
}

SlabCut cut_by_target(std::span<const GatherDim> dims, uint32_t item_size, uint64_t limit) {
  uint64_t step = item_size;  // target bytes of one step of dimension `split`
  size_t split = dims.size() - 1;
  for (; split > 0 && step * dims[split].count <= limit; --split) step *= dims[split].count;
  return {split, std::clamp<uint64_t>(limit / step, 1, dims[split].count)};
}

StagingPlan plan_staging(std::span<const GatherDim> dims, uint32_t item_size, uint64_t limit) {
  return Planner(dims, item_size, limit).quickest();
}

Staging stage(std::span<const GatherDim> slab_dims, uint32_t item_size, size_t spanned) {
  Staging staging{item_size, 1, {}, {slab_dims.begin(), slab_dims.end()}};
  const std::vector<size_t> order = by_stride(slab_dims);
  spanned = std::min(spanned, order.size());
  for (const size_t i : std::span(order).first(spanned))
    staging.read_size += (slab_dims[i].count - 1) * slab_dims[i].stride;
  for (const size_t i : std::span(order).subspan(spanned)) {
    staging.staged[i].stride = staging.size();
    staging.reads *= slab_dims[i].count;
    staging.read_dims.insert(staging.read_dims.begin(), slab_dims[i]);
  }
  return staging;
}

}  // namespace unbrine
