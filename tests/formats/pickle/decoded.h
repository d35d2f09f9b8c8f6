// Decodes what a PickleBuilder wrote, and shows the result in one line that a test can compare.
#pragma once

#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "formats/error.h"
#include "formats/pickle/decoder.h"
#include "tests/support/pickle_builder.h"

namespace unbrine {

struct Decoded {
  Graph graph;
  DecodedPickle pickle;
};

inline Decoded decoded(const PickleBuilder& builder, const Limits& limits = {}) {
  const auto source = std::make_shared<MemorySource>(builder.bytes());
  Decoded result{};
  result.pickle = decode_pickle(source, 0, limits, result.graph);
  return result;
}

// The error of a pickle that must not decode.
inline Error decode_error(const PickleBuilder& builder, const Limits& limits = {}) {
  try {
    decoded(builder, limits);
  } catch (const Error& error) {
    return error;
  }
  ADD_FAILURE() << "decoded without an error";
  return Error(ErrorCode::Usage, "none");
}

inline std::string shown(const Graph& graph, NodeId id);

inline std::string shown_items(const Graph& graph, const Items& items) {
  std::string text;
  for (const NodeId item : items) text += (text.empty() ? "" : ", ") + shown(graph, item);
  return text;
}

// callee(args...; kwargs) then what was done to the object: .build(...), .set(...), .add(...).
inline std::string shown_call(const Graph& graph, const Call& call) {
  constexpr const char* kNames[] = {"reduce", "newobj", "newobj_ex", "obj", "inst"};
  std::string text = std::string(kNames[static_cast<size_t>(call.kind)]) + " ";
  text += shown(graph, call.callee) + " " + shown(graph, call.args);
  if (call.kwargs != kNoNode) text += " " + shown(graph, call.kwargs);
  if (!graph.items(call.states).empty())
    text += " build(" + shown_items(graph, graph.items(call.states)) + ")";
  if (!graph.items(call.items).empty())
    text += " set(" + shown_items(graph, graph.items(call.items)) + ")";
  if (!graph.items(call.values).empty())
    text += " add(" + shown_items(graph, graph.items(call.values)) + ")";
  return "<" + text + ">";
}

// Recursive: for small graphs without cycles.
inline std::string shown(const Graph& graph, NodeId id) {
  switch (graph.kind(id)) {
    case NodeKind::None: return "None";
    case NodeKind::Bool: return graph.boolean(id) ? "True" : "False";
    case NodeKind::Int: return std::to_string(graph.integer(id));
    case NodeKind::BigInt: return std::string(graph.text(id));
    case NodeKind::Float: return std::to_string(graph.real(id));
    case NodeKind::String: return "u'" + std::string(graph.text(id)) + "'";
    case NodeKind::ByteString: return "s'" + std::string(graph.text(id)) + "'";
    case NodeKind::Bytes: return "b'" + std::string(graph.text(id)) + "'";
    case NodeKind::ByteArray: return "a'" + std::string(graph.text(id)) + "'";
    case NodeKind::Tuple: return "(" + shown_items(graph, graph.items(id)) + ")";
    case NodeKind::List: return "[" + shown_items(graph, graph.items(id)) + "]";
    case NodeKind::Dict: return "{" + shown_items(graph, graph.items(id)) + "}";
    case NodeKind::Set: return "set(" + shown_items(graph, graph.items(id)) + ")";
    case NodeKind::FrozenSet: return "frozenset(" + shown_items(graph, graph.items(id)) + ")";
    case NodeKind::Global:
      return std::string(graph.global(id).module) + ":" + std::string(graph.global(id).name);
    case NodeKind::Call: return shown_call(graph, graph.call(id));
    case NodeKind::PersistentId: return "id " + shown(graph, graph.persistent_id(id));
    case NodeKind::Storage: return "storage " + std::to_string(graph.storage_row(id));
    case NodeKind::Tensor: return "tensor " + std::to_string(graph.index(id));
    case NodeKind::Composite: return std::string(graph.composite(id).layout);
    case NodeKind::Stream:
    case NodeKind::Alias: return "-> " + shown(graph, graph.resolved(id));
  }
  return "?";
}

inline std::string shown(const Decoded& decoded) {
  return shown(decoded.graph, decoded.pickle.root);
}

// What a complete pickle leaves.
inline std::string shown(const PickleBuilder& builder) { return shown(decoded(builder)); }

}  // namespace unbrine
