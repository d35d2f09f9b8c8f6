// Decodes a small pickle and understands its calls; every storage id finds bytes of the size that
// it wants, all zero.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "formats/interpret.h"
#include "tests/support/error_of.h"
#include "tests/support/pickle_builder.h"

namespace unbrine {

inline Checkpoint interpreted(PickleBuilder pickle) {
  const auto source = std::make_shared<MemorySource>(pickle.stop().bytes());
  Checkpoint checkpoint(Limits{});
  const DecodedPickle decoded = decode_pickle(source, 0, Limits{}, checkpoint.graph);
  checkpoint.root = decoded.root;
  std::vector<PlacedStorage> placed;
  for (const StorageId& id : read_storage_ids(checkpoint.graph, decoded.persistent_ids)) {
    Storage storage;
    storage.name = id.key;
    storage.source = std::make_shared<MemorySource>(std::vector<uint8_t>(id.bytes));
    storage.size = id.bytes;
    placed.push_back({id, checkpoint.tensors.add_storage(storage)});
  }
  interpret(checkpoint, decoded, placed);
  return checkpoint;
}

inline Error interpret_refusal(const PickleBuilder& pickle) {
  return error_of([&] { interpreted(pickle); });
}

// A call of torch._utils.<name> with these arguments.
inline PickleBuilder torch_call(std::string_view name, const PickleBuilder& arguments,
                                std::string_view module = "torch._utils") {
  PickleBuilder pickle;
  return pickle.global(module, name).mark().raw(arguments).tuple().reduce();
}

}  // namespace unbrine
