#include "formats/pickle/globals.h"

namespace unbrine {
namespace {

struct GlobalRow {
  std::string_view module;
  std::string_view name;
  Meaning meaning;
};

// One row for each name that has code behind it here. The many classes of storages and the dtypes
// are rows of the dtype table instead.
constexpr GlobalRow kGlobals[] = {
    {"collections", "OrderedDict", Meaning::OrderedDict},
    {"torch", "Size", Meaning::Size},
    {"torch", "device", Meaning::Device},
    {"torch", "UntypedStorage", Meaning::UntypedStorage},
    {"torch", "_UntypedStorage", Meaning::UntypedStorage},
    {"torch.storage", "UntypedStorage", Meaning::UntypedStorage},
    {"torch.storage", "_UntypedStorage", Meaning::UntypedStorage},
    {"torch._utils", "_rebuild_tensor", Meaning::RebuildTensor},
    {"torch._utils", "_rebuild_tensor_v2", Meaning::RebuildTensorV2},
    {"torch._utils", "_rebuild_tensor_v3", Meaning::RebuildTensorV3},
    {"torch._utils", "_rebuild_parameter", Meaning::RebuildParameter},
    {"torch._utils", "_rebuild_parameter_with_state", Meaning::RebuildParameterWithState},
    {"torch.nn.parameter", "Parameter", Meaning::Parameter},
    {"torch.nn.parameter", "Buffer", Meaning::Parameter},
    {"torch.autograd.variable", "Variable", Meaning::Parameter},
    {"numpy.core.multiarray", "_reconstruct", Meaning::NumpyReconstruct},
    {"numpy._core.multiarray", "_reconstruct", Meaning::NumpyReconstruct},
    {"numpy.core.numeric", "_frombuffer", Meaning::NumpyFromBuffer},
    {"numpy._core.numeric", "_frombuffer", Meaning::NumpyFromBuffer},
    {"numpy", "dtype", Meaning::NumpyDType},
    {"_codecs", "encode", Meaning::Encode},
    {"builtins", "bytes", Meaning::Bytes},
    {"__builtin__", "bytes", Meaning::Bytes},
};

bool is_storage_module(std::string_view module) {
  return module == "torch" || module == "torch.cuda" || module == "torch.storage";
}

}  // namespace

Meaning meaning_of(std::string_view module, std::string_view name) {
  for (const GlobalRow& row : kGlobals)
    if (row.name == name && row.module == module) return row.meaning;
  if (is_storage_module(module) && dtype_by_storage_class(name)) return Meaning::StorageClass;
  if (module == "torch" && dtype_by_torch_name(name)) return Meaning::DTypeName;
  return Meaning::Unknown;
}

}  // namespace unbrine
