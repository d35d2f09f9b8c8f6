#include "formats/tree/value_writer.h"

#include <algorithm>

#include "formats/text.h"
#include "formats/tree/base64.h"

namespace unbrine {
namespace {

constexpr int64_t kLargestExactDouble = int64_t{1} << 53;
constexpr size_t kFewItems = 8;
constexpr size_t kShortGlobal = 256;
constexpr uint64_t kBase64Piece = 3 << 18;

bool is_ascii(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return static_cast<uint8_t>(c) < 0x80; });
}

bool is_ascii(const ByteRange& bytes) {
  for (uint64_t at = 0; at < bytes.size; at += kBase64Piece) {
    const auto piece =
        bytes.source->read_all(bytes.offset + at, std::min(kBase64Piece, bytes.size - at));
    if (!is_ascii(as_text(piece))) return false;
  }
  return true;
}

}  // namespace

Draft ValueWriter::draft(NodeId node) {
  Draft out;
  switch (graph_.kind(node)) {
    case NodeKind::None:
    case NodeKind::Bool:
    case NodeKind::Int:
    case NodeKind::BigInt:
    case NodeKind::Float:
    case NodeKind::String:
      out.in_full = is_short_scalar(node);
      scalar(out, node);
      break;
    case NodeKind::ByteString:
    case NodeKind::Bytes:
    case NodeKind::ByteArray:
      out.in_full = is_short_scalar(node);
      plain_bytes(out, node);
      break;
    case NodeKind::Tuple: sequence(out, "$tuple", graph_.items(node).to_vector()); break;
    case NodeKind::FrozenSet: sequence(out, "$frozenset", graph_.items(node).to_vector()); break;
    case NodeKind::Set: sequence(out, "$set", graph_.items(node).to_vector()); break;
    case NodeKind::List: put_all(out, graph_.items(node).to_vector()); break;
    case NodeKind::Dict: {
      DictEntries entries(graph_);
      entries.add_all_of(node);
      mapping(out, entries.take_entries());
      break;
    }
    case NodeKind::Global: global(out, node); break;
    case NodeKind::Call: call(out, node); break;
    case NodeKind::PersistentId: persistent_id(out, node); break;
    case NodeKind::Storage: left_out_storage(out, graph_.storage_dtype(node)); break;
    case NodeKind::Tensor: tensor(out, node); break;
    case NodeKind::Composite: composite(out, node); break;
    case NodeKind::Stream: stream(out, node); break;
    case NodeKind::Alias: put(out, node); break;
  }
  return out;
}

NodeId ValueWriter::meant(NodeId node) const {
  return graph_.is(node, NodeKind::Alias) ? graph_.resolved(node) : node;
}

bool ValueWriter::is_short_scalar(NodeId node) const {
  switch (graph_.kind(node)) {
    case NodeKind::None:
    case NodeKind::Bool:
    case NodeKind::Int:
    case NodeKind::Float: return true;
    case NodeKind::BigInt:
    case NodeKind::String:
    case NodeKind::ByteString:
    case NodeKind::Bytes: return graph_.byte_size(node) <= kShortText && !graph_.is_external(node);
    default: return false;
  }
}

bool ValueWriter::are_few_scalars(const Nodes& nodes) const {
  return nodes.size() <= kFewItems &&
         std::ranges::all_of(nodes, [&](NodeId node) { return is_short_scalar(meant(node)); });
}

void ValueWriter::put(Draft& out, NodeId node) {
  node = meant(node);
  if (!is_short_scalar(node)) return out.add_hole(node);
  const NodeKind kind = graph_.kind(node);
  if (kind == NodeKind::ByteString || kind == NodeKind::Bytes)
    plain_bytes(out, node);
  else
    scalar(out, node);
}

void ValueWriter::put_all(Draft& out, const Nodes& nodes) {
  out.json.begin_array();
  for (const NodeId node : nodes) put(out, node);
  out.json.end_array();
}

// --- Scalars ---

void ValueWriter::scalar(Draft& out, NodeId node) {
  if (!writes()) return out.json.null(), void();
  switch (graph_.kind(node)) {
    case NodeKind::None: out.json.null(); return;
    case NodeKind::Bool: out.json.value(graph_.boolean(node)); return;
    case NodeKind::Int: return integer(out, graph_.integer(node));
    case NodeKind::BigInt:
      out.json.begin_object().key("$int").value(graph_.text(node)).end_object();
      return;
    case NodeKind::Float: out.json.value(graph_.real(node)); return;
    default: return text(out, graph_.text(node));
  }
}

void ValueWriter::integer(Draft& out, int64_t number) {
  if (number >= -kLargestExactDouble && number <= kLargestExactDouble)
    out.json.value(number);
  else
    out.json.begin_object().key("$int").value(std::to_string(number)).end_object();
}

void ValueWriter::text(Draft& out, std::string_view text) {
  if (is_valid_utf8(text)) {
    out.json.value(text);
    return;
  }
  std::string digits;
  append_base64(digits, as_bytes(text));
  out.json.begin_object().key("$str").value(digits).end_object();
}

// Read in pieces: what is read is text soon after.
void ValueWriter::base64(Draft& out, std::string_view key, const ByteRange& bytes) {
  std::string digits;
  if (writes()) {
    check_limit("bytes of state.json:", bytes.size, "max_inflated_bytes",
                limits_.max_inflated_bytes);
    for (uint64_t at = 0; at < bytes.size; at += kBase64Piece)
      append_base64(digits, bytes.source->read_all(bytes.offset + at,
                                                   std::min(kBase64Piece, bytes.size - at)));
  }
  out.json.key(key).value(digits);
}

void ValueWriter::plain_bytes(Draft& out, NodeId node) {
  if (!writes()) return out.json.null(), void();
  const bool may_be_text = graph_.is(node, NodeKind::ByteString);
  if (may_be_text && !graph_.is_external(node) && is_ascii(graph_.text(node)))
    return text(out, graph_.text(node));
  const ByteRange bytes = *bytes_of(graph_, node);
  if (may_be_text && graph_.is_external(node) && is_ascii(bytes)) {
    check_limit("bytes of state.json:", bytes.size, "max_inflated_bytes",
                limits_.max_inflated_bytes);
    return text(out, as_text(bytes.source->read_all(bytes.offset, bytes.size)));
  }
  out.json.begin_object();
  base64(out, graph_.is(node, NodeKind::ByteArray) ? "$bytearray" : "$bytes", bytes);
  out.json.end_object();
}

// --- Containers ---

void ValueWriter::sequence(Draft& out, std::string_view key, const Nodes& nodes) {
  out.in_full = key != "$set" && are_few_scalars(nodes);
  out.json.begin_object().key(key);
  put_all(out, nodes);
  out.json.end_object();
}

// The key of a JSON object that this key of a dict can be; until it is known which strings are
// shared, none.
std::optional<std::string_view> ValueWriter::plain_key(NodeId key) const {
  key = meant(key);
  const bool is_text = graph_.is(key, NodeKind::String) ||
                       (graph_.is(key, NodeKind::ByteString) && !graph_.is_external(key));
  if (stage_ == Stage::Meet || !is_text || sharing_.is_shared(key)) return std::nullopt;
  const std::string_view text = graph_.text(key);
  const bool is_plain = graph_.is(key, NodeKind::ByteString) ? is_ascii(text) : is_valid_utf8(text);
  return is_plain && !text.starts_with('$') ? std::optional(text) : std::nullopt;
}

void ValueWriter::mapping(Draft& out, const Entries& entries) {
  const bool is_object = std::ranges::all_of(
      entries, [&](const DictEntry& entry) { return plain_key(entry.key).has_value(); });
  out.json.begin_object();
  if (is_object) {
    for (const DictEntry& entry : entries) {
      out.json.key(*plain_key(entry.key));
      put(out, entry.value);
    }
  } else {
    out.json.key("$dict");
    pairs(out, entries);
  }
  out.json.end_object();
}

void ValueWriter::pairs(Draft& out, const Entries& entries) {
  out.json.begin_array();
  for (const auto& [key, value] : entries) {
    out.json.begin_array();
    put(out, key);
    put(out, value);
    out.json.end_array();
  }
  out.json.end_array();
}

// --- Names, ids, streams ---

void ValueWriter::global(Draft& out, NodeId node) {
  const Global& global = graph_.global(node);
  out.in_full = global.module.size() + global.name.size() <= kShortGlobal;
  out.json.begin_object();
  if (global.meaning == Meaning::DTypeName) {
    out.json.key("$dtype").value(global.name);
  } else {
    out.json.key("$global");
    module_and_name(out, global);
  }
  out.json.end_object();
}

void ValueWriter::module_and_name(Draft& out, const Global& global) {
  out.json.begin_array();
  text(out, global.module);
  text(out, global.name);
  out.json.end_array();
}

// ('module', class, file, source) is a class with its source text, in legacy files.
void ValueWriter::persistent_id(Draft& out, NodeId node) {
  const NodeId id = graph_.persistent_id(node);
  Nodes parts;
  if (graph_.is(id, NodeKind::Tuple))
    for (const NodeId item : graph_.items(id)) {
      parts.push_back(item);
      if (parts.size() > 4) break;
    }
  const bool is_module = parts.size() == 4 && is_short_scalar(parts[0]) &&
                         graph_.text(parts[0]) == "module" && graph_.is(parts[1], NodeKind::Global);
  out.json.begin_object().key(is_module ? "$global" : "$persid");
  if (is_module) {
    module_and_name(out, graph_.global(parts[1]));
    out.json.key("source");
    put(out, parts[3]);
  } else {
    put(out, id);
  }
  out.json.end_object();
}

void ValueWriter::stream(Draft& out, NodeId node) {
  const Stream& stream = graph_.stream(node);
  out.json.begin_object().key("$stream");
  put(out, stream.root);
  out.json.key("kind").value(stream.format).end_object();
}

}  // namespace unbrine
