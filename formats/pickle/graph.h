// What a pickle says, without doing it: values in one arena, addressed by 32-bit index.
//
// The pickle {"w": [1, 1]} decodes to (node ids on the left):
//     5  Dict    6 -> 7
//     6  String  "w"
//     7  List    8 8
//     8  Int     1
// A GET never copies, so a value that the file mentions twice is one node with two parents, and
// cycles are ordinary. A call is a record of its callee, arguments and later state; none is made.
//
// Sequences that grow (a list, a dict, what is appended to an object) are chains of chunks; each
// chunk is a slice of one flat array of node ids.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "formats/bytes.h"
#include "formats/pickle/globals.h"
#include "formats/pod_arena.h"
#include "formats/source.h"

namespace unbrine {

using NodeId = uint32_t;
inline constexpr NodeId kNoNode = UINT32_MAX;

enum class NodeKind : uint8_t {
  None,
  Bool,
  Int,     // fits 64 bits
  BigInt,  // decimal text
  Float,
  String,      // str: UTF-8 as in the file, lone surrogates as Python writes them
  ByteString,  // Python 2 str: text or data, the file does not say
  Bytes,
  ByteArray,
  Tuple,
  List,
  Dict,  // children are key, value, key, value...
  Set,
  FrozenSet,
  Global,        // module.name, never looked up
  Call,          // never made
  PersistentId,  // child: the id
  Storage,       // a PersistentId that names one: storage_row()
  Tensor,        // a Call that was understood: index() is its row of the TensorTable
  Composite,     // a Call that was understood as a tensor kept in several: composite()
  Stream,        // bytes, or a Call over bytes, that hold a checkpoint of their own: stream()
  Alias,         // a Call whose result is one of its arguments
};

std::string_view kind_name(NodeKind kind);  // "List", for messages

// How an opcode asked for a call.
enum class CallKind : uint8_t { Reduce, NewObj, NewObjEx, Obj, Inst };

// A chain of chunks in the graph's item array. Empty: first == kNoNode.
struct Chain {
  uint32_t first = kNoNode;
  uint32_t last = kNoNode;
};

struct Call {
  CallKind kind;
  NodeId callee;            // usually a Global
  NodeId args;              // usually a Tuple
  NodeId kwargs = kNoNode;  // NEWOBJ_EX only
  Chain states;             // one per BUILD
  Chain items;              // key, value, ... by SETITEM(S)
  Chain values;             // by APPEND(S), ADDITEMS
  uint64_t offset;          // of the opcode, in the pickle's source
};

struct Global {
  std::string_view module;
  std::string_view name;
  Meaning meaning;  // Unknown unless the name stands in kGlobals[]
  uint64_t offset;  // of the opcode
};

// A mutation of something that only running code could mutate: SETITEM on a Global, BUILD on a
// persistent id. Kept for the scanner; it has no effect on any value here.
struct StrayEdit {
  NodeId target;
  NodeId value;
  uint64_t offset;
};

// A tensor that safetensors cannot hold as one (quantized, sparse, nested), or that has no data.
struct CompositePart {
  std::string_view role;  // "indices"; "" for the part that bears the tensor's own name
  NodeId tensor;          // a Tensor
};
struct Composite {
  std::string_view layout;     // "quantized", "sparse_coo", "meta"...
  std::optional<DType> dtype;  // of the whole, if it is known
  std::vector<uint64_t> shape;
  std::vector<CompositePart> parts;  // none: there is no data
};

// What bytes that hold a checkpoint of their own were read as.
struct Stream {
  NodeId root;
  std::string format;  // as in kCheckpointFormats[]
};

// Some of the calls, or of the persistent ids, of a graph: positions in their lists.
struct IndexRange {
  size_t begin = 0;
  size_t end = 0;
};

class Graph;

// Node ids of a chain or of a tuple, in order.
class Items {
 public:
  class Iterator {
   public:
    using value_type = NodeId;
    using difference_type = ptrdiff_t;
    Iterator() = default;
    NodeId operator*() const;
    Iterator& operator++();
    Iterator operator++(int) {
      Iterator before = *this;
      ++*this;
      return before;
    }
    bool operator==(const Iterator& other) const {
      return at_ == other.at_ && left_ == other.left_ && next_chunk_ == other.next_chunk_;
    }

   private:
    friend class Graph;
    Iterator(const Graph* graph, uint32_t at, uint32_t left, uint32_t next_chunk)
        : graph_(graph), at_(at), left_(left), next_chunk_(next_chunk) {
      skip_empty();
    }
    void skip_empty();
    const Graph* graph_ = nullptr;
    uint32_t at_ = 0;
    uint32_t left_ = 0;
    uint32_t next_chunk_ = kNoNode;
  };

  Iterator begin() const { return begin_; }
  Iterator end() const { return {}; }
  bool empty() const { return begin_ == Iterator{}; }
  std::vector<NodeId> to_vector() const { return {begin(), end()}; }

 private:
  friend class Graph;
  explicit Items(Iterator begin) : begin_(begin) {}
  Iterator begin_;
};

class Graph {
 public:
  Graph();
  Graph(Graph&&) noexcept = default;
  Graph& operator=(Graph&&) noexcept = default;

  // --- Reading ---
  uint32_t size() const { return static_cast<uint32_t>(nodes_.size()); }
  NodeKind kind(NodeId id) const { return static_cast<NodeKind>(nodes_[id].tag & 0xff); }
  bool is(NodeId id, NodeKind wanted) const { return kind(id) == wanted; }

  bool boolean(NodeId id) const { return nodes_[id].a != 0; }  // Bool
  int64_t integer(NodeId id) const;                            // Int
  double real(NodeId id) const;                                // Float

  // String, BigInt; ByteString, Bytes and ByteArray that are not external (empty for those that
  // are). The view holds until the graph grows.
  std::string_view text(NodeId id) const;

  // ByteString, Bytes, ByteArray. A long one stays in the source of its pickle: then
  // is_external(), and byte_source() and byte_offset() give its place.
  uint64_t byte_size(NodeId id) const;
  bool is_external(NodeId id) const;
  const std::shared_ptr<const Source>& byte_source(NodeId id) const;
  uint64_t byte_offset(NodeId id) const;

  Items items(NodeId id) const;  // Tuple, List, Set, FrozenSet; Dict: key, value, ...
  Items items(const Chain& chain) const;
  const Global& global(NodeId id) const { return globals_[nodes_[id].a]; }
  const Call& call(NodeId id) const { return calls_[nodes_[id].a]; }  // Call
  NodeId persistent_id(NodeId id) const { return nodes_[id].a; }      // the value
  uint32_t index(NodeId id) const { return nodes_[id].a; }            // Tensor: its row
  // Tensor and Composite: the call that became it; a leaf made by add_tensor() has none.
  bool has_tensor_call(NodeId id) const { return nodes_[id].b != kNoNode; }
  const Call& tensor_call(NodeId id) const { return calls_[nodes_[id].b]; }
  const Composite& composite(NodeId id) const { return composites_[nodes_[id].a]; }
  // Storage: its row of the TensorTable, and the dtype of its class; none: untyped bytes.
  uint32_t storage_row(NodeId id) const { return nodes_[id].a; }
  std::optional<DType> storage_dtype(NodeId id) const;
  // Tensor: a storage that is kept by itself, and not a view of it; whether its class is untyped.
  bool is_whole_storage(NodeId id) const { return (nodes_[id].tag & kWholeStorageBit) != 0; }
  bool is_untyped_storage(NodeId id) const { return (nodes_[id].tag & kUntypedBit) != 0; }
  const Stream& stream(NodeId id) const { return streams_[nodes_[id].a]; }

  // The value that a node stands for: a Stream for its root, an Alias for the argument, and so on;
  // others for themselves.
  NodeId resolved(NodeId id) const {
    for (;; id = is(id, NodeKind::Stream) ? stream(id).root : nodes_[id].a)
      if (!is(id, NodeKind::Stream) && !is(id, NodeKind::Alias)) return id;
  }

  // Meaning of a Global, or of the Global that a Call calls; Unknown for everything else.
  Meaning meaning(NodeId id) const;
  Meaning callee_meaning(NodeId id) const;

  // Executed by all decoders of this graph together: max_opcodes bounds their sum.
  uint64_t opcodes_decoded = 0;

  // All PersistentId and all Call nodes in order of appearance, and all globals.
  const std::vector<NodeId>& persistent_ids() const { return persistent_ids_; }
  const std::vector<NodeId>& call_nodes() const { return call_nodes_; }
  const std::vector<Global>& globals() const { return globals_; }
  const std::vector<StrayEdit>& stray_edits() const { return stray_edits_; }

  // --- Building (decoder, and readers of containers without a pickle) ---
  // Each throws Limit when an index would need more than 32 bits.
  uint32_t add_source(std::shared_ptr<const Source> source);  // for add_external()
  NodeId add_none() { return 0; }
  NodeId add_bool(bool value) { return value ? 2 : 1; }
  NodeId add_empty_tuple() { return 3; }
  NodeId add_int(int64_t value);
  NodeId add_big_int(std::string_view decimal);
  NodeId add_float(double value);
  NodeId add_text(NodeKind kind, ByteSpan bytes);  // copied
  NodeId add_external(NodeKind kind, uint32_t source, uint64_t offset, uint64_t size);
  NodeId add_tuple(const NodeId* first, size_t count);  // the two copies ids
  NodeId add_frozen_set(const NodeId* first, size_t count);
  NodeId add_container(NodeKind kind);  // List, Dict, Set: empty
  NodeId add_global(ByteSpan module, ByteSpan name, uint64_t offset);
  NodeId add_call(const Call& call);
  NodeId add_persistent_id(NodeId value);
  void add_stray_edit(const StrayEdit& edit) { stray_edits_.push_back(edit); }

  // Appends to a List, Set or Dict (pairs flattened).
  void append(NodeId container, const NodeId* first, size_t count);
  void set(NodeId dict, std::string_view key, NodeId value);           // an entry; the key is a str
  void append_items(NodeId call, const NodeId* first, size_t count);   // to Call::items
  void append_values(NodeId call, const NodeId* first, size_t count);  // to Call::values
  void append_state(NodeId call, NodeId state);                        // to Call::states

  // A leaf for a tensor without a call (safetensors input), and what a Call turns out to be.
  NodeId add_tensor(uint32_t row);
  NodeId add_composite(Composite composite);
  void become_storage(NodeId persistent_id, uint32_t row, std::optional<DType> dtype);
  void become_tensor(NodeId call, uint32_t row);
  // A persistent id that names a tensor itself, as in tars of torch 0.1: a leaf without a call.
  void become_leaf(NodeId persistent_id, uint32_t row);
  void become_whole_storage(NodeId storage, uint32_t row);  // a Storage
  void become_composite(NodeId call, Composite composite);
  // `bytes` is a Bytes, ByteArray, ByteString or Call; the root lies in another pickle.
  void become_stream(NodeId bytes, Stream stream);
  // Nothing happens if the argument resolves to the call itself.
  void become_alias(NodeId call, NodeId argument);

 private:
  friend class Items::Iterator;

  static constexpr uint32_t kExternalBit = 1 << 8;
  static constexpr uint32_t kWholeStorageBit = 1 << 9;
  static constexpr uint32_t kUntypedBit = 1 << 10;

  struct Node {
    uint32_t tag;  // kind in the low byte, bits above
    uint32_t a;
    uint32_t b;
  };
  struct Chunk {
    uint32_t begin;  // in item_ids_
    uint32_t count;
    uint32_t next;  // chunk or kNoNode
  };
  struct External {
    uint64_t offset;
    uint64_t size;
    uint32_t source;
  };

  NodeId add(NodeKind kind, uint32_t a, uint32_t b = 0);
  NodeId add_slice(NodeKind kind, const NodeId* first, size_t count);
  uint32_t store_items(const NodeId* first, size_t count);
  Chunk* chunk_that_can_grow(const Chain& chain);
  void extend(Chain& chain, const NodeId* first, size_t count);
  std::string_view intern(ByteSpan bytes);  // for names of globals, which live as long as the graph

  PodArena<Node> nodes_;
  PodArena<NodeId> item_ids_;
  PodArena<Chunk> chunks_;
  PodArena<Call> calls_;
  PodArena<char> strings_;
  std::vector<External> externals_;
  std::vector<std::shared_ptr<const Source>> sources_;
  std::vector<Composite> composites_;
  std::vector<Stream> streams_;
  std::vector<Global> globals_;
  std::vector<NodeId> persistent_ids_;
  std::vector<NodeId> call_nodes_;
  std::vector<StrayEdit> stray_edits_;
  std::set<std::string, std::less<>> interned_;  // ordered: no hash that a file could overload
};

}  // namespace unbrine
