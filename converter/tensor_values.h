// Tensors without a file to go to: their digests, and their values in memory, row-major and a
// window at a time, so that memory does not grow with them.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "converter/run_layout.h"
#include "formats/selection.h"

namespace unbrine {

// All tensors of a selection, one after another: a layout for those who want the bytes alone. Slot
// i is that of selection.tensors[i].
Layout row_major_layout(const Selection& selection);

// What run_layout says of each tensor of the selection, as it would be written. Throws as it does.
std::vector<SlotResult> results_of(const Selection& selection, const RunOptions& options);
std::vector<uint64_t> digests_of(const Selection& selection, const RunOptions& options);

struct ByteRange {
  std::shared_ptr<const Source> source;
  uint64_t offset;
  uint64_t size;
};

// Of bytes as they lie there. Throws Corrupt for a range that passes the end of its source, and as
// run_layout.
std::vector<uint64_t> digests_of(std::span<const ByteRange> ranges, const RunOptions& options);

// All of a storage.
Tensor row_major_tensor(DType dtype, std::vector<uint64_t> shape, uint32_t storage);

// Adds a tensor and a storage for it to another table; gives its row there. The storage is not held
// against its CRC-32 again.
uint32_t copy_tensor(const TensorTable& from, Tensor tensor, TensorTable& to);

// A tensor whose elements have whole bytes: those that have not (they are stored row-major) count
// as the bytes they are packed in.
Tensor with_whole_bytes(const Tensor& tensor);

// Views of any tensors, read together.
class ViewBatch {
 public:
  ViewBatch();

  // `view` has whole bytes, and lies in a storage of `table`.
  void add(const TensorTable& table, Tensor view);
  uint64_t bytes() const { return bytes_; }

  // What was added, row-major and one after another, as stored: casts are for others. Starts anew.
  std::vector<uint8_t> take(const RunOptions& options);

 private:
  TensorTable table_;
  std::vector<SelectedTensor> tensors_;
  uint64_t bytes_ = 0;
};

// Limits for tables of tensors that passed the gate once.
Limits no_limits();

}  // namespace unbrine
