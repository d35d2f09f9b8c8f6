#include "formats/folder/mosaic_source.h"

#include <algorithm>
#include <cstring>
#include <functional>
#include <numeric>
#include <ranges>

#include "formats/checked.h"
#include "formats/error.h"
#include "formats/folder/tiling.h"

namespace unbrine {
namespace {

constexpr uint64_t kStagedBytes = 256 << 10;
constexpr uint64_t kLongRun = 32 << 10;  // is worth a read of its own

uint64_t product(const std::vector<uint64_t>& sizes) {
  return std::accumulate(sizes.begin(), sizes.end(), uint64_t{1}, std::multiplies<>());
}

uint64_t checked_bytes(const std::vector<uint64_t>& shape, uint32_t item_size) {
  uint64_t bytes = item_size;
  bool fits = true;
  for (const uint64_t size : shape) fits = fits && checked_multiply(bytes, size, bytes);
  const bool is_empty = std::ranges::find(shape, uint64_t{0}) != shape.end();
  if (!fits && !is_empty) fail(ErrorCode::Corrupt, "the size of its shape does not fit 64 bits");
  return is_empty ? 0 : bytes;
}

void require_inside(const MosaicBlock& block, uint64_t bytes) {
  const uint64_t available = block.source->size();
  if (block.offset > available || bytes > available - block.offset)
    fail(ErrorCode::Corrupt, "a part needs ", bytes, " bytes at byte ", block.offset, " of ",
         available);
}

// The first of 0 to count - 1 for which `is_right` holds, as for all behind it; else `count`.
template <class Predicate>
uint64_t first_index(uint64_t count, Predicate&& is_right) {
  uint64_t low = 0;
  while (low < count) {
    const uint64_t middle = low + (count - low) / 2;
    if (is_right(middle))
      count = middle;
    else
      low = middle + 1;
  }
  return low;
}

void check_tiling(const std::vector<uint64_t>& shape, const std::vector<MosaicBlock>& blocks) {
  std::vector<Box> boxes;
  for (const MosaicBlock& block : blocks) boxes.push_back({block.first, block.sizes});
  require_tiling(shape, boxes);
}

}  // namespace

MosaicSource::MosaicSource(const std::vector<uint64_t>& shape, uint32_t item_size,
                           const std::vector<MosaicBlock>& blocks)
    : size_(checked_bytes(shape, item_size)) {
  check_tiling(shape, blocks);
  if (size_ == 0) return;
  for (const MosaicBlock& block : blocks) {
    const uint64_t bytes = product(block.sizes) * item_size;  // no more than size_
    require_inside(block, bytes);
    if (bytes != 0) blocks_.push_back(runs_of(block, shape, item_size));
  }
  std::ranges::sort(blocks_, {}, &Runs::begin);
  uint64_t reach = 0;
  for (const Runs& runs : blocks_) reach_.push_back(reach = std::max(reach, runs.end));
}

// Dimensions join into runs from the innermost out, as long as the block spans them.
MosaicSource::Runs MosaicSource::runs_of(const MosaicBlock& block,
                                         const std::vector<uint64_t>& shape, uint32_t item_size) {
  Runs runs{block.source, block.offset, 0, 0, item_size, 1, {}};
  uint64_t stride = item_size;  // of dimension i, in the whole
  for (size_t i = shape.size(); i-- > 0; stride *= shape[i]) {
    runs.begin += block.first[i] * stride;
    if (block.sizes[i] == 1) continue;
    if (runs.dims.empty() && runs.run == stride) {
      runs.run *= block.sizes[i];
      continue;
    }
    runs.dims.push_back({block.sizes[i], stride});
    runs.count *= block.sizes[i];
  }
  std::ranges::reverse(runs.dims);
  runs.end = runs.start_of(runs.count - 1) + runs.run;
  return runs;
}

uint64_t MosaicSource::Runs::start_of(uint64_t index) const {
  uint64_t start = begin;
  for (const Dim& dim : std::views::reverse(dims)) {
    start += index % dim.count * dim.stride;
    index /= dim.count;
  }
  return start;
}

void MosaicSource::read_range(uint64_t offset, MutableByteSpan target) const {
  if (target.empty()) return;
  const auto first = std::ranges::upper_bound(reach_, offset);
  for (auto i = static_cast<size_t>(first - reach_.begin()); i < blocks_.size(); ++i) {
    if (blocks_[i].begin >= offset + target.size()) return;
    copy(blocks_[i], offset, target);
  }
}

// The part of a block that lies in [begin, begin + target.size()) of the whole.
void MosaicSource::copy(const Runs& runs, uint64_t begin, MutableByteSpan target) {
  const uint64_t end = begin + target.size();
  uint64_t next =
      first_index(runs.count, [&](uint64_t i) { return runs.start_of(i) + runs.run > begin; });
  const uint64_t last =
      first_index(runs.count, [&](uint64_t i) { return runs.start_of(i) >= end; });
  const uint64_t batch = runs.run >= kLongRun ? 1 : kStagedBytes / runs.run;
  for (; next < last; next += std::min(batch, last - next)) {
    if (batch == 1)
      copy_run(runs, next, begin, target);
    else
      copy_batch(runs, next, std::min(batch, last - next), begin, target);
  }
}

MosaicSource::Piece MosaicSource::piece_of(const Runs& runs, uint64_t index, uint64_t begin,
                                           uint64_t end) {
  const uint64_t start = runs.start_of(index);
  const uint64_t from = std::max(start, begin);
  const uint64_t to = std::min(start + runs.run, end);
  return {runs.offset + index * runs.run + (from - start), from - begin, to - from};
}

void MosaicSource::copy_run(const Runs& runs, uint64_t index, uint64_t begin,
                            MutableByteSpan target) {
  const Piece piece = piece_of(runs, index, begin, begin + target.size());
  runs.source->read_at(piece.source, target.subspan(piece.target, piece.size));
}

// Short runs are read many at a time, since they lie together in the source.
void MosaicSource::copy_batch(const Runs& runs, uint64_t first, uint64_t count, uint64_t begin,
                              MutableByteSpan target) {
  const uint64_t end = begin + target.size();
  const uint64_t from = piece_of(runs, first, begin, end).source;
  const Piece last = piece_of(runs, first + count - 1, begin, end);
  const std::vector<uint8_t> staged = runs.source->read_all(from, last.source + last.size - from);
  for (uint64_t i = first; i < first + count; ++i) {
    const Piece piece = piece_of(runs, i, begin, end);
    std::memcpy(target.data() + piece.target, staged.data() + (piece.source - from), piece.size);
  }
}

}  // namespace unbrine
