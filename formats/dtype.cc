#include "formats/dtype.h"

#include <algorithm>

namespace unbrine {
namespace {

using enum Packing;

// In the order of the enum, so that a DType is its row's index.
constexpr DTypeInfo kDTypes[] = {
    // dtype, torch, storage class, bits, swap, complex, floating, safetensors, packing
    {DType::F64, "float64", "DoubleStorage", 64, 8, false, true, "F64", None},
    {DType::F32, "float32", "FloatStorage", 32, 4, false, true, "F32", None},
    {DType::F16, "float16", "HalfStorage", 16, 2, false, true, "F16", None},
    {DType::BF16, "bfloat16", "BFloat16Storage", 16, 2, false, true, "BF16", None},
    {DType::I64, "int64", "LongStorage", 64, 8, false, false, "I64", None},
    {DType::I32, "int32", "IntStorage", 32, 4, false, false, "I32", None},
    {DType::I16, "int16", "ShortStorage", 16, 2, false, false, "I16", None},
    {DType::I8, "int8", "CharStorage", 8, 1, false, false, "I8", None},
    {DType::U64, "uint64", "", 64, 8, false, false, "U64", None},
    {DType::U32, "uint32", "", 32, 4, false, false, "U32", None},
    {DType::U16, "uint16", "", 16, 2, false, false, "U16", None},
    {DType::U8, "uint8", "ByteStorage", 8, 1, false, false, "U8", None},
    {DType::Bool, "bool", "BoolStorage", 8, 1, false, false, "BOOL", None},
    {DType::C128, "complex128", "ComplexDoubleStorage", 128, 8, true, true, "F64", TrailingPair},
    {DType::C64, "complex64", "ComplexFloatStorage", 64, 4, true, true, "C64", None},
    {DType::C32, "complex32", "", 32, 2, true, true, "F16", TrailingPair},
    {DType::BC32, "bcomplex32", "", 32, 2, true, true, "BF16", TrailingPair},
    {DType::F8E5M2, "float8_e5m2", "", 8, 1, false, true, "F8_E5M2", None},
    {DType::F8E4M3FN, "float8_e4m3fn", "", 8, 1, false, true, "F8_E4M3", None},
    {DType::F8E5M2FNUZ, "float8_e5m2fnuz", "", 8, 1, false, true, "F8_E5M2FNUZ", None},
    {DType::F8E4M3FNUZ, "float8_e4m3fnuz", "", 8, 1, false, true, "F8_E4M3FNUZ", None},
    {DType::F8E8M0, "float8_e8m0fnu", "", 8, 1, false, true, "F8_E8M0", None},
    {DType::F4E2M1x2, "float4_e2m1fn_x2", "", 8, 1, false, false, "F4", DoubledLast},
    {DType::QInt8, "qint8", "QInt8Storage", 8, 1, false, false, "I8", None},
    {DType::QUInt8, "quint8", "QUInt8Storage", 8, 1, false, false, "U8", None},
    {DType::QInt32, "qint32", "QInt32Storage", 32, 4, false, false, "I32", None},
    {DType::QUInt4x2, "quint4x2", "QUInt4x2Storage", 8, 1, false, false, "U8", None},
    {DType::QUInt2x4, "quint2x4", "QUInt2x4Storage", 8, 1, false, false, "U8", None},
    {DType::Bits8, "bits8", "", 8, 1, false, false, "U8", None},
    {DType::Bits16, "bits16", "", 16, 2, false, false, "U16", None},
    {DType::Bits1x8, "bits1x8", "", 8, 1, false, false, "U8", None},
    {DType::Bits2x4, "bits2x4", "", 8, 1, false, false, "U8", None},
    {DType::Bits4x2, "bits4x2", "", 8, 1, false, false, "U8", None},
    {DType::F4, "", "", 4, 1, false, false, "F4", None},
    {DType::F6E2M3, "", "", 6, 1, false, false, "F6_E2M3", None},
    {DType::F6E3M2, "", "", 6, 1, false, false, "F6_E3M2", None},
};

constexpr bool rows_follow_the_enum() {
  for (size_t i = 0; i < std::size(kDTypes); ++i)
    if (kDTypes[i].dtype != static_cast<DType>(i)) return false;
  return kDTypes[std::size(kDTypes) - 1].dtype == DType::F6E3M2;
}
static_assert(rows_follow_the_enum());

std::optional<DType> find(std::string_view DTypeInfo::*column, std::string_view name) {
  if (name.empty()) return std::nullopt;
  const auto row = std::ranges::find(kDTypes, name, column);
  return row == std::end(kDTypes) ? std::nullopt : std::optional(row->dtype);
}

}  // namespace

std::span<const DTypeInfo> dtype_table() { return kDTypes; }

const DTypeInfo& info(DType dtype) { return kDTypes[static_cast<size_t>(dtype)]; }

std::string_view dtype_name(DType dtype) {
  const DTypeInfo& row = info(dtype);
  return row.torch_name.empty() ? row.safetensors : row.torch_name;
}

std::optional<DType> dtype_by_torch_name(std::string_view name) {
  return find(&DTypeInfo::torch_name, name);
}

std::optional<DType> dtype_by_storage_class(std::string_view name) {
  return find(&DTypeInfo::storage_class, name);
}

}  // namespace unbrine
