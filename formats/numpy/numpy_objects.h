// numpy arrays inside a pickle, understood instead of rebuilt. Up to protocol 4 an array is
// _reconstruct(ndarray, (0,), b'b') and BUILD (version, shape, dtype, is_fortran, data); with
// protocol 5 it is _frombuffer(data, dtype, shape, order). Source: numpy/core/src/multiarray/
// methods.c (array_reduce_ex, array_setstate) and numpy/core/numeric.py.
#pragma once

#include <map>
#include <string>

#include "formats/checkpoint.h"

namespace unbrine {

// Turns every array of plain numbers among `calls` into a Tensor leaf, every masked one into a
// Composite of data and "mask". Arrays of objects, text, dates, structures or long doubles stay
// records; a note counts them by kind. Throws Corrupt with the offset of the call for a state of
// the wrong shape or data of the wrong size, and what TensorTable::add throws.
void build_arrays(Checkpoint& checkpoint, IndexRange calls);

// Counts, by description, arrays that are no tensors; the note says so of each kind.
using OtherArrays = std::map<std::string, uint64_t>;
void note_other_arrays(const OtherArrays& others, Checkpoint& checkpoint);

}  // namespace unbrine
