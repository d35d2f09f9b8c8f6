// Checkpoints with the keys that matter and a few small tensors, and what select makes of them.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "converter/select.h"
#include "tests/support/pickle_builder.h"
#include "tests/support/zip_builder.h"

namespace unbrine {

// F32 [2]. Without an offset all are the same view of one storage of 8.
inline PickleBuilder tensor(int64_t offset = 0) {
  PickleBuilder pickle;
  return pickle.tensor_v2("FloatStorage", "0", 8, offset, {2}, {1});
}

// One element of a storage of its own: "1" I64, "2" complex64, "3" F64.
inline PickleBuilder scalar(const char* storage_class, const char* key) {
  PickleBuilder pickle;
  return pickle.tensor_v2(storage_class, key, 1, 0, {}, {});
}
inline PickleBuilder integer_tensor() { return scalar("LongStorage", "1"); }
inline PickleBuilder complex_tensor() { return scalar("ComplexFloatStorage", "2"); }
inline PickleBuilder double_tensor() { return scalar("DoubleStorage", "3"); }

using Entries = std::vector<std::pair<std::string, PickleBuilder>>;

inline PickleBuilder dict(const Entries& entries) {
  PickleBuilder pickle;
  pickle.empty_dict();
  for (const auto& [key, value] : entries) pickle.string(key).raw(value).setitem();
  return pickle;
}

inline PickleBuilder list(const std::vector<PickleBuilder>& items) {
  PickleBuilder pickle;
  pickle.empty_list();
  for (const PickleBuilder& item : items) pickle.raw(item).append();
  return pickle;
}

// An object of a class that nobody knows, with attributes.
inline PickleBuilder object(const Entries& attributes) {
  PickleBuilder pickle;
  return pickle.global("lib", "Net").empty_tuple().newobj().raw(dict(attributes)).build();
}

// An nn.Module with a parameter w, a buffer b that its state_dict() leaves out, and attributes.
inline PickleBuilder module_with_hidden_buffer(Entries attributes = {}) {
  PickleBuilder hidden;
  hidden.empty_set().mark().string("b").additems();
  attributes.insert(attributes.begin(), {{"_parameters", dict({{"w", tensor()}})},
                                         {"_buffers", dict({{"b", tensor()}})},
                                         {"_modules", dict({})},
                                         {"_non_persistent_buffers_set", hidden}});
  return object(attributes);
}

inline Checkpoint checkpoint(const PickleBuilder& object, const Limits& limits = {}) {
  PickleBuilder pickle;
  pickle.protocol(4).raw(object).stop();
  const auto zip = torch_zip({{"data.pkl", pickle.bytes()},
                              {"data/0", std::string(32, '0')},
                              {"data/1", "01234567"},
                              {"data/2", "01234567"},
                              {"data/3", "01234567"}});
  return open_checkpoint(std::make_shared<MemorySource>(zip), limits);
}

// A choice as texts; it outlives its checkpoint.
struct Selected {
  std::vector<std::string> names;
  std::vector<std::string> sources;
  std::vector<std::string> groups;   // "stem: name name"
  std::vector<std::string> aliases;  // "name -> kept"
  std::vector<std::string> casts;    // "name F16"
  std::string root;
  std::vector<std::string> left_out;  // "key:tensors"
  uint64_t excluded = 0;
  std::vector<std::string> notes;
  std::vector<std::string> warnings;
  std::map<std::string, std::string> metadata;
  bool keeps_structure = false;
};

inline Selected selected(const PickleBuilder& object, const Rules& rules,
                         Scope scope = Scope::Weights) {
  const Checkpoint from = checkpoint(object);
  const Choice choice = select(from, rules, scope);
  const Selection& selection = choice.selection;
  Selected result;
  for (const SelectedGroup& group : selection.groups) {
    result.groups.push_back(group.stem + ":");
    for (const auto& [name, kept] : group.aliases)
      result.aliases.emplace_back(name).append(" -> ").append(kept);
  }
  for (const SelectedTensor& chosen : selection.tensors) {
    result.names.push_back(chosen.name);
    result.sources.push_back(chosen.source);
    result.groups.at(chosen.group) += " " + chosen.name;
    if (chosen.cast)
      result.casts.push_back(chosen.name + " " + std::string(info(*chosen.cast).safetensors));
  }
  for (const Omission& omission : choice.left_out)
    result.left_out.push_back(omission.key + ":" + std::to_string(omission.tensors));
  result.root = choice.root;
  result.excluded = choice.excluded;
  result.notes = choice.notes;
  result.warnings = choice.warnings;
  result.metadata = selection.metadata;
  result.keeps_structure = selection.graph != nullptr && selection.root == choice.part;
  return result;
}

inline Selected selected(const PickleBuilder& object, const std::string& wanted = "") {
  Rules rules;
  rules.select = wanted;
  return selected(object, rules);
}

}  // namespace unbrine
