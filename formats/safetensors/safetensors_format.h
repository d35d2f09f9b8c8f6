// A safetensors file: the length of the header (8 bytes, little endian), the header (JSON, padded
// with spaces), then the tensors' bytes without gaps:
//
//   58 00 00 00 00 00 00 00
//   {"__metadata__":{"format":"pt"},"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}  + spaces
//   00 00 80 3f 00 00 00 40
//
// Offsets count from the end of the header.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "formats/dtype.h"

namespace unbrine {

inline constexpr uint64_t kSafetensorsLengthBytes = 8;
inline constexpr std::string_view kSafetensorsMetadataKey = "__metadata__";

// The dtype that a header calls `name`, if the format has one.
std::optional<DType> dtype_by_safetensors_name(std::string_view name);

// The place of `dtype` in a file written as the reference writes it: tensors lie in this order,
// those of equal place by name.
size_t safetensors_data_order(DType dtype);

}  // namespace unbrine
