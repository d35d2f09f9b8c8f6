// Which part of a checkpoint is meant: the model's weights, their moving average, or what lies at a
// path.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "formats/checkpoint.h"
#include "formats/object_view.h"
#include "formats/tensor_names.h"

namespace unbrine {

struct Part {
  NodeId node;
  std::string path;  // from the root; "" for the whole object
  std::string last;  // the path's last part
};

class Parts {
 public:
  // Both must outlive this.
  Parts(const Checkpoint& checkpoint, const TensorNames& names)
      : checkpoint_(checkpoint), graph_(checkpoint.graph), names_(names) {}

  Part whole() const { return {checkpoint_.root, "", ""}; }

  // The whole object if it is a module, else what a customary key holds, else again the whole.
  Part weights() const { return weights_of(whole()); }

  // What --select means: "" the weights, "ema", "all", or a path. Throws Usage if there is none.
  Part selected(const std::string& wanted) const;

 private:
  Part weights_of(const Part& part) const;
  Part moving_average() const;
  Part at(const std::string& path) const;
  Part customary(const Part& part, std::span<const std::string_view> keys) const;
  bool holds_tensors(NodeId node) const;
  std::string keys_of_root() const;

  const Checkpoint& checkpoint_;
  const Graph& graph_;
  const TensorNames& names_;
};

}  // namespace unbrine
