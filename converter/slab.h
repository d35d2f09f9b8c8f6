// How a strided view of any size is carried through little memory: cut into slabs. A slab is a run
// of the target (some leading dimensions fixed, one in part, the rest whole); in the source it is a
// hyper-rectangle, which is staged with as few and as dense reads as fit the memory.
#pragma once

#include <span>
#include <vector>

#include "kernels/backend.h"

namespace unbrine {

// Dimension `split` is cut into runs of `run` steps; those before it are cut into single steps.
struct SlabCut {
  size_t split = 0;
  uint64_t run = 1;
};

struct Slab {
  uint64_t offset;              // bytes from the start of the view to the slab
  std::vector<GatherDim> dims;  // of the slab, outermost first
};

uint64_t slab_count(std::span<const GatherDim> dims, const SlabCut& cut);

// The slabs in the order of the target, `index` from 0.
Slab slab_at(std::span<const GatherDim> dims, const SlabCut& cut, uint64_t index);

uint64_t element_count(std::span<const GatherDim> dims);

// The cut with the largest slabs of at most `limit` target bytes. A single element may exceed it.
SlabCut cut_by_target(std::span<const GatherDim> dims, uint32_t item_size, uint64_t limit);

// Cut into slabs of which each takes at most `limit` bytes when it is staged, and how many of the
// dimensions with the smallest strides one read spans, gaps included.
struct StagingPlan {
  SlabCut cut;
  size_t spanned = 0;
};

// The plan that is quickest by an estimate of what reads and bytes cost. No count may be 0; the
// view has a dimension; an element fits `limit`.
StagingPlan plan_staging(std::span<const GatherDim> dims, uint32_t item_size, uint64_t limit);

// One slab's way into memory: read i takes `read_size` bytes at gather_offset(i, read_dims) of the
// slab and puts them at i * read_size of the staging buffer, where `staged` finds the elements.
struct Staging {
  uint64_t read_size = 0;
  uint64_t reads = 1;
  std::vector<GatherDim> read_dims;  // outermost first
  std::vector<GatherDim> staged;     // the slab's dims with strides in the buffer
  uint64_t size() const { return read_size * reads; }
};

Staging stage(std::span<const GatherDim> slab_dims, uint32_t item_size, size_t spanned);

}  // namespace unbrine
