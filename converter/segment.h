// A run of a slot's bytes, and all that is needed to make them: where the source lies, how its
// elements are laid out, and what is done to each.
#pragma once

#include <optional>
#include <vector>

#include "converter/piece.h"
#include "kernels/backend.h"

namespace unbrine {

// Bytes [begin, begin + size) of a slot, whole elements.
struct Segment {
  uint32_t slot;
  const Slot* row;
  const Tensor* tensor;
  const Storage* storage;
  uint64_t begin;
  uint64_t size;
  uint32_t item;         // bytes of an element in the source
  uint32_t target_item;  // and as written
  std::optional<Cast> cast;
  uint64_t source_offset;  // of `begin` in the storage, if the tensor is contiguous
  bool contiguous;

  // Of so many target bytes, when they are stored row-major.
  uint64_t source_bytes(uint64_t target_bytes) const { return target_bytes / target_item * item; }
  uint64_t source_size() const { return source_bytes(size); }
};

// The part of `slot` that belongs to the piece.
Segment segment_of(const Layout& layout, const Selection& selection, const Piece& piece,
                   uint32_t slot, Overflow overflow);

Fixup fixup_of(const Segment& segment);

// Whether the written bytes are the stored ones.
bool is_verbatim(const Segment& segment);

// The whole tensor, in its storage, with as few dimensions as possible.
std::vector<GatherDim> view_dims(const Segment& segment);

}  // namespace unbrine
