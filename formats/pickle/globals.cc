#include "formats/pickle/globals.h"

#include <string>

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
    {"collections", "defaultdict", Meaning::DefaultDict},
    {"collections", "Counter", Meaning::Counter},
    {"collections", "deque", Meaning::Deque},
    {"builtins", "set", Meaning::Set},
    {"__builtin__", "set", Meaning::Set},
    {"builtins", "frozenset", Meaning::FrozenSet},
    {"__builtin__", "frozenset", Meaning::FrozenSet},
    {"torch", "Size", Meaning::Size},
    {"torch", "device", Meaning::Device},
    {"torch", "UntypedStorage", Meaning::UntypedStorage},
    {"torch", "_UntypedStorage", Meaning::UntypedStorage},
    {"torch.storage", "UntypedStorage", Meaning::UntypedStorage},
    {"torch.storage", "_UntypedStorage", Meaning::UntypedStorage},
    {"torch.storage", "_load_from_bytes", Meaning::LoadFromBytes},
    {"torch.serialization", "_get_layout", Meaning::GetLayout},
    {"torch._utils", "_rebuild_tensor", Meaning::RebuildTensor},
    {"torch._utils", "_rebuild_tensor_v2", Meaning::RebuildTensorV2},
    {"torch._utils", "_rebuild_tensor_v3", Meaning::RebuildTensorV3},
    {"torch._utils", "_rebuild_parameter", Meaning::RebuildParameter},
    {"torch._utils", "_rebuild_parameter_with_state", Meaning::RebuildParameterWithState},
    {"torch._utils", "_rebuild_qtensor", Meaning::RebuildQuantized},
    {"torch._utils", "_rebuild_sparse_tensor", Meaning::RebuildSparse},
    {"torch._utils", "_rebuild_sparse_csr_tensor", Meaning::RebuildSparse},
    {"torch._utils", "_rebuild_nested_tensor", Meaning::RebuildNested},
    {"torch.nested._internal.nested_tensor", "_rebuild_njt", Meaning::RebuildJagged},
    {"torch._utils", "_rebuild_meta_tensor_no_storage", Meaning::RebuildMeta},
    {"torch._utils", "_rebuild_device_tensor_from_numpy", Meaning::RebuildFromNumpy},
    {"torch._utils", "_rebuild_xla_tensor", Meaning::RebuildFromNumpy},
    {"torch._utils", "_rebuild_mlc_tensor", Meaning::RebuildFromNumpy},
    {"torch._utils", "_rebuild_ort_tensor", Meaning::RebuildFromNumpy},
    {"torch._utils", "_rebuild_device_tensor_from_cpu_tensor", Meaning::RebuildFromCpu},
    {"torch._tensor", "_rebuild_from_type", Meaning::RebuildFromType},
    {"torch._tensor", "_rebuild_from_type_v2", Meaning::RebuildFromType},
    {"torch.tensor", "_rebuild_from_type", Meaning::RebuildFromType},
    {"torch.tensor", "_rebuild_from_type_v2", Meaning::RebuildFromType},
    {"torch._utils", "_rebuild_wrapper_subclass", Meaning::RebuildWrapperSubclass},
    {"torch.nn.parameter", "UninitializedParameter", Meaning::UninitializedParameter},
    {"torch.nn.parameter", "UninitializedBuffer", Meaning::UninitializedParameter},
    {"torch.nn.parameter", "Parameter", Meaning::Parameter},
    {"torch.nn.parameter", "Buffer", Meaning::Parameter},
    {"torch.autograd.variable", "Variable", Meaning::Parameter},
    {"torch.jit._pickle", "build_intlist", Meaning::JitList},
    {"torch.jit._pickle", "build_tensorlist", Meaning::JitList},
    {"torch.jit._pickle", "build_doublelist", Meaning::JitList},
    {"torch.jit._pickle", "build_boollist", Meaning::JitList},
    {"torch.jit._pickle", "restore_type_tag", Meaning::JitTag},
    {"torch.jit._pickle", "build_tensor_from_id", Meaning::JitTensorId},
    {"numpy.core.multiarray", "_reconstruct", Meaning::NumpyReconstruct},
    {"numpy._core.multiarray", "_reconstruct", Meaning::NumpyReconstruct},
    {"numpy.ma.core", "_mareconstruct", Meaning::NumpyMaskedReconstruct},
    {"numpy.core.numeric", "_frombuffer", Meaning::NumpyFromBuffer},
    {"numpy._core.numeric", "_frombuffer", Meaning::NumpyFromBuffer},
    {"numpy.core.multiarray", "scalar", Meaning::NumpyScalar},
    {"numpy._core.multiarray", "scalar", Meaning::NumpyScalar},
    {"numpy", "dtype", Meaning::NumpyDType},
    {"joblib.numpy_pickle", "NumpyArrayWrapper", Meaning::JoblibArray},
    {"sklearn.externals.joblib.numpy_pickle", "NumpyArrayWrapper", Meaning::JoblibArray},
    {"_codecs", "encode", Meaning::Encode},
    {"builtins", "bytes", Meaning::Bytes},
    {"__builtin__", "bytes", Meaning::Bytes},
    {"builtins", "bytearray", Meaning::ByteArray},
    {"__builtin__", "bytearray", Meaning::ByteArray},
};

bool is_storage_module(std::string_view module) {
  return module == "torch" || module == "torch.cuda" || module == "torch.storage";
}

// "torch.FloatTensor": the class that goes with torch.FloatStorage.
bool is_tensor_class(std::string_view module, std::string_view name) {
  constexpr std::string_view kSuffix = "Tensor";
  if ((module != "torch" && module != "torch.cuda") || !name.ends_with(kSuffix)) return false;
  name.remove_suffix(kSuffix.size());
  return dtype_by_storage_class(std::string(name) + "Storage").has_value();
}

}  // namespace

Meaning meaning_of(std::string_view module, std::string_view name) {
  for (const GlobalRow& row : kGlobals)
    if (row.name == name && row.module == module) return row.meaning;
  if (is_storage_module(module) && dtype_by_storage_class(name)) return Meaning::StorageClass;
  if (is_tensor_class(module, name)) return Meaning::TensorClass;
  if (module == "torch" && dtype_by_torch_name(name)) return Meaning::DTypeName;
  return Meaning::Unknown;
}

}  // namespace unbrine
