// What torch.load(weights_only=True) of torch 2.13 looks up by name and a pickle may therefore hold
// as a value: dtypes, quantization schemes and a few classes. Functions that make tensors are
// allowed as well, but only where they are called. Source: torch/_weights_only_unpickler.py.
#pragma once

#include <string_view>

#include "formats/dtype.h"

namespace unbrine {

bool is_allowed_value(std::string_view module, std::string_view name);

// torch.float32 and the like, as torch 2.13 has them.
bool has_torch_dtype(DType dtype);

// "torch.strided", "torch.sparse_coo": what torch.serialization._get_layout takes.
bool is_torch_layout(std::string_view name);

}  // namespace unbrine
