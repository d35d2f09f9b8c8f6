// What the record of an object says of it, as far as a plain dict can hold it:
//
//   argparse.Namespace, BUILD {"lr": 0.1}   ->  {"__class__": "argparse.Namespace", "lr": 0.1}
//   pathlib.PosixPath("a", "b")             ->  {"__class__": "pathlib.PosixPath",
//                                                "__args__": ("a", "b")}
//
// Attributes are entries of the dict itself. Of an nn.Module the entries of _parameters, _buffers
// and _modules are, as if they were attributes, which is how Python code sees them: names of
// tensors stay what they were.
#pragma once

#include <string>
#include <vector>

#include "formats/pickle/graph.h"

namespace unbrine {

inline constexpr std::string_view kClassField = "__class__";
inline constexpr std::string_view kSourceField = "__source__";
inline constexpr std::string_view kArgsField = "__args__";
inline constexpr std::string_view kKwargsField = "__kwargs__";
inline constexpr std::string_view kStateField = "__state__";
inline constexpr std::string_view kItemsField = "__items__";
inline constexpr std::string_view kValuesField = "__values__";

struct ObjectFields {
  std::string class_name = {};          // "module.name"; empty: class_node tells
  NodeId class_node = kNoNode;          // a callee that is no global
  NodeId source = kNoNode;              // text of the class, in legacy files
  NodeId args = kNoNode;                // kNoNode: none were given
  NodeId kwargs = kNoNode;              //
  std::vector<NodeId> attributes = {};  // key, value, ...: keys are texts, each once
  std::vector<NodeId> states = {};      // given by BUILD and no attributes
  std::vector<NodeId> items = {};       // key, value, ...
  std::vector<NodeId> values = {};      // appended
};

ObjectFields object_fields(const Graph& graph, NodeId node, const Call& call);

// "module.name", bad UTF-8 escaped.
std::string full_name(const Global& global);

}  // namespace unbrine
