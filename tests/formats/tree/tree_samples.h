// One small pickle for each kind of value, and how state.json shows it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "formats/checkpoint.h"
#include "tests/support/pickle_builder.h"

namespace unbrine {

struct TreeSample {
  std::string_view name;
  PickleBuilder pickle;  // leaves one value, without STOP
  std::string tree;
  std::string shared = "[]";
};

std::vector<TreeSample> scalar_samples();
std::vector<TreeSample> container_samples();
std::vector<TreeSample> object_samples();
std::vector<TreeSample> tensor_samples();
std::vector<TreeSample> numpy_samples();
std::vector<TreeSample> all_tree_samples();

// Decoded, interpreted and finished as a file's.
Checkpoint tree_checkpoint(const PickleBuilder& pickle);

// The document that a checkpoint's tree gives, without its first key.
struct TreeText {
  std::string tree;
  std::string shared;
};
TreeText tree_of(const Checkpoint& checkpoint);
inline TreeText tree_of(const PickleBuilder& pickle) { return tree_of(tree_checkpoint(pickle)); }

}  // namespace unbrine
