// A checkpoint as every reader gives it: a value graph whose leaves are tensors, the table of
// these tensors, and what the reader noticed.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "formats/limits.h"
#include "formats/pickle/graph.h"
#include "formats/tensor.h"

namespace unbrine {

struct Checkpoint {
  Checkpoint(std::shared_ptr<const Source> source, const Limits& limits)
      : source(std::move(source)), limits(limits), tensors(this->source->size(), limits) {}

  std::string format;  // "torch-zip", as in kCheckpointFormats[]
  std::shared_ptr<const Source> source;
  Limits limits;
  Graph graph;
  NodeId root = kNoNode;
  TensorTable tensors;
  std::map<std::string, std::string> metadata;  // of a safetensors input
  std::vector<std::string> notes;               // one sentence each, for the user

  // A second opinion on the container that may run beside the copy but must pass before a commit:
  // throws Corrupt. Empty if the format has none.
  std::function<void()> cross_check;
};

// What a format sees when it is asked whether a file is its own.
struct Probe {
  std::shared_ptr<const Source> source;
  ByteSpan head;  // the first bytes, up to 4096
  const Limits& limits;
};

struct CheckpointFormat {
  std::string_view name;
  bool (*matches)(const Probe& probe);  // cheap; never throws
  Checkpoint (*read)(const Probe& probe);
};

// Sniffs by content alone and reads. Throws Corrupt (empty, truncated), Unsupported (recognised but
// not a checkpoint that unbrine reads: named, with advice), and what the readers throw.
Checkpoint open_checkpoint(std::shared_ptr<const Source> source, const Limits& limits);

}  // namespace unbrine
