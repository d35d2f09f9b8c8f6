#include "formats/safetensors/safetensors_reader.h"

#include "formats/byte_reader.h"
#include "formats/error.h"
#include "formats/safetensors/safetensors_format.h"
#include "formats/safetensors/safetensors_header.h"
#include "formats/text.h"

namespace unbrine {
namespace {

uint32_t add_row(const Probe& probe, TensorTable& table, uint64_t data_offset,
                 SafetensorsEntry& entry) {
  Tensor tensor;
  tensor.dtype = entry.dtype;
  Storage storage;
  storage.name = entry.name;
  storage.source = probe.source;
  storage.offset = data_offset + entry.begin;
  storage.size = entry.end - entry.begin;
  tensor.storage = table.add_storage(std::move(storage));
  tensor.stride = contiguous_stride(entry.shape);
  tensor.shape = std::move(entry.shape);
  return table.add(std::move(tensor));
}

void add_tensor(const Probe& probe, Checkpoint& checkpoint, NodeId root, uint64_t data_offset,
                SafetensorsEntry& entry) {
  try {
    const uint32_t row = add_row(probe, checkpoint.tensors, data_offset, entry);
    checkpoint.graph.set(root, entry.name, checkpoint.graph.add_tensor(row));
  } catch (const Error& error) {
    fail(error.code(), "tensor ", quoted(entry.name), ": ", error.what());
  }
}

}  // namespace

// A plausible length and then '{'. Beyond plausible, a length of which no text and no pickle is
// made still counts, so that the file is called a broken safetensors file and not an unknown one.
bool looks_like_safetensors(const Probe& probe) {
  if (probe.head.size() <= kSafetensorsLengthBytes || probe.head[kSafetensorsLengthBytes] != '{')
    return false;
  const uint64_t length = ByteReader(probe.head).read<uint64_t>();
  const bool fits = length <= probe.source->size() - kSafetensorsLengthBytes;
  const bool foreign_to_text = length >> 63 != 0;
  const bool may_be_pickle = probe.head[0] == 0x80;
  return fits || length <= probe.limits.max_header_bytes || (foreign_to_text && !may_be_pickle);
}

Content read_safetensors(const Probe& probe, Checkpoint& checkpoint) {
  SafetensorsHeader header = read_safetensors_header(probe.source, probe.limits);
  checkpoint.metadata.merge(header.metadata);
  const NodeId root = checkpoint.graph.add_container(NodeKind::Dict);
  for (SafetensorsEntry& entry : header.tensors)
    add_tensor(probe, checkpoint, root, header.data_offset, entry);
  return {root, "safetensors"};
}

}  // namespace unbrine
