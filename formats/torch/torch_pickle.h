// The data.pkl of a .pt: a value graph as a pickle that torch.load(weights_only=True) takes, and
// the storages that it names.
#pragma once

#include <string>
#include <vector>

#include "formats/torch/torch_storages.h"

namespace unbrine {

struct TorchPickle {
  std::string bytes;
  TorchStorages storages;
  std::vector<std::string> notes;  // what became something else, one sentence each
};

// The object below Selection::root. Shared values and cycles survive; each value is written once.
// Throws Unsupported for a string beyond 4 GiB, and what reading bytes of a pickle throws.
TorchPickle pickle_object(const Selection& selection);

// A dict of name -> tensor. Names that the selection left to another one with the same view are in
// it, too: here that costs no bytes.
TorchPickle pickle_tensors(const Selection& selection);

}  // namespace unbrine
