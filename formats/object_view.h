// How the parts of a value are named, whatever kind of value it is: the keys of a dict, positions
// of a list, attributes of an object, parameters of an nn.Module. Names of tensors are made of
// these, and nothing else in the program knows them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "formats/pickle/graph.h"

namespace unbrine {

// Which members of an nn.Module count.
enum class ModuleView {
  StateDict,   // what its state_dict() would give
  Everything,  // non-persistent buffers and plain attributes too
};

struct Member {
  enum class Part : uint8_t {
    Text,    // `text` as it is
    Number,  // `number` in decimal
  };
  Part part;
  std::string_view text;
  int64_t number;
  NodeId value;
};

// Appends the member's part to a dotted name; the `first` part takes no dot.
void append_part(std::string& name, const Member& member, bool first);

// The members in the order of the file. A dict key that is set twice counts once: at the first
// place, with the last value, as in Python. Empty for leaves.
std::vector<Member> members(const Graph& graph, NodeId node, ModuleView view);

// An nn.Module is known by its state: dicts _parameters, _buffers and _modules. No class is looked
// up.
bool is_module(const Graph& graph, NodeId node);

// A dict, an OrderedDict or another dict-like call result: members are its entries.
bool is_mapping(const Graph& graph, NodeId node);

// An object of a class that is not interpreted, a module aside.
bool is_opaque(const Graph& graph, NodeId node);

}  // namespace unbrine
