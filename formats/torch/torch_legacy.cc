#include "formats/torch/torch_legacy.h"

#include <algorithm>
#include <map>

#include "formats/byte_reader.h"
#include "formats/error.h"
#include "formats/interpret.h"
#include "formats/pickle/decoder.h"
#include "formats/text.h"
#include "formats/torch/storage_ids.h"

namespace unbrine {
namespace {

using namespace std::string_view_literals;

constexpr std::string_view kMagicNumber = "119547037146038801333356";  // 0x1950A86A20F9469CFC6C
constexpr int64_t kProtocolVersion = 1001;

// LONG1 of 10 bytes, STOP.
constexpr std::string_view kMagicTail = "\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19."sv;
constexpr std::string_view kMagicText = "L119547037146038801333356L\n."sv;

// `head` begins with `text`, or is cut off inside it.
bool begins_with(std::string_view head, std::string_view text) {
  return head.starts_with(text) || (!head.empty() && text.starts_with(head));
}

bool begins_with_magic(std::string_view head) {
  if (begins_with(head, kMagicText)) return true;
  if (head.empty() || head[0] != '\x80') return false;
  if (head.size() == 1) return true;
  const char protocol = head[1];
  if (protocol == 2 || protocol == 3)
    return begins_with(head.substr(2), kMagicTail) || head.size() == 2;
  if (protocol != 4 && protocol != 5) return false;
  constexpr size_t kAfterFrame = 11;  // PROTO, FRAME and its 8-byte length
  if (head.size() <= kAfterFrame) return false;
  return head[2] == '\x95' && begins_with(head.substr(kAfterFrame), kMagicTail);
}

class TorchLegacyReader {
 public:
  TorchLegacyReader(const std::shared_ptr<const Source>& source, uint64_t offset,
                    Checkpoint& checkpoint)
      : checkpoint_(checkpoint), source_(source), position_(offset) {}

  SequenceItem read() {
    read_preamble();
    const DecodedPickle object = next_pickle("object");
    const NodeId keys = next_pickle("storage keys").root;
    read_storages(object, in_context("storage keys", [&] { return read_keys(keys); }));
    interpret(checkpoint_, object, place_views());
    return {object.root, position_};
  }

 private:
  struct Root {
    StorageId id;
    std::optional<uint32_t> row;  // once its bytes were found
    uint64_t offset = 0;
  };

  DecodedPickle next_pickle(const char* what) {
    return in_context(what, [&] {
      const DecodedPickle decoded =
          decode_pickle(source_, position_, checkpoint_.limits, checkpoint_.graph);
      position_ = decoded.end;
      return decoded;
    });
  }

  void read_preamble() {
    const Graph& graph = checkpoint_.graph;
    const NodeId magic = next_pickle("magic number").root;
    if (!graph.is(magic, NodeKind::BigInt) || graph.text(magic) != kMagicNumber)
      fail(ErrorCode::Corrupt, "magic number: is not ", kMagicNumber);
    const NodeId protocol = next_pickle("protocol version").root;
    if (!graph.is(protocol, NodeKind::Int) || graph.integer(protocol) != kProtocolVersion)
      fail(ErrorCode::Corrupt, "protocol version: is not ", kProtocolVersion);
    // Sizes of C types and a byte order that torch itself ignores: data is always little endian.
    if (!graph.is(next_pickle("system").root, NodeKind::Dict))
      fail(ErrorCode::Corrupt, "system: is no dict");
  }

  std::vector<std::string> read_keys(NodeId list) {
    const Graph& graph = checkpoint_.graph;
    if (!graph.is(list, NodeKind::List)) fail(ErrorCode::Corrupt, "is no list");
    std::vector<std::string> keys;
    for (const NodeId key : graph.items(list)) {
      const bool is_text = graph.is(key, NodeKind::String) || graph.is(key, NodeKind::ByteString);
      if (!is_text || (graph.is(key, NodeKind::ByteString) && graph.is_external(key)))
        fail(ErrorCode::Corrupt, "holds a key that is no string");
      keys.emplace_back(graph.text(key));
    }
    return keys;
  }

  void read_storages(const DecodedPickle& object, const std::vector<std::string>& keys) {
    ids_ = in_context("object",
                      [&] { return read_storage_ids(checkpoint_.graph, object.persistent_ids); });
    for (const StorageId& id : ids_)
      check_same_root(id, roots_.try_emplace(id.key, Root{id, {}}).first->second.id);
    for (const std::string& key : keys)
      in_context("storage " + quoted(key), [&] { read_storage(key); });
    for (const auto& [key, root] : roots_)
      if (!root.row) fail(ErrorCode::Corrupt, "storage ", quoted(key), ": is not in the key list");
  }

  // Every mention of a key must mean the same storage.
  static void check_same_root(const StorageId& id, const StorageId& first) {
    if (id.dtype != first.dtype || id.numel != first.numel)
      fail(ErrorCode::Corrupt, "storage ", quoted(id.key), ": is both ", storage_class_name(first),
           " of ", first.numel, " and ", storage_class_name(id), " of ", id.numel);
  }

  void read_storage(const std::string& key) {
    const auto found = roots_.find(key);
    if (found == roots_.end()) fail(ErrorCode::Corrupt, "is listed but no tensor names it");
    Root& root = found->second;
    if (root.row) fail(ErrorCode::Corrupt, "is listed twice");
    const std::vector<uint8_t> count_bytes = source_->read_all(position_, 8);
    const auto count = ByteReader(count_bytes).read<uint64_t>();
    if (count != root.id.numel)
      fail(ErrorCode::Corrupt, "byte ", position_, ": holds ", count, " elements, the object says ",
           root.id.numel);
    position_ += 8;
    if (root.id.bytes > source_->size() - position_)
      fail(ErrorCode::Corrupt, "byte ", position_, ": needs ", root.id.bytes, " bytes, has ",
           source_->size() - position_, " (truncated download?)");
    root.row = checkpoint_.tensors.add_storage(part_of_file(key, position_, root.id.bytes));
    root.offset = position_;
    position_ += root.id.bytes;
  }

  Storage part_of_file(const std::string& key, uint64_t offset, uint64_t size) const {
    Storage storage;
    storage.name = key;
    storage.source = source_;
    storage.offset = offset;
    storage.size = size;
    return storage;
  }

  std::vector<PlacedStorage> place_views() {
    std::vector<PlacedStorage> placed;
    for (const StorageId& id : ids_) {
      const Root& root = roots_.at(id.key);
      placed.push_back({id, id.view ? view_row(id, root) : *root.row});
    }
    return placed;
  }

  // A view is a storage of its own that covers part of its root.
  uint32_t view_row(const StorageId& id, const Root& root) {
    const StorageView& view = *id.view;
    if (view.offset > id.numel || view.numel > id.numel - view.offset)
      fail(ErrorCode::Corrupt, "object: storage view ", quoted(view.key), ": ", view.numel,
           " elements at ", view.offset, " of storage ", quoted(id.key), ", which has ", id.numel);
    const uint64_t size = item_size(id);
    return checkpoint_.tensors.add_storage(
        part_of_file(view.key, root.offset + view.offset * size, view.numel * size));
  }

  Checkpoint& checkpoint_;
  const std::shared_ptr<const Source>& source_;
  uint64_t position_;
  std::vector<StorageId> ids_;
  std::map<std::string, Root> roots_;
};

}  // namespace

bool begins_torch_legacy(ByteSpan head) { return begins_with_magic(as_text(head)); }

SequenceItem read_torch_legacy(const std::shared_ptr<const Source>& source, uint64_t offset,
                               Checkpoint& checkpoint) {
  return TorchLegacyReader(source, offset, checkpoint).read();
}

}  // namespace unbrine
