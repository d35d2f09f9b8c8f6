#include "formats/numpy/npy.h"

#include <zlib.h>

#include <algorithm>

#include "formats/error.h"
#include "formats/interpret.h"
#include "formats/numpy/numpy_array.h"

namespace unbrine {
namespace {

// Where the array's bytes lie. Throws Corrupt if the file ends before them.
ByteRange data_of(const NpyBytes& bytes, const NpyHeader& header) {
  const uint64_t needed = array_bytes(header.shape, *header.dtype.item_size);
  const uint64_t left = bytes.range.size - header.size;
  if (needed > left)
    fail(ErrorCode::Corrupt, "its shape and dtype need ", needed, " bytes of data, ", left,
         " are left");
  return {bytes.range.source, bytes.range.offset + header.size, needed};
}

// The CRC-32 of header and data together tells that of the data, without reading it.
uint32_t crc_of_data(uint32_t crc_of_all, const NpyHeader& header, uint64_t data_size) {
  const auto of_header = crc32_combine(header.crc32, 0, static_cast<z_off_t>(data_size));
  return crc_of_all ^ static_cast<uint32_t>(of_header);
}

AddedNpy add_tensor(const NpyBytes& bytes, const NpyHeader& header, Checkpoint& checkpoint) {
  NumpyArray array{
      .type = *header.dtype.type,
      .shape = header.shape,
      .fortran = header.fortran_order,
      .bytes = data_of(bytes, header),
      .name = bytes.name,
  };
  const uint64_t size = header.size + array.bytes.size;
  if (bytes.crc32 && size == bytes.range.size)
    array.crc32 = crc_of_data(*bytes.crc32, header, array.bytes.size);
  return {checkpoint.graph.add_tensor(add_array(checkpoint.tensors, array)), size};
}

// The whole array is pickled, not only its values.
AddedNpy add_objects(const NpyBytes& bytes, const NpyHeader& header, Checkpoint& checkpoint) {
  const auto file =
      std::make_shared<SliceSource>(bytes.range.source, bytes.range.offset, bytes.range.size);
  const DecodedPickle decoded =
      decode_pickle(file, header.size, checkpoint.limits, checkpoint.graph);
  if (decoded.persistent_ids.begin != decoded.persistent_ids.end)
    fail(ErrorCode::Corrupt, "a persistent id, with nothing that it could name");
  interpret(checkpoint, decoded, {});
  return {decoded.root, decoded.end};
}

NodeId tuple_of(Graph& graph, const std::vector<uint64_t>& numbers) {
  std::vector<NodeId> items;
  for (const uint64_t number : numbers)
    items.push_back(graph.add_int(static_cast<int64_t>(number)));
  return items.empty() ? graph.add_empty_tuple() : graph.add_tuple(items.data(), items.size());
}

// What is no tensor is kept as the header says it, with its bytes.
AddedNpy add_record(const NpyBytes& bytes, const NpyHeader& header, Checkpoint& checkpoint) {
  const ByteRange data = data_of(bytes, header);
  Graph& graph = checkpoint.graph;
  const uint32_t source = graph.add_source(data.source);
  const NodeId record = graph.add_container(NodeKind::Dict);
  graph.set(record, "descr", graph.add_text(NodeKind::String, as_bytes(header.descr)));
  graph.set(record, "fortran_order", graph.add_bool(header.fortran_order));
  graph.set(record, "shape", tuple_of(graph, header.shape));
  graph.set(record, "data", graph.add_external(NodeKind::Bytes, source, data.offset, data.size));
  return {record, header.size + data.size};
}

class NpyReader {
 public:
  NpyReader(const Probe& probe, Checkpoint& checkpoint) : probe_(probe), checkpoint_(checkpoint) {}

  NodeId read() {
    do add_next();
    while (another_follows());
    note_other_arrays(others_, checkpoint_);
    return arrays_.size() == 1 ? arrays_[0] : dict_of_arrays();
  }

 private:
  void add_next() {
    in_context("array at byte " + std::to_string(position_), [&] {
      const NpyBytes bytes{{probe_.source, position_, probe_.source->size() - position_},
                           "array at byte " + std::to_string(position_)};
      const NpyHeader header = read_npy_header(bytes.range, probe_.limits);
      const AddedNpy array = add_npy(bytes, header, checkpoint_, others_);
      arrays_.push_back(array.node);
      position_ += array.size;
    });
  }

  bool another_follows() const {
    const uint64_t rest = probe_.source->size() - position_;
    if (rest == 0) return false;
    if (begins_npy(probe_.source->read_all(position_, std::min<uint64_t>(rest, 8)))) return true;
    fail(ErrorCode::Corrupt, "byte ", position_, ": ", rest,
         " bytes follow the array and are none themselves");
  }

  NodeId dict_of_arrays() {
    const NodeId dict = checkpoint_.graph.add_container(NodeKind::Dict);
    for (size_t i = 0; i < arrays_.size(); ++i)
      checkpoint_.graph.set(dict, "#" + std::to_string(i + 1), arrays_[i]);
    return dict;
  }

  const Probe& probe_;
  Checkpoint& checkpoint_;
  uint64_t position_ = 0;
  std::vector<NodeId> arrays_;
  OtherArrays others_;
};

}  // namespace

bool looks_like_npy(const Probe& probe) { return begins_npy(probe.head); }

Content read_npy(const Probe& probe, Checkpoint& checkpoint) {
  return {NpyReader(probe, checkpoint).read(), "npy"};
}

AddedNpy add_npy(const NpyBytes& bytes, const NpyHeader& header, Checkpoint& checkpoint,
                 OtherArrays& others) {
  if (header.dtype.has_objects) return add_objects(bytes, header, checkpoint);
  if (header.dtype.type) return add_tensor(bytes, header, checkpoint);
  ++others[header.dtype.description];
  return add_record(bytes, header, checkpoint);
}

}  // namespace unbrine
