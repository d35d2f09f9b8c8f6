// The names that unbrine interprets, and what each means. Everything else is an inert record.
#pragma once

#include <string_view>

#include "formats/dtype.h"

namespace unbrine {

enum class Meaning : uint8_t {
  Unknown,
  // containers of the standard library
  OrderedDict,
  DefaultDict,  // (factory) and SETITEMS
  Counter,      // (dict)
  Deque,        // (list[, maxlen])
  Set,          // set([...]), as protocols below 4 write it
  FrozenSet,
  // torch tensors: a call of one makes a tensor
  RebuildTensor,
  RebuildTensorV2,
  RebuildTensorV3,
  RebuildParameter,
  RebuildParameterWithState,
  Parameter,    // class: by NEWOBJ or REDUCE, with or without BUILD
  TensorClass,  // torch.FloatTensor: NEWOBJ and BUILD (storage, offset, size, stride)
  RebuildQuantized,
  RebuildSparse,
  RebuildNested,
  RebuildJagged,  // torch.nested's tensor of layout jagged
  RebuildMeta,
  RebuildFromNumpy,  // _rebuild_device_tensor_from_numpy, _rebuild_xla_tensor
  RebuildFromCpu,
  RebuildFromType,  // (func, cls, args, state): func(*args), with attributes
  RebuildWrapperSubclass,
  UninitializedParameter,  // lazy: no data yet
  // torch values
  StorageClass,    // torch.FloatStorage...: dtype_by_storage_class(name)
  UntypedStorage,  // bytes
  LoadFromBytes,   // (bytes): a whole torch stream
  Size,
  DTypeName,  // torch.float32: dtype_by_torch_name(name)
  Device,
  GetLayout,  // ('torch.sparse_coo')
  // TorchScript
  JitList,      // build_intlist and the like: (list)
  JitTag,       // restore_type_tag: (value, type)
  JitTensorId,  // build_tensor_from_id: (number)
  // numpy arrays
  NumpyReconstruct,        // an empty array, filled by BUILD
  NumpyMaskedReconstruct,  // an empty masked array
  NumpyFromBuffer,         // protocol 5
  NumpyScalar,
  NumpyDType,
  JoblibArray,  // NumpyArrayWrapper: raw bytes follow its BUILD
  // how bytes are written by protocols that have none
  Encode,  // _codecs.encode
  Bytes,   // bytes()
  ByteArray,
};

// The meaning of module.name, matched exactly, as bytes.
Meaning meaning_of(std::string_view module, std::string_view name);

}  // namespace unbrine
