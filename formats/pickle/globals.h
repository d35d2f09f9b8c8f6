// The names that unbrine interprets, and what each means. Everything else is an inert record.
#pragma once

#include <string_view>

#include "formats/dtype.h"

namespace unbrine {

enum class Meaning : uint8_t {
  Unknown,
  // containers of the standard library
  OrderedDict,
  // torch tensors: a call of one makes a tensor
  RebuildTensor,
  RebuildTensorV2,
  RebuildTensorV3,
  RebuildParameter,
  RebuildParameterWithState,
  Parameter,  // class: by NEWOBJ or REDUCE, with or without BUILD
  // torch values
  StorageClass,    // torch.FloatStorage...: dtype_by_storage_class(name)
  UntypedStorage,  // bytes
  Size,
  DTypeName,  // torch.float32: dtype_by_torch_name(name)
  Device,
  // numpy arrays
  NumpyReconstruct,  // an empty array, filled by BUILD
  NumpyFromBuffer,   // protocol 5
  NumpyDType,
  // how bytes are written by protocols that have none
  Encode,  // _codecs.encode
  Bytes,   // bytes()
};

// The meaning of module.name, matched exactly, as bytes.
Meaning meaning_of(std::string_view module, std::string_view name);

}  // namespace unbrine
