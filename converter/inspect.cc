#include "converter/inspect.h"

#include <algorithm>
#include <map>

#include "converter/json_parts.h"
#include "formats/error.h"
#include "formats/json.h"
#include "formats/text.h"
#include "formats/view_key.h"

namespace unbrine {
namespace {

std::vector<InspectedTensor> list_tensors(const Checkpoint& checkpoint,
                                          const Selection& selection) {
  std::map<ViewKey, std::string> first_names;
  std::vector<InspectedTensor> list;
  for (const SelectedTensor& selected : selection.tensors) {
    const Tensor& tensor = selection.tensor(selected);
    InspectedTensor row{selected.name, tensor.dtype,       tensor.shape,
                        tensor.stride, byte_count(tensor), ""};
    const bool has_bytes = row.bytes != 0;
    if (has_bytes) {
      const auto [first, is_new] =
          first_names.try_emplace(view_key(checkpoint.tensors, tensor), selected.name);
      if (!is_new) row.alias_of = first->second;
    }
    list.push_back(std::move(row));
  }
  return list;
}

// The call that the node is, or was until a tensor took its place; nullptr if none is known.
const Call* call_of(const Graph& graph, NodeId node) {
  if (graph.is(node, NodeKind::Call)) return &graph.call(node);
  const bool is_tensor = graph.is(node, NodeKind::Tensor) || graph.is(node, NodeKind::Composite);
  return is_tensor && graph.has_tensor_call(node) ? &graph.tensor_call(node) : nullptr;
}

void write_tensor(JsonWriter& json, const InspectedTensor& tensor) {
  json.begin_object();
  json.key("name").value(tensor.name);
  json.key("dtype").value(dtype_name(tensor.dtype));
  json.key("safetensors_dtype").value(info(tensor.dtype).safetensors);
  write_numbers(json.key("shape"), tensor.shape);
  write_numbers(json.key("stride"), tensor.stride);
  json.key("bytes").value(tensor.bytes);
  if (!tensor.alias_of.empty()) json.key("alias_of").value(tensor.alias_of);
  json.end_object();
}

}  // namespace

std::vector<NamedGlobal> list_globals(const Graph& graph) {
  const auto full_name = [](const Global& global) {
    return escaped(std::string(global.module) + "." + std::string(global.name));
  };
  std::map<std::string, NamedGlobal> globals;
  for (const Global& global : graph.globals()) {
    const std::string name = full_name(global);
    globals.try_emplace(name, NamedGlobal{name, global.meaning != Meaning::Unknown, false});
  }
  for (const NodeId node : graph.call_nodes()) {
    const Call* call = call_of(graph, node);
    if (call == nullptr || !graph.is(call->callee, NodeKind::Global)) continue;
    globals.at(full_name(graph.global(call->callee))).called = true;
  }
  std::vector<NamedGlobal> list;
  for (auto& [name, global] : globals) list.push_back(std::move(global));
  return list;
}

Inspection inspect(const std::filesystem::path& file, const Rules& rules, const Limits& limits) {
  return in_context(escaped(file.native()), [&] {
    const Checkpoint checkpoint = open_checkpoint(file, limits);
    checkpoint.cross_check();
    Choice choice = select(checkpoint, rules, Scope::Weights);
    Inspection result;
    result.file = file;
    result.format = checkpoint.format;
    result.bytes = checkpoint.input_bytes();
    result.tensors = list_tensors(checkpoint, choice.selection);
    result.root = std::move(choice.root);
    result.left_out = std::move(choice.left_out);
    result.globals = list_globals(checkpoint.graph);
    result.metadata = checkpoint.metadata;
    result.notes = checkpoint.notes;
    result.notes.insert(result.notes.end(), choice.notes.begin(), choice.notes.end());
    result.notes.insert(result.notes.end(), choice.warnings.begin(), choice.warnings.end());
    return result;
  });
}

std::string inspection_json(const Inspection& inspection) {
  JsonWriter json;
  json.begin_object().key("schema").value("unbrine.inspect/1");
  json.key("file").value(repaired_utf8(inspection.file.native()));
  json.key("format").value(inspection.format);
  json.key("bytes").value(inspection.bytes);
  json.key("selected").value(repaired_utf8(inspection.root));
  json.key("tensors").begin_array();
  for (const InspectedTensor& tensor : inspection.tensors) write_tensor(json, tensor);
  json.end_array();
  write_omissions(json.key("left_out"), inspection.left_out);
  write_globals(json.key("globals"), inspection.globals);
  json.key("metadata").begin_object();
  for (const auto& [key, value] : inspection.metadata) json.key(key).value(value);
  json.end_object();
  write_strings(json.key("notes"), inspection.notes);
  return json.end_object().take();
}

}  // namespace unbrine
