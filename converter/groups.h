// How the tensors of a checkpoint are divided into files, and what these are called.
//
// A tree becomes `model` (the weights), then a group for each other top-level key that holds
// tensors, then `root` for tensors that lie directly under the root:
//   {"state_dict": {...}, "optimizer": {...}, "loss": tensor}  ->  model, optimizer, root
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "converter/part.h"
#include "formats/selection.h"

namespace unbrine {

struct Group {
  std::string stem;  // of the file's name
  std::vector<SelectedTensor> tensors;
};

// A key as the stem of a file's name: `state_dict_ema` is model_ema, `optimizer_state_dict` is
// optimizer, a trailing '_' is dropped, what is not [A-Za-z0-9_.-] becomes '_'.
std::string stem_of_key(std::string_view key);

// Stems that differ on file systems without regard to case too.
class Stems {
 public:
  // `reserved` stems are not given to a key.
  explicit Stems(const std::vector<std::string>& reserved)
      : taken_(reserved.begin(), reserved.end()) {}

  // The stem of the key, with the smallest ~n that makes it new.
  std::string take(std::string_view key);

 private:
  std::set<std::string, std::less<>> taken_;  // in lower case
};

// All of a part, in the order of the file.
std::vector<SelectedTensor> tensors_of(const Checkpoint& checkpoint, const TensorNames& names,
                                       const Part& part, ModuleView view);

// The whole object as a tree. A tensor that an earlier group has is not taken again. With
// `split_top` the group of the weights is named after its key as well, and if they are the whole
// object they are divided too.
std::vector<Group> tree_groups(const Checkpoint& checkpoint, const TensorNames& names,
                               const Part& weights, bool split_top);

// The stem of the weights' group: `model`, but a net's attribute module_ stays `module`.
std::string stem_of_weights(const Part& weights);

}  // namespace unbrine
