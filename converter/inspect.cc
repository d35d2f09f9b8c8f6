#include "converter/inspect.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "converter/json_parts.h"
#include "formats/error.h"
#include "formats/json.h"
#include "formats/text.h"

namespace unbrine {
namespace {

// Two tensors with equal keys are the same elements, read in the same way.
auto view_key(const Checkpoint& checkpoint, const Tensor& tensor) {
  const Storage& storage = checkpoint.tensors.storage_of(tensor);
  return std::tuple(storage.source.get(), storage.offset + first_byte(tensor), tensor.dtype,
                    tensor.shape, tensor.stride, tensor.conj, tensor.neg);
}

std::vector<InspectedTensor> list_tensors(const Checkpoint& checkpoint,
                                          const Selection& selection) {
  std::map<decltype(view_key(checkpoint, {})), std::string> first_names;
  std::vector<InspectedTensor> list;
  for (const SelectedTensor& selected : selection.tensors) {
    const Tensor& tensor = selection.tensor(selected);
    InspectedTensor row{selected.name, tensor.dtype,       tensor.shape,
                        tensor.stride, byte_count(tensor), ""};
    const bool has_bytes = row.bytes != 0;
    if (has_bytes) {
      const auto [first, is_new] =
          first_names.try_emplace(view_key(checkpoint, tensor), selected.name);
      if (!is_new) row.alias_of = first->second;
    }
    list.push_back(std::move(row));
  }
  return list;
}

std::vector<NamedGlobal> list_globals(const Graph& graph) {
  const auto full_name = [](const Global& global) {
    return escaped(std::string(global.module) + "." + std::string(global.name));
  };
  std::map<std::string, bool> called;
  for (const Global& global : graph.globals())
    if (global.meaning == Meaning::Unknown) called.emplace(full_name(global), false);
  for (const NodeId node : graph.call_nodes()) {
    if (!graph.is(node, NodeKind::Call)) continue;
    const NodeId callee = graph.call(node).callee;
    if (!graph.is(callee, NodeKind::Global)) continue;
    const auto found = called.find(full_name(graph.global(callee)));
    if (found != called.end()) found->second = true;
  }
  std::vector<NamedGlobal> list;
  for (const auto& [name, is_called] : called) list.push_back({name, is_called});
  return list;
}

void write_tensor(JsonWriter& json, const InspectedTensor& tensor) {
  json.begin_object();
  json.key("name").value(tensor.name);
  json.key("dtype").value(info(tensor.dtype).torch_name);
  json.key("safetensors_dtype").value(info(tensor.dtype).safetensors);
  write_numbers(json.key("shape"), tensor.shape);
  write_numbers(json.key("stride"), tensor.stride);
  json.key("bytes").value(tensor.bytes);
  if (!tensor.alias_of.empty()) json.key("alias_of").value(tensor.alias_of);
  json.end_object();
}

}  // namespace

Inspection inspect(const std::filesystem::path& file, const Rules& rules, const Limits& limits) {
  return in_context(escaped(file.native()), [&] {
    const Checkpoint checkpoint = open_checkpoint(file, limits);
    checkpoint.cross_check();
    Choice choice = select(checkpoint, rules);
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
  json.key("globals").begin_array();
  for (const NamedGlobal& global : inspection.globals)
    json.begin_object()
        .key("name")
        .value(global.name)
        .key("called")
        .value(global.called)
        .end_object();
  json.end_array();
  json.key("metadata").begin_object();
  for (const auto& [key, value] : inspection.metadata) json.key(key).value(value);
  json.end_object();
  write_strings(json.key("notes"), inspection.notes);
  return json.end_object().take();
}

}  // namespace unbrine
