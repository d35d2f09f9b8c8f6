// Which tensors are to be written, under which names, in which files and as what.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "formats/pickle/graph.h"
#include "formats/tensor.h"

namespace unbrine {

struct SelectedTensor {
  std::string name;                // valid UTF-8, unique in its group, not reserved
  uint32_t row;                    // of the table's tensors
  uint32_t group = 0;              // index into Selection::groups
  std::optional<DType> cast = {};  // none: the tensor's own dtype
  std::string source = {};         // the path below the root of the checkpoint, as found there
};

// What is written to one file, or to one set of shards.
struct SelectedGroup {
  std::string stem = "model";  // of the file's name
  // Names that are not written because another one has the same view: name -> the one that is kept.
  std::map<std::string, std::string> aliases = {};
};

struct Selection {
  const TensorTable* table = nullptr;
  std::vector<SelectedTensor> tensors;  // those of one group stand together, groups in order
  std::map<std::string, std::string> metadata;
  std::vector<SelectedGroup> groups = {{}};
  std::vector<SelectedTensor> aliased = {};  // those whose names stand in SelectedGroup::aliases

  // The object that the tensors belong to, for writers that keep its structure. No graph: there is
  // none to keep, because rules changed names or left tensors out.
  const Graph* graph = nullptr;
  NodeId root = kNoNode;

  const Tensor& tensor(const SelectedTensor& selected) const {
    return table->tensors()[selected.row];
  }
  DType written_dtype(const SelectedTensor& selected) const {
    return selected.cast.value_or(tensor(selected).dtype);
  }
  // Bytes as written, row-major. Castable dtypes have whole bytes.
  uint64_t written_size(const SelectedTensor& selected) const;
};

}  // namespace unbrine
