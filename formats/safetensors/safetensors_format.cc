#include "formats/safetensors/safetensors_format.h"

#include <algorithm>

namespace unbrine {
namespace {

// As the reference sorts them, which is not by width.
constexpr std::string_view kDataOrder[] = {
    "U64", "I64", "F64",     "C64",         "F32",         "U32",     "I32",     "BF16",
    "F16", "U16", "I16",     "F8_E5M2FNUZ", "F8_E4M3FNUZ", "F8_E8M0", "F8_E4M3", "F8_E5M2",
    "I8",  "U8",  "F6_E3M2", "F6_E2M3",     "F4",          "BOOL",
};

}  // namespace

std::optional<DType> dtype_by_safetensors_name(std::string_view name) {
  // The first row of a name is the plain one: I8 before qint8. Rows that need packing are not
  // what the file says, but what torch made it from.
  const auto row = std::ranges::find_if(dtype_table(), [&](const DTypeInfo& candidate) {
    return candidate.safetensors == name && candidate.packing == Packing::None;
  });
  return row == dtype_table().end() ? std::nullopt : std::optional(row->dtype);
}

size_t safetensors_data_order(DType dtype) {
  const auto place = std::ranges::find(kDataOrder, info(dtype).safetensors);
  return static_cast<size_t>(place - std::begin(kDataOrder));
}

}  // namespace unbrine
