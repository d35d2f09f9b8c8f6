// Lays out a safetensors file, byte for byte as safetensors.torch.save_file would.
#pragma once

#include "formats/layout.h"

namespace unbrine {

// One file. Throws Limit if its header would exceed max_header_bytes.
Layout safetensors_layout(const Selection& selection, const Limits& limits);

// The shape as a header gives it: complex numbers without a dtype of their own get a dimension for
// their two parts, packed halves of bytes count as two. Throws Unsupported if that wraps.
std::vector<uint64_t> safetensors_shape(const Tensor& tensor);

}  // namespace unbrine
