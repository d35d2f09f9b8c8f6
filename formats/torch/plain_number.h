// A numpy scalar as the number that Python has for it: what numpy.float32(0.1) pickles as is a call
// that torch.load(weights_only=True) refuses.
#pragma once

#include <complex>
#include <optional>
#include <variant>

#include "formats/pickle/graph.h"

namespace unbrine {

using PlainNumber = std::variant<bool, int64_t, uint64_t, double, std::complex<double>>;

// Of numpy.core.multiarray.scalar(dtype, bytes). None for dates, texts, structures, long doubles,
// and for a call whose bytes are not those of its dtype.
std::optional<PlainNumber> plain_number(const Graph& graph, NodeId call);

// The first element of a run of little-endian bytes, which must hold one. None for packed and
// narrow dtypes.
std::optional<PlainNumber> number_of_bytes(DType dtype, ByteSpan bytes);

}  // namespace unbrine
