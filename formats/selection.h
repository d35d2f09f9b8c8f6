// Which tensors are to be written, and under which names.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "formats/tensor.h"

namespace unbrine {

struct SelectedTensor {
  std::string name;  // valid UTF-8, unique, not reserved
  uint32_t row;      // of the table's tensors
};

struct Selection {
  const TensorTable* table = nullptr;
  std::vector<SelectedTensor> tensors;
  std::map<std::string, std::string> metadata;

  const Tensor& tensor(const SelectedTensor& selected) const {
    return table->tensors()[selected.row];
  }
};

}  // namespace unbrine
