// numpy arrays inside a pickle, understood instead of rebuilt. Up to protocol 4 an array is
// _reconstruct(ndarray, (0,), b'b') and BUILD (version, shape, dtype, is_fortran, data); with
// protocol 5 it is _frombuffer(data, dtype, shape, order). Source: numpy/core/src/multiarray/
// methods.c (array_reduce_ex, array_setstate) and numpy/core/numeric.py.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "formats/checkpoint.h"

namespace unbrine {

// Turns every array of plain numbers among `calls` into a Tensor leaf, every masked one into a
// Composite of data and "mask". Arrays of objects, text, dates, structures or long doubles stay
// records; a note counts them by kind. Throws Corrupt with the offset of the call for a state of
// the wrong shape or data of the wrong size, and what TensorTable::add throws.
void build_arrays(Checkpoint& checkpoint, IndexRange calls);

// What a call that makes an array says of it.
struct ArrayParts {
  NodeId shape;
  NodeId dtype;
  NodeId data;
  bool fortran;
  NodeId axes = kNoNode;
};

// Of _reconstruct and its BUILD, or of _frombuffer. None for a class of a user whose state is its
// own affair. Throws Corrupt.
std::optional<ArrayParts> array_parts(const Graph& graph, const Call& call);

// What a class of a user keeps beside numpy's own state.
std::vector<NodeId> state_beyond_numpys(const Graph& graph, const Call& call);

// Counts, by description, arrays that are no tensors; the note says so of each kind.
using OtherArrays = std::map<std::string, uint64_t>;
void note_other_arrays(const OtherArrays& others, Checkpoint& checkpoint);

}  // namespace unbrine
