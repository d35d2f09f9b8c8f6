// Tensors that torch keeps as several, or as none: sparse, quantized, nested, without data.
#pragma once

#include <optional>

#include "formats/checkpoint.h"

namespace unbrine {

// What a call of such a rebuild function stands for; the tensors in its arguments must be leaves
// already. None if they are none: then the call stays a record. Adds the parts that are not tensors
// in the file (a scale, an axis) to the table. Throws Corrupt for arguments of the wrong kind, and
// what TensorTable::add throws. Parts by layout:
//   sparse_coo                        indices, values
//   sparse_csr, sparse_bsr            crow_indices, col_indices, values
//   sparse_csc, sparse_bsc            ccol_indices, row_indices, values
//   per_tensor_affine                 the integers, scale, zero_point
//   per_channel_affine[_float_qparams] the same and axis
//   strided_nested                    values, sizes, strides, offsets
//   jagged                            values, offsets[, lengths]
//   meta, uninitialized               none
// Source: torch/_utils.py, torch/nested/_internal/nested_tensor.py.
std::optional<Composite> read_composite(Checkpoint& checkpoint, NodeId call);

}  // namespace unbrine
