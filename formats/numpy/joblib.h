// joblib's files: a pickle in which arrays are missing. In place of each stands a NumpyArrayWrapper
// with "shape", "dtype" and "order", and right behind its BUILD, before the next opcode:
//
//   p | p bytes ff | the array's bytes       since joblib 1.2 ("numpy_array_alignment_bytes": 16)
//   the array's bytes                        before, or if that attribute is None
//   a pickle of the array, to its STOP       if the dtype holds objects
//
// Source: joblib/numpy_pickle.py.
#pragma once

#include <memory>
#include <string>

#include "formats/checkpoint.h"
#include "formats/numpy/numpy_dtype.h"
#include "formats/numpy/numpy_objects.h"

namespace unbrine {

// The hook of decode_pickle for one pickle of `source`.
class JoblibArrays {
 public:
  JoblibArrays(Checkpoint& checkpoint, std::shared_ptr<const Source> source)
      : checkpoint_(checkpoint), source_(std::move(source)) {}

  // Turns a wrapper into a Tensor leaf, or, of an array of objects, into the Stream of its pickle;
  // to one of another dtype appends the raw bytes as a value. Gives the offset of the opcode
  // behind. Other calls stay what they are. Throws Corrupt with the offset of the call, Unsupported
  // for a dtype of unknown size.
  uint64_t after_build(NodeId call, uint64_t offset);

 private:
  uint64_t behind_padding(uint64_t offset) const;
  uint64_t read_objects(NodeId call, uint64_t offset);
  uint64_t read_raw(NodeId call, NodeId state, const DTypeRecord& dtype, uint64_t offset);
  std::string storage_name(NodeId call) const;

  Checkpoint& checkpoint_;
  std::shared_ptr<const Source> source_;
};

// Counts a wrapper that is no tensor.
void count_joblib_record(const Graph& graph, NodeId call, OtherArrays& others);

// Until version 0.9 joblib wrote each array to a file of its own beside the pickle: says which of
// `calls` stand for such files.
void note_joblib_side_files(Checkpoint& checkpoint, IndexRange calls);

}  // namespace unbrine
