// What two inputs do not have in common: names, kinds and values of their tensors, metadata, and,
// if asked, the state that is no tensor.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "converter/compare.h"
#include "converter/rules.h"
#include "converter/select.h"
#include "converter/state_compare.h"

namespace unbrine {

struct DiffOptions {
  Rules rules;  // for both sides
  Limits limits;
  std::optional<Tolerance> tolerance;  // none: bit by bit
  bool metadata = false;               // a difference of metadata counts
  bool state = false;                  // the state that is no tensor is compared, and counts
  unsigned workers = 1;
  const std::atomic<bool>* stop = nullptr;
};

enum class DiffKind : uint8_t {
  OnlyInA,
  OnlyInB,
  Shape,
  DType,  // and no cast makes one of the other
  Values,
  Rounded,   // equal but for the dtype: one is the other, rounded once
  Tolerated  // equal within the tolerance
};

// One tensor about which there is something to say.
struct TensorDiff {
  std::string name;
  DiffKind kind;
  std::string a;  // "F32 [2, 3]"; "" where it has none
  std::string b;
  std::string rounded_to = {};  // dtype, of Rounded
  std::optional<ValueComparison> values = {};

  bool counts() const { return kind != DiffKind::Rounded && kind != DiffKind::Tolerated; }
};

struct DiffSide {
  std::filesystem::path path;
  std::string format;
  std::string root;  // path of the part that was compared
  std::map<std::string, std::string> metadata;
  std::vector<Omission> left_out;
};

struct DiffReport {
  DiffSide a;
  DiffSide b;
  uint64_t tensors = 0;                 // names that both have
  uint64_t bytes = 0;                   // of these, in A
  std::vector<TensorDiff> differences;  // by name
  std::vector<std::string> metadata;    // keys that differ
  bool metadata_counts = false;
  bool compared_state = false;
  std::optional<StateDifference> state;
  std::vector<std::string> notes;

  bool equal() const;
};

// Reads two files or folders. What is compared: the part that the rules select; else the weights,
// or everything if both sides hold more than weights. Throws what their readers throw.
DiffReport diff(const std::filesystem::path& a, const std::filesystem::path& b,
                const DiffOptions& options);

// "values differ: 3 of 100 elements ...": the difference without its name.
std::string describe(const TensorDiff& difference, const std::optional<Tolerance>& tolerance);

// Schema unbrine.diff/1.
std::string diff_json(const DiffReport& report);

}  // namespace unbrine
