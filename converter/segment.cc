#include "converter/segment.h"

#include <algorithm>

#include "kernels/gather.h"

namespace unbrine {
namespace {

// Elements narrower than a byte are carried byte by byte.
uint32_t item_size(DType dtype) { return std::max<uint32_t>(info(dtype).bits / 8, 1); }

std::optional<Cast> cast_of(DType from, DType to, Overflow overflow) {
  if (from == to) return std::nullopt;
  return Cast{from, to, overflow};
}

}  // namespace

Segment segment_of(const Layout& layout, const Selection& selection, const Piece& piece,
                   uint32_t slot, Overflow overflow) {
  const Slot& row = layout.slots[slot];
  const SelectedTensor& selected = selection.tensors[row.selected];
  const Tensor& tensor = selection.tensor(selected);
  const DType written = selection.written_dtype(selected);
  const uint64_t begin = slot == piece.first_slot ? piece.begin : 0;
  const uint64_t end = slot + 1 == piece.last_slot ? piece.end : row.size;
  Segment segment{.slot = slot,
                  .row = &row,
                  .tensor = &tensor,
                  .storage = &selection.table->storage_of(tensor),
                  .begin = begin,
                  .size = end - begin,
                  .item = item_size(tensor.dtype),
                  .target_item = item_size(written),
                  .cast = cast_of(tensor.dtype, written, overflow),
                  .source_offset = first_byte(tensor),
                  .contiguous = row.size == 0 || is_contiguous(tensor)};
  segment.source_offset += segment.source_bytes(begin);
  return segment;
}

Fixup fixup_of(const Segment& segment) {
  const Tensor& tensor = *segment.tensor;
  const DTypeInfo& dtype = info(tensor.dtype);
  return {.swap_unit = segment.storage->big_endian ? dtype.swap_unit : uint8_t{1},
          .conj = tensor.conj && dtype.is_complex,
          .neg = tensor.neg,
          .floating = dtype.is_floating,
          .normalize_bool = tensor.dtype == DType::Bool,
          .unit = dtype.swap_unit};
}

bool is_verbatim(const Segment& segment) {
  const Fixup fixup = fixup_of(segment);
  return !segment.cast && fixup.swap_unit == 1 && !fixup.conj && !fixup.neg &&
         !fixup.normalize_bool;
}

std::vector<GatherDim> view_dims(const Segment& segment) {
  const Tensor& tensor = *segment.tensor;
  std::vector<GatherDim> dims;
  for (size_t i = 0; i < tensor.shape.size(); ++i)
    dims.push_back({tensor.shape[i], tensor.stride[i] * segment.item});
  return joined_dims(dims);
}

}  // namespace unbrine
