#include "formats/torch/allowed_names.h"

#include <algorithm>

namespace unbrine {
namespace {

struct Name {
  std::string_view module;
  std::string_view name;
};

constexpr Name kClasses[] = {
    {"collections", "OrderedDict"},
    {"collections", "Counter"},
    {"builtins", "set"},
    {"__builtin__", "set"},
    {"builtins", "bytearray"},
    {"__builtin__", "bytearray"},
    {"builtins", "complex"},
    {"__builtin__", "complex"},
    {"torch", "Size"},
    {"torch", "Tensor"},
    {"torch", "device"},
    {"torch.nn.parameter", "Parameter"},
};

constexpr std::string_view kTorchValues[] = {
    "per_tensor_affine",
    "per_tensor_symmetric",
    "per_channel_affine",
    "per_channel_symmetric",
    "per_channel_affine_float_qparams",
};

// Dtypes that only have a name: no tensor of theirs can be saved.
bool is_narrow_integer(std::string_view name) {
  const std::string_view bits = name.substr(name.starts_with("uint") ? 4 : 3);
  return (name.starts_with("int") || name.starts_with("uint")) && bits.size() == 1 &&
         bits[0] >= '1' && bits[0] <= '7';
}

constexpr std::string_view kLayouts[] = {
    "torch.strided",    "torch.sparse_coo", "torch.sparse_csr", "torch.sparse_csc",
    "torch.sparse_bsr", "torch.sparse_bsc", "torch._mkldnn",    "torch.jagged",
};

}  // namespace

bool has_torch_dtype(DType dtype) {
  return !info(dtype).torch_name.empty() && dtype != DType::BC32;
}

bool is_allowed_value(std::string_view module, std::string_view name) {
  if (std::ranges::any_of(
          kClasses, [&](const Name& row) { return row.module == module && row.name == name; }))
    return true;
  if (module != "torch") return false;
  const std::optional<DType> dtype = dtype_by_torch_name(name);
  return (dtype && has_torch_dtype(*dtype)) || is_narrow_integer(name) ||
         std::ranges::count(kTorchValues, name) != 0;
}

bool is_torch_layout(std::string_view name) { return std::ranges::count(kLayouts, name) != 0; }

}  // namespace unbrine
