#include "formats/torch/torch_pickle.h"

#include <unordered_map>

#include "formats/torch/torch_pickler.h"

namespace unbrine {

void TorchPickler::write_named_tensors() {
  std::unordered_map<std::string_view, uint32_t> rows;
  pickle_.op(Op::EmptyDict);
  const auto write_entry = [this](const std::string& name, uint32_t row) {
    pickle_.text(name);
    if (storages_.storage_of(row)) push(tensor_steps(row));
    while (!steps_.empty()) step();
    pickle_.op(Op::SetItem);
  };
  for (const SelectedTensor& tensor : selection_.tensors) {
    write_entry(tensor.name, tensor.row);
    rows.emplace(tensor.name, tensor.row);
  }
  for (const SelectedGroup& group : selection_.groups)
    for (const auto& [name, kept] : group.aliases)
      if (const auto row = rows.find(kept); row != rows.end()) write_entry(name, row->second);
}

// What lies below itself and cannot be filled later is only met in writing: then all is written
// once more, with lists in their place.
TorchPickle pickle_object(const Selection& selection) {
  std::set<NodeId> cyclic;
  for (;;) {
    const size_t known = cyclic.size();
    TorchPickler pickler(selection, *selection.graph, cyclic);
    pickler.run(selection.root);
    if (cyclic.size() == known) return pickler.take();
  }
}

TorchPickle pickle_tensors(const Selection& selection) {
  const Graph none;
  std::set<NodeId> cyclic;
  TorchPickler pickler(selection, none, cyclic);
  pickler.write_named_tensors();
  return pickler.take();
}

}  // namespace unbrine
