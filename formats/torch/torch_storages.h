// Which storages a .pt gets: one for each distinct view that the pickle refers to, contiguous and
// in the dtype as written, in the order in which it refers to them.
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "formats/layout.h"
#include "formats/view_key.h"

namespace unbrine {

// A view as torch has it. Its storage is contiguous, so that the stride follows from the shape.
struct TorchView {
  DType dtype;
  std::vector<uint64_t> shape;
  uint64_t size;  // bytes
};

// What torch calls a tensor: integers for quantized ones that stand alone, pairs of numbers for
// complex ones and bytes for narrow elements that torch has no dtype for.
TorchView torch_view(DType dtype, std::vector<uint64_t> shape, uint64_t size);

class TorchStorages {
 public:
  explicit TorchStorages(const Selection& selection);

  // The storage of a row of the table, numbered from 0; none if no selected tensor shows it.
  std::optional<uint32_t> storage_of(uint32_t row);
  // What the row is in the file; only for rows that have a storage.
  TorchView view_of(uint32_t row) const;
  // A row whose value stands in the pickle itself.
  void mark_inline(uint32_t row);

  // For each storage, the selected tensor that it is.
  const std::vector<uint32_t>& selected() const { return storages_; }
  // Selected tensors whose storage another one gave.
  std::vector<SharedSlot> shared() const;
  // Names of selected tensors that nothing referred to.
  std::vector<std::string> unplaced() const;

 private:
  struct View {
    uint32_t first;  // index into Selection::tensors
    std::optional<uint32_t> storage = {};
    bool is_inline = false;
  };

  std::optional<uint32_t> find(uint32_t row) const;  // index into views_

  const Selection& selection_;
  std::vector<uint32_t> first_of_row_;  // index into Selection::tensors, or kNotSelected
  std::vector<View> views_;
  std::map<std::pair<ViewKey, DType>, uint32_t> index_;  // into views_
  std::vector<uint32_t> storages_;
};

}  // namespace unbrine
