#include "formats/torch/torch_tar.h"

#include <algorithm>
#include <charconv>
#include <map>

#include "formats/byte_reader.h"
#include "formats/checked.h"
#include "formats/error.h"
#include "formats/interpret.h"
#include "formats/pickle/decoder.h"
#include "formats/text.h"

namespace unbrine {
namespace {

// A member read from front to back: pickles, and numbers between them.
class MemberReader {
 public:
  MemberReader(const Archive& archive, std::string_view name, Checkpoint& checkpoint)
      : source_(archive.open(*archive.find(name), checkpoint.limits, checkpoint.inflated_bytes)),
        checkpoint_(checkpoint) {}

  const std::shared_ptr<const Source>& source() const { return source_; }
  uint64_t offset() const { return offset_; }
  uint64_t left() const { return source_->size() - offset_; }

  DecodedPickle pickle() {
    const DecodedPickle decoded =
        decode_pickle(source_, offset_, checkpoint_.limits, checkpoint_.graph);
    offset_ = decoded.end;
    return decoded;
  }

  // A pickle of plain values.
  NodeId value() {
    const uint64_t begin = offset_;
    const DecodedPickle decoded = pickle();
    if (decoded.persistent_ids.begin != decoded.persistent_ids.end)
      fail(ErrorCode::Corrupt, "byte ", begin, ": a persistent id where none belongs");
    return decoded.root;
  }

  std::vector<uint8_t> take(uint64_t count) {
    std::vector<uint8_t> bytes = source_->read_all(offset_, count);
    offset_ += count;
    return bytes;
  }

  void skip(uint64_t count) { offset_ += count; }

  void check_end() const {
    if (left() != 0)
      fail(ErrorCode::Corrupt, "byte ", offset_, ": ", left(), " bytes follow the last item");
  }

 private:
  std::shared_ptr<const Source> source_;
  Checkpoint& checkpoint_;
  uint64_t offset_ = 0;
};

class TorchTarReader {
 public:
  TorchTarReader(const Archive& archive, Checkpoint& checkpoint)
      : archive_(archive), checkpoint_(checkpoint), graph_(checkpoint.graph) {}

  Content read() {
    read_member("sys_info", &TorchTarReader::read_system);
    read_member("storages", &TorchTarReader::read_storages);
    read_member("tensors", &TorchTarReader::read_tensors);
    read_member("pickle", &TorchTarReader::read_object);
    return {root_, "torch-tar"};
  }

 private:
  using Key = int64_t;
  struct PlacedTarStorage {
    DType dtype;
    uint64_t numel;
    uint64_t offset;  // in the member `storages`
    uint32_t row;
  };

  void read_member(const char* name, void (TorchTarReader::*read_items)(MemberReader&)) {
    if (archive_.find(name) == nullptr) return;  // sys_info, which torch does not look at
    MemberReader member(archive_, name, checkpoint_);
    in_context(quoted(name), [&] {
      (this->*read_items)(member);
      member.check_end();
    });
  }

  void read_system(MemberReader& member) {
    if (!graph_.is(member.value(), NodeKind::Dict)) fail(ErrorCode::Corrupt, "is no dict");
  }

  // --- Storages ---

  void read_storages(MemberReader& member) {
    const uint64_t count = require_count(member.value(), "the number of storages");
    for (uint64_t i = 0; i < count; ++i)
      in_context("storage " + std::to_string(i), [&] { read_storage(member); });
    const NodeId views = member.value();
    if (!graph_.is(views, NodeKind::List)) fail(ErrorCode::Corrupt, "the views are no list");
    for (const NodeId view : graph_.items(views)) add_view(member, view);
  }

  void read_storage(MemberReader& member) {
    const std::vector<NodeId> parts = require_tuple(member.value(), 3);
    const Key key = require_key(parts[0]);
    const DType dtype = require_class(parts[2]);
    const std::vector<uint8_t> bytes = member.take(8);
    const auto numel = ByteReader(bytes).read<uint64_t>();
    uint64_t size = 0;
    if (!checked_multiply(numel, info(dtype).bits / 8, size) || size > member.left())
      fail(ErrorCode::Corrupt, "byte ", member.offset(), ": needs ", numel, " elements of ",
           info(dtype).torch_name, ", has ", member.left(), " bytes (truncated download?)");
    add_storage(member, key, {dtype, numel, member.offset(), 0});
    member.skip(size);
  }

  // (view key, root key, offset, elements): part of a storage as a storage of its own.
  void add_view(const MemberReader& member, NodeId node) {
    const std::vector<NodeId> parts = require_tuple(node, 4);
    const PlacedTarStorage root = require_storage(require_key(parts[1]));
    const uint64_t offset = require_count(parts[2], "the offset of a view");
    const uint64_t numel = require_count(parts[3], "the size of a view");
    if (offset > root.numel || numel > root.numel - offset)
      fail(ErrorCode::Corrupt, "a view of ", numel, " elements at ", offset,
           " of a storage that has ", root.numel);
    add_storage(member, require_key(parts[0]),
                {root.dtype, numel, root.offset + offset * (info(root.dtype).bits / 8), 0});
  }

  void add_storage(const MemberReader& member, Key key, PlacedTarStorage placed) {
    Storage storage;
    storage.name = std::to_string(key);
    storage.source = member.source();
    storage.offset = placed.offset;
    storage.size = placed.numel * (info(placed.dtype).bits / 8);
    placed.row = checkpoint_.tensors.add_storage(std::move(storage));
    if (!storages_.emplace(key, placed).second)
      fail(ErrorCode::Corrupt, "key ", key, " is there twice");
  }

  // --- Tensors ---

  void read_tensors(MemberReader& member) {
    const uint64_t count = require_count(member.value(), "the number of tensors");
    for (uint64_t i = 0; i < count; ++i)
      in_context("tensor " + std::to_string(i), [&] { read_tensor(member); });
  }

  void read_tensor(MemberReader& member) {
    const std::vector<NodeId> parts = require_tuple(member.value(), 3);
    const Key key = require_key(parts[0]);
    const PlacedTarStorage& storage = require_storage(require_key(parts[1]));
    if (!graph_.is(parts[2], NodeKind::Global)) fail(ErrorCode::Corrupt, "its class is no global");
    Tensor tensor = read_geometry(member);
    tensor.dtype = storage.dtype;
    tensor.storage = storage.row;
    const uint32_t row = checkpoint_.tensors.add(std::move(tensor));
    if (storages_.contains(key) || !tensors_.emplace(key, row).second)
      fail(ErrorCode::Corrupt, "key ", key, " is there twice");
  }

  Tensor read_geometry(MemberReader& member) const {
    const std::vector<uint8_t> head = member.take(8);
    const auto rank = ByteReader(head).read<int32_t>();  // its upper half is not looked at
    if (rank < 0) fail(ErrorCode::Corrupt, rank, " dimensions");
    check_limit("dimensions:", static_cast<uint64_t>(rank), "max_rank",
                checkpoint_.limits.max_rank);
    const std::vector<uint8_t> bytes = member.take((2 * static_cast<uint64_t>(rank) + 1) * 8);
    ByteReader reader(bytes);
    Tensor tensor;
    for (int32_t i = 0; i < rank; ++i) tensor.shape.push_back(read_size(reader, "size"));
    for (int32_t i = 0; i < rank; ++i) tensor.stride.push_back(read_size(reader, "stride"));
    tensor.offset = read_size(reader, "offset");
    return tensor;
  }

  static uint64_t read_size(ByteReader& reader, const char* what) {
    const auto size = reader.read<int64_t>();
    if (size < 0) fail(ErrorCode::Corrupt, "a ", what, " of ", size);
    return static_cast<uint64_t>(size);
  }

  // --- The object ---

  void read_object(MemberReader& member) {
    const DecodedPickle object = member.pickle();
    const auto& ids = graph_.persistent_ids();
    for (size_t i = object.persistent_ids.begin; i < object.persistent_ids.end; ++i)
      resolve(ids[i]);
    interpret(checkpoint_, object, {});
    root_ = object.root;
  }

  void resolve(NodeId node) {
    const NodeId value = graph_.persistent_id(node);
    if (graph_.is(value, NodeKind::Tuple)) return check_class(value);
    const Key key = parse_key(value);
    if (const auto tensor = tensors_.find(key); tensor != tensors_.end())
      return graph_.become_leaf(node, tensor->second);
    const PlacedTarStorage& storage = require_storage(key);
    graph_.become_storage(node, storage.row, storage.dtype);
  }

  // (class, source file, source text) stands for the class; nothing of it is looked at.
  void check_class(NodeId value) const {
    if (!graph_.is(require_tuple(value, 3)[0], NodeKind::Global))
      fail(ErrorCode::Corrupt, "a persistent id of three items, of which the first is no class");
  }

  Key parse_key(NodeId node) const {
    const std::string_view text = is_text(node) ? graph_.text(node) : std::string_view();
    Key key = 0;
    const char* const end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, key);
    if (error != std::errc() || stop != end || std::to_string(key) != text)
      fail(ErrorCode::Corrupt, "a persistent id that is no decimal number: ", quoted(text));
    return key;
  }

  bool is_text(NodeId node) const {
    return graph_.is(node, NodeKind::String) || graph_.is(node, NodeKind::ByteString);
  }

  // --- What items must be ---

  std::vector<NodeId> require_tuple(NodeId node, size_t size) const {
    if (!graph_.is(node, NodeKind::Tuple)) fail(ErrorCode::Corrupt, "an item is no tuple");
    std::vector<NodeId> parts = graph_.items(node).to_vector();
    if (parts.size() != size)
      fail(ErrorCode::Corrupt, "a tuple of ", parts.size(), " items, not ", size);
    return parts;
  }

  Key require_key(NodeId node) const {
    if (!graph_.is(node, NodeKind::Int)) fail(ErrorCode::Corrupt, "a key is no integer");
    return graph_.integer(node);
  }

  uint64_t require_count(NodeId node, const char* what) const {
    if (!graph_.is(node, NodeKind::Int) || graph_.integer(node) < 0)
      fail(ErrorCode::Corrupt, what, " is no count");
    return static_cast<uint64_t>(graph_.integer(node));
  }

  DType require_class(NodeId node) const {
    if (!graph_.is(node, NodeKind::Global)) fail(ErrorCode::Corrupt, "its class is no global");
    const Global& global = graph_.global(node);
    if (global.meaning != Meaning::StorageClass)
      fail(ErrorCode::Unsupported, "storage class ", quoted(global.module), " ",
           quoted(global.name), " is not known");
    return *dtype_by_storage_class(global.name);
  }

  const PlacedTarStorage& require_storage(Key key) const {
    const auto found = storages_.find(key);
    if (found == storages_.end()) fail(ErrorCode::Corrupt, "nothing has the key ", key);
    return found->second;
  }

  const Archive& archive_;
  Checkpoint& checkpoint_;
  Graph& graph_;
  NodeId root_ = kNoNode;
  std::map<Key, PlacedTarStorage> storages_;
  std::map<Key, uint32_t> tensors_;  // rows of the table
};

}  // namespace

bool is_torch_tar(const Archive& archive) {
  constexpr std::string_view kMembers[] = {"storages", "tensors", "pickle"};
  return std::ranges::all_of(kMembers,
                             [&](std::string_view name) { return archive.find(name) != nullptr; });
}

Content read_torch_tar(const Archive& archive, Checkpoint& checkpoint) {
  return TorchTarReader(archive, checkpoint).read();
}

}  // namespace unbrine
