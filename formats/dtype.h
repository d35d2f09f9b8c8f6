// The element types, one row each: what torch calls them, how wide they are, and how a
// safetensors file names them.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace unbrine {

enum class DType : uint8_t {
  F64,
  F32,
  F16,
  BF16,
  I64,
  I32,
  I16,
  I8,
  U64,
  U32,
  U16,
  U8,
  Bool,
  C128,
  C64,
  C32,
  BC32,
  F8E5M2,
  F8E4M3FN,
  F8E5M2FNUZ,
  F8E4M3FNUZ,
  F8E8M0,
  F4E2M1x2,  // torch's float4_e2m1fn_x2: two values in a byte
  QInt8,
  QUInt8,
  QInt32,
  QUInt4x2,
  QUInt2x4,
  Bits8,
  Bits16,
  Bits1x8,
  Bits2x4,
  Bits4x2,
  F4,
  F6E2M3,
  F6E3M2,  // only in safetensors files: elements narrower than a byte
};

// What a safetensors file must do to hold the type.
enum class Packing : uint8_t {
  None,
  TrailingPair,  // a trailing dimension of 2: real and imaginary part
  DoubledLast,   // two values in each byte: the last dimension counts twice
};

struct DTypeInfo {
  DType dtype;
  std::string_view torch_name;     // as in `torch.float32`; empty if torch has no such dtype
  std::string_view storage_class;  // as in `torch.FloatStorage`; empty if there is none
  uint8_t bits;                    // of one element
  uint8_t swap_unit;  // bytes reversed together in a big-endian file; complex: one part
  bool is_complex;
  bool is_floating;              // sign is the top bit of each swap unit
  std::string_view safetensors;  // dtype in a safetensors header
  Packing packing;
};

std::span<const DTypeInfo> dtype_table();
const DTypeInfo& info(DType dtype);

// As torch calls it, or, where torch has no such dtype, as safetensors files do.
std::string_view dtype_name(DType dtype);

std::optional<DType> dtype_by_torch_name(std::string_view name);
std::optional<DType> dtype_by_storage_class(std::string_view name);

}  // namespace unbrine
