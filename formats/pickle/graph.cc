#include "formats/pickle/graph.h"

#include <bit>
#include <iterator>

#include "formats/error.h"

namespace unbrine {
namespace {

constexpr std::string_view kKindNames[] = {
    "None",         "Bool",    "Int",    "BigInt",    "Float",  "String",    "ByteString", "Bytes",
    "ByteArray",    "Tuple",   "List",   "Dict",      "Set",    "FrozenSet", "Global",     "Call",
    "PersistentId", "Storage", "Tensor", "Composite", "Stream", "Alias",
};
static_assert(std::size(kKindNames) == static_cast<size_t>(NodeKind::Alias) + 1);

constexpr uint32_t kUntyped = UINT32_MAX;

// Every array is addressed by 32 bits, and kNoNode is no index.
uint32_t checked_index(size_t size, std::string_view what) {
  if (size >= kNoNode)
    fail(ErrorCode::Limit, "more than ", kNoNode - 1, " ", what, " in one value graph");
  return static_cast<uint32_t>(size);
}

uint32_t low_half(uint64_t bits) { return static_cast<uint32_t>(bits); }
uint32_t high_half(uint64_t bits) { return static_cast<uint32_t>(bits >> 32); }
uint64_t joined(uint32_t low, uint32_t high) { return uint64_t{high} << 32 | low; }

}  // namespace

std::string_view kind_name(NodeKind kind) { return kKindNames[static_cast<size_t>(kind)]; }

// --- Items ---

NodeId Items::Iterator::operator*() const { return graph_->item_ids_[at_]; }

Items::Iterator& Items::Iterator::operator++() {
  ++at_;
  --left_;
  skip_empty();
  return *this;
}

void Items::Iterator::skip_empty() {
  while (left_ == 0 && next_chunk_ != kNoNode) {
    const Graph::Chunk& chunk = graph_->chunks_[next_chunk_];
    at_ = chunk.begin;
    left_ = chunk.count;
    next_chunk_ = chunk.next;
  }
  if (left_ == 0) at_ = 0;  // equal to end()
}

Items Graph::items(const Chain& chain) const {
  return Items(Items::Iterator(this, 0, 0, chain.first));
}

Items Graph::items(NodeId id) const {
  const Node& node = nodes_[id];
  if (!is(id, NodeKind::Tuple) && !is(id, NodeKind::FrozenSet)) return items({node.a, node.b});
  return Items(Items::Iterator(this, node.a, node.b, kNoNode));
}

// --- Reading ---

int64_t Graph::integer(NodeId id) const {
  return static_cast<int64_t>(joined(nodes_[id].a, nodes_[id].b));
}

double Graph::real(NodeId id) const {
  return std::bit_cast<double>(joined(nodes_[id].a, nodes_[id].b));
}

std::string_view Graph::text(NodeId id) const {
  if (is_external(id)) return {};
  return {strings_.data() + nodes_[id].a, nodes_[id].b};
}

bool Graph::is_external(NodeId id) const { return (nodes_[id].tag & kExternalBit) != 0; }

uint64_t Graph::byte_size(NodeId id) const {
  return is_external(id) ? externals_[nodes_[id].a].size : nodes_[id].b;
}

const std::shared_ptr<const Source>& Graph::byte_source(NodeId id) const {
  return sources_[externals_[nodes_[id].a].source];
}

uint64_t Graph::byte_offset(NodeId id) const { return externals_[nodes_[id].a].offset; }

Meaning Graph::meaning(NodeId id) const {
  return is(id, NodeKind::Global) ? global(id).meaning : Meaning::Unknown;
}

Meaning Graph::callee_meaning(NodeId id) const {
  return is(id, NodeKind::Call) ? meaning(call(id).callee) : Meaning::Unknown;
}

std::optional<DType> Graph::storage_dtype(NodeId id) const {
  const uint32_t dtype = nodes_[id].b;
  return dtype == kUntyped ? std::nullopt : std::optional(static_cast<DType>(dtype));
}

// --- Building ---

// The values that add_none, add_bool and add_empty_tuple share.
Graph::Graph() {
  add(NodeKind::None, 0);
  add(NodeKind::Bool, 0);
  add(NodeKind::Bool, 1);
  add(NodeKind::Tuple, 0, 0);
}

NodeId Graph::add(NodeKind kind, uint32_t a, uint32_t b) {
  const NodeId id = checked_index(nodes_.size(), "values");
  nodes_.push_back({static_cast<uint32_t>(kind), a, b});
  return id;
}

NodeId Graph::add_int(int64_t value) {
  const auto bits = static_cast<uint64_t>(value);
  return add(NodeKind::Int, low_half(bits), high_half(bits));
}

NodeId Graph::add_float(double value) {
  const auto bits = std::bit_cast<uint64_t>(value);
  return add(NodeKind::Float, low_half(bits), high_half(bits));
}

NodeId Graph::add_big_int(std::string_view decimal) {
  return add_text(NodeKind::BigInt, as_bytes(decimal));
}

NodeId Graph::add_text(NodeKind kind, ByteSpan bytes) {
  const uint32_t begin = checked_index(strings_.size(), "bytes of text");
  checked_index(strings_.size() + bytes.size(), "bytes of text");
  strings_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  return add(kind, begin, static_cast<uint32_t>(bytes.size()));
}

uint32_t Graph::add_source(std::shared_ptr<const Source> source) {
  if (sources_.empty() || sources_.back() != source) sources_.push_back(std::move(source));
  return checked_index(sources_.size() - 1, "sources");
}

NodeId Graph::add_external(NodeKind kind, uint32_t source, uint64_t offset, uint64_t size) {
  const uint32_t row = checked_index(externals_.size(), "long byte strings");
  externals_.push_back({offset, size, source});
  const NodeId id = add(kind, row);
  nodes_[id].tag |= kExternalBit;
  return id;
}

uint32_t Graph::store_items(const NodeId* first, size_t count) {
  const uint32_t begin = checked_index(item_ids_.size(), "items");
  checked_index(item_ids_.size() + count, "items");
  item_ids_.append(first, count);
  return begin;
}

NodeId Graph::add_slice(NodeKind kind, const NodeId* first, size_t count) {
  const uint32_t begin = store_items(first, count);
  return add(kind, begin, static_cast<uint32_t>(count));
}

NodeId Graph::add_tuple(const NodeId* first, size_t count) {
  return count == 0 ? add_empty_tuple() : add_slice(NodeKind::Tuple, first, count);
}

NodeId Graph::add_frozen_set(const NodeId* first, size_t count) {
  return add_slice(NodeKind::FrozenSet, first, count);
}

NodeId Graph::add_container(NodeKind kind) { return add(kind, kNoNode, kNoNode); }

NodeId Graph::add_global(ByteSpan module, ByteSpan name, uint64_t offset) {
  const uint32_t row = checked_index(globals_.size(), "names");
  const Meaning meaning = meaning_of(as_text(module), as_text(name));
  globals_.push_back({intern(module), intern(name), meaning, offset});
  return add(NodeKind::Global, row);
}

NodeId Graph::add_call(const Call& call) {
  const uint32_t row = checked_index(calls_.size(), "calls");
  calls_.push_back(call);
  const NodeId id = add(NodeKind::Call, row);
  call_nodes_.push_back(id);
  return id;
}

NodeId Graph::add_persistent_id(NodeId value) {
  const NodeId id = add(NodeKind::PersistentId, value);
  persistent_ids_.push_back(id);
  return id;
}

NodeId Graph::add_tensor(uint32_t row) { return add(NodeKind::Tensor, row, kNoNode); }

NodeId Graph::add_composite(Composite composite) {
  const uint32_t row = checked_index(composites_.size(), "tensors kept in parts");
  composites_.push_back(std::move(composite));
  return add(NodeKind::Composite, row, kNoNode);
}

void Graph::become_storage(NodeId persistent_id, uint32_t row, std::optional<DType> dtype) {
  nodes_[persistent_id] = {static_cast<uint32_t>(NodeKind::Storage), row,
                           dtype ? static_cast<uint32_t>(*dtype) : kUntyped};
}

void Graph::become_tensor(NodeId call, uint32_t row) {
  nodes_[call] = {static_cast<uint32_t>(NodeKind::Tensor), row, nodes_[call].a};
}

void Graph::become_leaf(NodeId persistent_id, uint32_t row) {
  nodes_[persistent_id] = {static_cast<uint32_t>(NodeKind::Tensor), row, kNoNode};
}

void Graph::become_whole_storage(NodeId storage, uint32_t row) {
  const uint32_t untyped = storage_dtype(storage) ? 0 : kUntypedBit;
  nodes_[storage] = {static_cast<uint32_t>(NodeKind::Tensor) | kWholeStorageBit | untyped, row,
                     kNoNode};
}

void Graph::become_composite(NodeId call, Composite composite) {
  const uint32_t row = checked_index(composites_.size(), "tensors kept in parts");
  composites_.push_back(std::move(composite));
  nodes_[call] = {static_cast<uint32_t>(NodeKind::Composite), row, nodes_[call].a};
}

void Graph::become_stream(NodeId bytes, Stream stream) {
  const uint32_t row = checked_index(streams_.size(), "streams");
  streams_.push_back(std::move(stream));
  nodes_[bytes] = {static_cast<uint32_t>(NodeKind::Stream), row, 0};
}

void Graph::become_alias(NodeId call, NodeId argument) {
  const NodeId value = resolved(argument);  // so that chains stay short
  if (value != call) nodes_[call] = {static_cast<uint32_t>(NodeKind::Alias), value, nodes_[call].a};
}

// --- Chains ---

void Graph::append(NodeId container, const NodeId* first, size_t count) {
  Chain chain{nodes_[container].a, nodes_[container].b};
  extend(chain, first, count);
  nodes_[container].a = chain.first;
  nodes_[container].b = chain.last;
}

void Graph::set(NodeId dict, std::string_view key, NodeId value) {
  const NodeId pair[] = {add_text(NodeKind::String, as_bytes(key)), value};
  append(dict, pair, 2);
}

void Graph::append_items(NodeId call, const NodeId* first, size_t count) {
  extend(calls_[nodes_[call].a].items, first, count);
}

void Graph::append_values(NodeId call, const NodeId* first, size_t count) {
  extend(calls_[nodes_[call].a].values, first, count);
}

void Graph::append_state(NodeId call, NodeId state) {
  extend(calls_[nodes_[call].a].states, &state, 1);
}

// The last chunk of `chain` if its items are the last of all, so that more may follow in place.
Graph::Chunk* Graph::chunk_that_can_grow(const Chain& chain) {
  if (chain.last == kNoNode) return nullptr;
  Chunk& chunk = chunks_[chain.last];
  return size_t{chunk.begin} + chunk.count == item_ids_.size() ? &chunk : nullptr;
}

void Graph::extend(Chain& chain, const NodeId* first, size_t count) {
  if (count == 0) return;
  Chunk* const growing = chunk_that_can_grow(chain);
  const uint32_t begin = store_items(first, count);
  if (growing != nullptr) {
    growing->count += static_cast<uint32_t>(count);
    return;
  }
  const uint32_t added = checked_index(chunks_.size(), "chunks of items");
  chunks_.push_back({begin, static_cast<uint32_t>(count), kNoNode});
  if (chain.last == kNoNode) chain.first = added;
  if (chain.last != kNoNode) chunks_[chain.last].next = added;
  chain.last = added;
}

std::string_view Graph::intern(ByteSpan bytes) {
  const std::string_view name = as_text(bytes);
  const auto found = interned_.lower_bound(name);
  if (found != interned_.end() && *found == name) return *found;
  return *interned_.emplace_hint(found, name);
}

}  // namespace unbrine
