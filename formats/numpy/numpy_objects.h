// numpy arrays inside a pickle, understood instead of rebuilt. Up to protocol 4 an array is
// _reconstruct(ndarray, (0,), b'b') and BUILD (version, shape, dtype, is_fortran, data); with
// protocol 5 it is _frombuffer(data, dtype, shape, order). Source: numpy/core/src/multiarray/
// methods.c (array_reduce_ex, array_setstate) and numpy/core/numeric.py.
#pragma once

#include <memory>

#include "formats/checkpoint.h"

namespace unbrine {

// Turns every array of plain numbers in the graph into a Tensor leaf. `pickle` is the source that
// the graph was decoded from: long data stays there. Arrays of objects, text, dates, structures or
// long doubles stay records. Throws Corrupt with the offset of the call for a state of the wrong
// shape or data of the wrong size, and what TensorTable::add throws.
void build_arrays(Checkpoint& checkpoint, const std::shared_ptr<const Source>& pickle);

}  // namespace unbrine
