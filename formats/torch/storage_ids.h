// Persistent ids as torch writes them: ('storage', class, key, location, numel[, view]).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "formats/pickle/graph.h"

namespace unbrine {

// A part of a storage under a key of its own, in legacy streams only. In elements of the root.
struct StorageView {
  std::string key;
  uint64_t offset;
  uint64_t numel;
};

struct StorageId {
  NodeId node;                 // the PersistentId
  std::string key;             // in decimal where the file has a number, as in torch.package
  std::optional<DType> dtype;  // of the storage class; none: UntypedStorage
  uint64_t numel;              // elements of dtype, or bytes
  uint64_t bytes;              // numel x item size
  std::optional<StorageView> view;
};

// A storage id and where its bytes are: a row of the checkpoint's TensorTable.
struct PlacedStorage {
  StorageId id;
  uint32_t row;
};

// "torch.FloatStorage", for messages.
std::string storage_class_name(const StorageId& id);

// The storage ids of one pickle, in order of appearance; several may name one key. Ids of the kinds
// 'module' (a class with its source text, in legacy files) and 'reduce_package' (an object that a
// package would rebuild by a call) are inert and left out. Throws Corrupt for any other shape.
std::vector<StorageId> read_storage_ids(const Graph& graph, IndexRange persistent_ids);

// Item size of the storage class, in bytes.
uint64_t item_size(const StorageId& id);

}  // namespace unbrine
