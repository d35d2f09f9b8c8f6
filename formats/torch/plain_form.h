// What each value of a graph becomes in a pickle that torch.load(weights_only=True) of torch 2.13
// takes: itself, or the nearest value that it allows.
#pragma once

#include <optional>
#include <set>
#include <unordered_map>
#include <vector>

#include "formats/pickle/graph.h"

namespace unbrine {

enum class Form : uint8_t {
  Scalar,     // None, bool, int, float
  Text,       // str; a Python 2 str in UTF-8, an int that no opcode holds
  Bytes,      // bytes; a Python 2 str of other bytes
  ByteArray,  //
  Tuple,
  List,  // also deques, sets of what has no hash, tuples that hold themselves
  Dict,  // also defaultdicts
  OrderedDict,
  Counter,
  Set,        // also frozensets
  Global,     // one that is allowed
  Name,       // any other global: its name as text
  Call,       // one that is allowed: torch.Size, torch.device, complex, a layout, encoded bytes
  Number,     // a numpy scalar
  Tensor,     //
  Composite,  //
  Pairs,      // a dict with a key that has no hash: a record with a list of pairs
  Record,     // any other object: a dict
};

class PlainForms {
 public:
  // `cyclic` are tuples, sets and tensors that lie below themselves: they cannot be made after all
  // that they hold.
  PlainForms(const Graph& graph, const std::set<NodeId>& cyclic) : graph_(graph), cyclic_(cyclic) {}

  // Of a resolved node.
  Form form(NodeId node);
  bool is_cyclic(NodeId node) const { return cyclic_.contains(node); }

  // True if each key of these pairs becomes a value that has a hash.
  bool are_keys(const std::vector<NodeId>& pairs);

  // Children of a List, Set, Deque and the like, with what a constructor was given.
  std::vector<NodeId> items(NodeId node) const;
  // Of a Dict or a dict of the standard library: key, value, ...
  std::vector<NodeId> pairs(NodeId node) const;

 private:
  Form call_form(NodeId node);
  Form dict_form(NodeId node, Form hashed);
  Form set_form(NodeId node);
  bool is_text(NodeId node) const;
  bool is_sound_dict(const Call& call) const;
  bool is_sound_sequence(const Call& call) const;
  bool is_allowed_call(NodeId node);
  bool is_encoding(const Call& call);
  bool is_latin1(NodeId text);
  bool is_hashable(NodeId root);
  std::optional<bool> leaf_hash(NodeId node);
  bool call_hash(NodeId node);

  const Graph& graph_;
  const std::set<NodeId>& cyclic_;
  std::vector<uint8_t> hash_of_tuple_;       // by node: 0 not known yet, 1 none, 2 it has one
  std::unordered_map<NodeId, bool> latin1_;  // strings that were looked at
};

}  // namespace unbrine
