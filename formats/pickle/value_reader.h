// Reads values that a pickle must hold. `what` names the value that is wanted, for messages. Texts
// are copied, because views of them end when the graph grows.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "formats/limits.h"
#include "formats/pickle/graph.h"

namespace unbrine {

class ValueReader {
 public:
  ValueReader(const Graph& graph, const Limits& limits) : graph_(graph), limits_(limits) {}

  // Each throws Corrupt for a value of another kind, and for a text that is too long for a name:
  // it may be referred to any number of times.
  std::string text(NodeId node, std::string_view what) const;
  uint64_t count(NodeId node, std::string_view what) const;                // an int >= 0
  uint64_t enum_number(NodeId node, std::string_view what) const;          // count or Enum(count)
  std::vector<uint64_t> shape(NodeId node, std::string_view what) const;   // also torch.Size
  std::vector<NodeId> sequence(NodeId node, std::string_view what) const;  // a list or tuple
  // Of a dict, or the attributes of an object, in order.
  std::vector<std::pair<std::string, NodeId>> entries(NodeId node, std::string_view what) const;

  bool is_none(NodeId node) const { return graph_.is(graph_.resolved(node), NodeKind::None); }

  // Name of the class of an object, without its module; "" for other values.
  std::string class_name(NodeId node) const;

 private:
  const Graph& graph_;
  const Limits& limits_;
};

// The entries of a dict, or the attributes of an object, by name.
class Fields {
 public:
  Fields(const Graph& graph, const Limits& limits, NodeId node, std::string_view what);

  NodeId find(std::string_view name) const;     // kNoNode if it is absent or None
  NodeId require(std::string_view name) const;  // throws Corrupt if it is absent

 private:
  std::string what_;
  std::map<std::string, NodeId, std::less<>> values_;
  const Graph& graph_;
};

}  // namespace unbrine
