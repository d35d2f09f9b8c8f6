#include "formats/numpy/npz.h"

#include "formats/error.h"
#include "formats/numpy/npy.h"
#include "formats/text.h"

namespace unbrine {
namespace {

constexpr std::string_view kSuffix = ".npy";

class NpzReader {
 public:
  NpzReader(std::shared_ptr<const Archive> archive, Checkpoint& checkpoint)
      : archive_(std::move(archive)), checkpoint_(checkpoint) {}

  NodeId read(std::string_view prefix) {
    Graph& graph = checkpoint_.graph;
    const NodeId dict = graph.add_container(NodeKind::Dict);
    for (const ArchiveEntry& entry : archive_->entries) {
      if (!entry.name.starts_with(prefix) || entry.name.ends_with('/')) continue;
      const NodeId array = in_context(quoted(entry.name), [&] { return add(entry); });
      graph.set(dict, key_of(entry, prefix), array);
    }
    note_other_arrays(others_, checkpoint_);
    return dict;
  }

 private:
  static std::string_view key_of(const ArchiveEntry& entry, std::string_view prefix) {
    std::string_view key = std::string_view(entry.name).substr(prefix.size());
    key.remove_suffix(kSuffix.size());
    return key;
  }

  NodeId add(const ArchiveEntry& entry) {
    if (!entry.name.ends_with(kSuffix)) fail(ErrorCode::Corrupt, "is no .npy, as the others are");
    NpyBytes bytes = entry.deflated ? opened(entry) : in_place(entry);
    const NpyHeader header = read_npy_header(bytes.range, checkpoint_.limits);
    // The copy checks what becomes a tensor; the rest must be read for it now.
    if (!header.dtype.type && !entry.deflated) bytes = opened(entry);
    const AddedNpy array = add_npy(bytes, header, checkpoint_, others_);
    if (array.size != bytes.range.size)
      fail(ErrorCode::Corrupt, bytes.range.size - array.size, " bytes follow the array");
    return array.node;
  }

  NpyBytes opened(const ArchiveEntry& entry) {
    const auto source = archive_->open(entry, checkpoint_.limits, checkpoint_.inflated_bytes);
    return {{source, 0, source->size()}, entry.name};
  }

  NpyBytes in_place(const ArchiveEntry& entry) const {
    NpyBytes bytes{{archive_->source, entry.offset, entry.size}, entry.name};
    if (archive_->has_crc) bytes.crc32 = entry.crc32;
    return bytes;
  }

  std::shared_ptr<const Archive> archive_;
  Checkpoint& checkpoint_;
  OtherArrays others_;
};

}  // namespace

Content read_npz(const Probe&, const std::shared_ptr<const Archive>& archive,
                 const std::string& prefix, Checkpoint& checkpoint) {
  return {NpzReader(archive, checkpoint).read(prefix), "npz"};
}

}  // namespace unbrine
