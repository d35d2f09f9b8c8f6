// What a checkpoint holds, and what convert would make of it; no weight is read.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "converter/select.h"

namespace unbrine {

struct InspectedTensor {
  std::string name;  // as it would be written
  DType dtype;
  std::vector<uint64_t> shape;
  std::vector<uint64_t> stride;
  uint64_t bytes;        // when written
  std::string alias_of;  // an earlier name with the same view of the same storage, or ""
};

struct NamedGlobal {
  std::string name;  // module.name
  bool interpreted;  // unbrine knows what it means; all others are never looked up
  bool called;  // by some call of the pickle; of a name that is not interpreted a record is kept
};

struct Inspection {
  std::filesystem::path file;
  std::string format;
  uint64_t bytes = 0;
  std::string root;
  std::vector<InspectedTensor> tensors;
  std::vector<Omission> left_out;
  std::vector<NamedGlobal> globals;  // all that the pickle names, sorted
  std::map<std::string, std::string> metadata;
  std::vector<std::string> notes;
};

// Reads everything but weights, cross-checks the container, and selects as convert would. Throws
// Error.
Inspection inspect(const std::filesystem::path& file, const Rules& rules, const Limits& limits);

// Every module.name that the pickles mention, sorted.
std::vector<NamedGlobal> list_globals(const Graph& graph);

// Schema unbrine.inspect/1.
std::string inspection_json(const Inspection& inspection);

}  // namespace unbrine
