// The view is walked in planes of two dimensions: the last one, whose elements are neighbours in
// the target, and the one whose elements are closest in the source. What remains only moves the
// plane.
#include "kernels/gather.h"

#include <algorithm>
#include <cstring>

#include "formats/error.h"

namespace unbrine {
namespace {

// A tile of a transpose: kTileBytes of each of kTileColumns source lines stay in the first cache
// until all of their bytes are used. More lines would evict each other when a row of the matrix is
// a large power of two.
constexpr uint64_t kTileBytes = 64;
constexpr uint64_t kTileColumns = 32;

struct Plane {
  GatherDim row;
  uint64_t target_row_stride;
  GatherDim column;  // one element after the other in the target
};

template <size_t size>
void copy_row(const GatherDim& column, const uint8_t* source, uint8_t* target) {
  for (uint64_t i = 0; i < column.count; ++i)
    std::memcpy(target + i * size, source + i * column.stride, size);
}

void copy_whole_rows(const Plane& plane, size_t row_size, const uint8_t* source, uint8_t* target) {
  for (uint64_t i = 0; i < plane.row.count; ++i)
    std::memcpy(target + i * plane.target_row_stride, source + i * plane.row.stride, row_size);
}

// Rows [first, last) of the plane, a few columns at a time.
template <size_t size>
void copy_band(const Plane& plane, uint64_t first, uint64_t last, const uint8_t* source,
               uint8_t* target) {
  for (uint64_t done = 0; done < plane.column.count; done += kTileColumns) {
    const GatherDim columns{std::min(kTileColumns, plane.column.count - done), plane.column.stride};
    for (uint64_t i = first; i < last; ++i)
      copy_row<size>(columns, source + i * plane.row.stride + done * columns.stride,
                     target + i * plane.target_row_stride + done * size);
  }
}

template <size_t size>
void copy_plane(const Plane& plane, const uint8_t* source, uint8_t* target) {
  if (plane.column.stride == size)
    return copy_whole_rows(plane, plane.column.count * size, source, target);
  constexpr uint64_t kBand = std::max<uint64_t>(kTileBytes / size, 4);
  for (uint64_t i = 0; i < plane.row.count; i += kBand)
    copy_band<size>(plane, i, std::min(i + kBand, plane.row.count), source, target);
}

using CopyPlane = void (*)(const Plane&, const uint8_t*, uint8_t*);

CopyPlane copy_plane_of(uint32_t item_size) {
  switch (item_size) {
    case 1: return copy_plane<1>;
    case 2: return copy_plane<2>;
    case 4: return copy_plane<4>;
    case 8: return copy_plane<8>;
    case 16: return copy_plane<16>;
    default: fail(ErrorCode::Unsupported, "elements of ", item_size, " bytes");
  }
}

// The view's dimensions as the target sees them.
std::vector<GatherDim> target_dims(std::span<const GatherDim> dims, uint32_t item_size) {
  std::vector<GatherDim> steps(dims.begin(), dims.end());
  uint64_t stride = item_size;
  for (size_t i = steps.size(); i-- > 0;) {
    steps[i].stride = stride;
    stride *= steps[i].count;
  }
  return steps;
}

// A step of 0 repeats what was read; it brings no new bytes near, so it comes last.
uint64_t nearness(const GatherDim& dim) { return dim.stride == 0 ? UINT64_MAX : dim.stride; }

// Which of the dimensions before the last makes the rows.
size_t row_dim(std::span<const GatherDim> outer, bool rows_are_whole) {
  if (rows_are_whole) return outer.size() - 1;
  return static_cast<size_t>(std::ranges::min_element(outer, {}, nearness) - outer.begin());
}

}  // namespace

std::vector<GatherDim> joined_dims(std::span<const GatherDim> dims) {
  std::vector<GatherDim> joined;
  for (const GatherDim& dim : dims) {
    if (dim.count == 1) continue;
    if (!joined.empty() && joined.back().stride == dim.stride * dim.count)
      joined.back() = {joined.back().count * dim.count, dim.stride};
    else
      joined.push_back(dim);
  }
  return joined;
}

void gather(std::span<const GatherDim> dims, uint32_t item_size, const uint8_t* source,
            uint8_t* target) {
  const CopyPlane copy = copy_plane_of(item_size);
  if (std::ranges::count(dims, 0u, &GatherDim::count) != 0) return;
  std::vector<GatherDim> from = joined_dims(dims);
  // A plane has two dimensions even if the view has fewer.
  while (from.size() < 2) from.insert(from.begin(), {1, from.empty() ? item_size : 0});
  std::vector<GatherDim> to = target_dims(from, item_size);
  const GatherDim column = from.back();
  from.pop_back();
  to.pop_back();
  const size_t row = row_dim(from, column.stride == item_size);
  const Plane plane{from[row], to[row].stride, column};
  from.erase(from.begin() + static_cast<ptrdiff_t>(row));
  to.erase(to.begin() + static_cast<ptrdiff_t>(row));

  uint64_t planes = 1;
  for (const GatherDim& dim : from) planes *= dim.count;
  for (uint64_t i = 0; i < planes; ++i)
    copy(plane, source + gather_offset(i, from.data(), from.size()),
         target + gather_offset(i, to.data(), to.size()));
}

}  // namespace unbrine
