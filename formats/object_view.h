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
    Own,     // none: it bears the name of what it is part of
    Key,     // `number` and "key": the key of a dict entry, where that is more than text
  };
  Part part;
  std::string_view text;
  int64_t number;
  NodeId value;  // streams and aliases resolved
};

// Appends the member's part to a dotted name; the `first` part takes no dot.
void append_part(std::string& name, const Member& member, bool first);

// The members in the order of the file; their text holds until the graph grows. A dict key that is
// set twice counts once: at the first place, with the last value, as in Python. Empty for leaves.
std::vector<Member> members(const Graph& graph, NodeId node, ModuleView view);

// An nn.Module is known by its state: dicts _parameters, _buffers and _modules; one of TorchScript
// by its class's module, __torch__. No class is looked up.
bool is_module(const Graph& graph, NodeId node);

// The names that a module's own hook takes out of its state_dict(): Opacus registers a parameter of
// its LSTM under two names and shows one. Empty for all else.
std::vector<std::string_view> names_hidden_by_hook(const Graph& graph, NodeId node);

// A dict, an OrderedDict, a defaultdict, a Counter, or another call result that was given entries:
// members are its entries.
bool is_mapping(const Graph& graph, NodeId node);

// The value of an attribute in a state as BUILD takes it, a dict or (dict, dict of slots),
// resolved; kNoNode if it has none of that name.
NodeId attribute(const Graph& graph, NodeId state, std::string_view name);

// True for the attribute under which skorch keeps a pickle of further attributes, as bytes.
bool is_stream_attribute(std::string_view name);

// An object of a class that is not interpreted, a module aside.
bool is_opaque(const Graph& graph, NodeId node);

}  // namespace unbrine
