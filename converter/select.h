// Which part of a checkpoint is written, and how it is divided into files.
#pragma once

#include <string>
#include <vector>

#include "converter/rules.h"
#include "formats/checkpoint.h"
#include "formats/selection.h"

namespace unbrine {

// How much of a checkpoint an output takes unless --select says otherwise.
enum class Scope : uint8_t {
  Weights,  // one group: the model's weights
  Object,   // one group: the whole object
  Tree,     // the whole object, divided into groups: the weights, and each other top-level key
};

// Tensors that stay behind, by the top-level key below which they lie.
struct Omission {
  std::string key;
  uint64_t tensors = 0;  // names
  uint64_t bytes = 0;
  bool whole = true;  // nothing below the key was taken, so that `--select key` takes it
};

struct Choice {
  Selection selection;    // refers to the checkpoint's table and graph
  std::string root;       // path of the part chosen; "" for the whole object
  NodeId part = kNoNode;  // the part: of Scope::Tree the tree's root, not that of the weights
  std::vector<Omission> left_out;     // other parts of the checkpoint
  uint64_t excluded = 0;              // tensors of the part that include and exclude left out
  std::vector<std::string> notes;     // names that had to be changed, and hints
  std::vector<std::string> warnings;  // rules that fit nothing
};

// The part of the checkpoint that the rules ask for, with writable names, and what is left out.
// Pure. Throws Usage (nothing lies at `select`; a rule fits nothing and they are strict; aliases
// that are an error; a cast that there is none of), Limit.
Choice select(const Checkpoint& checkpoint, const Rules& rules, Scope scope);

}  // namespace unbrine
