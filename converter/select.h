// Which part of a checkpoint is written.
#pragma once

#include <string>
#include <vector>

#include "formats/checkpoint.h"
#include "formats/selection.h"

namespace unbrine {

struct Rules {
  // "": the model's weights; "ema": its moving average; "all"; else KEY.PATH of a part.
  std::string select;
};

// Tensors that stay behind, by the top-level key below which they lie.
struct Omission {
  std::string key;
  uint64_t tensors = 0;  // names
  uint64_t bytes = 0;
  bool whole = true;  // nothing below the key was taken, so that `--select key` takes it
};

struct Choice {
  Selection selection;  // refers to the checkpoint's table
  std::string root;     // path of the part chosen; "" for the whole object
  std::vector<Omission> left_out;
  std::vector<std::string> notes;  // names that had to be changed
};

// The part of the checkpoint that the rules ask for, with writable names, and what is left out.
// Pure. Throws Usage if nothing lies at `select`, Limit.
Choice select(const Checkpoint& checkpoint, const Rules& rules);

}  // namespace unbrine
