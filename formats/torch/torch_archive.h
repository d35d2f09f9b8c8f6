// What all archives of torch share: <prefix>/version, <prefix>/byteorder, pickles, and storages
// that are records of their own.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "formats/archive/archive.h"
#include "formats/checkpoint.h"
#include "formats/torch/storage_ids.h"

namespace unbrine {

// How the record of a storage is called before and after its key.
struct StorageNames {
  std::string_view folder;  // "data/"
  std::string_view suffix = "";
};

class TorchArchive {
 public:
  // Reads the version and the byte order. Throws Corrupt, or Unsupported for a version to come.
  TorchArchive(std::shared_ptr<const Archive> archive, const std::string& prefix,
               Checkpoint& checkpoint);

  Checkpoint& checkpoint() { return checkpoint_; }
  const std::vector<ArchiveEntry>& entries() const { return archive_->entries; }

  // "archive/data/0" of "data/0".
  std::string full_name(std::string_view record) const { return prefix_ + std::string(record); }
  const ArchiveEntry* find(std::string_view record) const;     // nullptr if absent
  const ArchiveEntry& require(std::string_view record) const;  // throws Corrupt if absent

  // All of a record, inflated if need be and checked against its CRC.
  std::shared_ptr<const Source> open(const ArchiveEntry& entry);
  // All of a record that has at most `longest` bytes.
  std::string text(const ArchiveEntry& entry, uint64_t longest);

  // The bytes of a record as a row of the checkpoint's table, added when first asked for.
  uint32_t storage_row(const ArchiveEntry& entry);

  // A record that is one pickle, its tensors made leaves: the node of its object. Throws Corrupt
  // for a storage whose record is absent, or of another size than the id says, or of two dtypes.
  NodeId read_pickle(const ArchiveEntry& entry, StorageNames names);

 private:
  void check_version();
  bool read_byte_order();
  std::vector<PlacedStorage> place(const std::vector<StorageId>& ids, StorageNames names);
  uint32_t row_of(const StorageId& id, StorageNames names);
  uint32_t add_storage(const ArchiveEntry& entry);

  Checkpoint& checkpoint_;
  std::shared_ptr<const Archive> archive_;
  std::string prefix_;  // with its slash
  bool big_endian_;
  std::unordered_map<const ArchiveEntry*, uint32_t> rows_;
  std::unordered_map<const ArchiveEntry*, std::optional<DType>> classes_;  // of their first ids
};

// `wanted`, or the first of wanted~1, wanted~2... if the node has a member of that name.
std::string free_name(const Graph& graph, NodeId node, const std::string& wanted);

}  // namespace unbrine
