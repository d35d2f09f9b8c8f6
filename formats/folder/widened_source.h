// Elements of float16 or bfloat16 as float32, little endian. Exact.
#pragma once

#include <memory>

#include "formats/checkpoint.h"

namespace unbrine {

enum class HalfKind : uint8_t { F16, BF16 };

// 32 bits with the value of the 16.
uint32_t widened(uint16_t half, HalfKind kind);

class WidenedSource : public Source {
 public:
  // `count` elements at `offset` of `halves`.
  WidenedSource(std::shared_ptr<const Source> halves, uint64_t offset, uint64_t count,
                HalfKind kind, bool big_endian);
  uint64_t size() const override { return halves_.size() * 2; }

 private:
  void read_range(uint64_t offset, MutableByteSpan target) const override;

  SliceSource halves_;
  HalfKind kind_;
  bool big_endian_;
};

// The view of a float16 or bfloat16 tensor as one of float32; of others themselves.
Tensor as_float32(TensorTable& table, Tensor tensor);

}  // namespace unbrine
