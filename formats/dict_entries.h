// The entries of anything that is a dict, with Python's rules for its keys.
#pragma once

#include <unordered_map>
#include <vector>

#include "formats/object_view.h"

namespace unbrine {

Member text_member(std::string_view text, NodeId value);
Member numbered_member(int64_t number, NodeId value);

// A key that is named by its text: a str, a Python 2 str, an int beyond 64 bits.
bool is_text_key(const Graph& graph, NodeId key);

bool is_sequence(const Graph& graph, NodeId node);   // a Tuple or List
bool is_dict_call(const Graph& graph, NodeId node);  // of one of the standard library's dicts

// A key and a value as the file has them: streams and aliases are not resolved.
struct DictEntry {
  NodeId key;
  NodeId value;
};

// Collects entries. A key that is set twice counts once: at the first place, with the last value.
class DictEntries {
 public:
  explicit DictEntries(const Graph& graph) : graph_(graph) {}

  void add(NodeId key, NodeId value);
  void add_pairs(Items flattened);  // key, value, key, value...
  void add_all_of(NodeId node);     // a Dict's, or a Call's: its constructor's and those set later

  std::vector<DictEntry> take_entries() { return std::move(entries_); }  // as many as members
  std::vector<Member> take() { return std::move(members_); }
  std::vector<Member> take_keys() { return std::move(keys_); }  // those that hold values

 private:
  static constexpr size_t kNowhere = SIZE_MAX;

  std::unordered_map<std::string_view, size_t>& texts_of(NodeId key);
  size_t& place_of(NodeId key);
  void add_pair_list(NodeId list);
  void add_constructor_entries(const Call& call);

  const Graph& graph_;
  std::vector<DictEntry> entries_;
  std::vector<Member> members_;
  std::vector<Member> keys_;
  std::unordered_map<std::string_view, size_t> texts_;
  std::unordered_map<std::string_view, size_t> data_;      // Python 2 strs that are no ASCII
  std::unordered_map<std::string_view, size_t> integers_;  // beyond 64 bits
  std::unordered_map<int64_t, size_t> numbers_;
  std::unordered_map<NodeId, size_t> others_;
};

}  // namespace unbrine
