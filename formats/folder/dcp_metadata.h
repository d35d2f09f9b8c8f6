// The file .metadata of a DCP checkpoint (torch.distributed.checkpoint): a pickled
//
//     Metadata{state_dict_metadata: {fqn: TensorStorageMetadata{properties, size,
//                                           chunks: [ChunkStorageMetadata{offsets, sizes}]}
//                                         or BytesStorageMetadata},
//              planner_data: {fqn: path},
//              storage_data: {MetadataIndex{fqn, offset}:
//                               _StorageInfo{relative_path, offset, length}}}
//
// Source: torch/distributed/checkpoint/metadata.py, filesystem.py.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "formats/checkpoint.h"
#include "formats/folder/state_tree.h"

namespace unbrine {

// A torch.save stream inside one of the .distcp files.
struct DcpSlice {
  std::string file;
  uint64_t offset = 0;
  uint64_t length = 0;
};

struct DcpChunk {
  std::vector<uint64_t> first;
  std::vector<uint64_t> sizes;
};

struct DcpItem {
  std::string name;            // fully qualified
  std::vector<PathPart> path;  // in the state dict
  bool is_tensor = false;      // else an object, and no more is said of it
  DType dtype = DType::F32;
  std::vector<uint64_t> shape;
  std::vector<DcpChunk> chunks;
};

struct DcpMetadata {
  std::vector<DcpItem> items;  // in the order of the file
  // By name and first element: of objects none.
  std::map<std::pair<std::string, std::vector<uint64_t>>, DcpSlice> slices;
};

// Throws Corrupt, naming what is missing or of the wrong type; Unsupported for slices that were
// compressed or encrypted; and what decode_pickle throws.
DcpMetadata read_dcp_metadata(const std::shared_ptr<const Source>& source, Checkpoint& checkpoint);

}  // namespace unbrine
