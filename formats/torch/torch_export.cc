#include "formats/torch/torch_export.h"

#include <algorithm>

#include "formats/error.h"
#include "formats/json_document.h"
#include "formats/object_view.h"
#include "formats/text.h"
#include "formats/torch/torch_archive.h"

namespace unbrine {
namespace {

constexpr std::string_view kSaved = ".pt";

// The records of a model's weights, or of its constants: <folder><model><config>.
struct Payloads {
  std::string_view folder;
  std::string_view config;
};

constexpr Payloads kWeights{"data/weights/", "_weights_config.json"};
constexpr Payloads kConstants{"data/constants/", "_constants_config.json"};

// torch._export.serde.schema.Layout and ScalarType: not the numbers that torch uses elsewhere.
constexpr uint64_t kStrided = 7;

struct ScalarType {
  uint64_t number;
  DType dtype;
};

constexpr ScalarType kScalarTypes[] = {
    {1, DType::U8},          {2, DType::I8},          {3, DType::I16},       {4, DType::I32},
    {5, DType::I64},         {6, DType::F16},         {7, DType::F32},       {8, DType::F64},
    {9, DType::C32},         {10, DType::C64},        {11, DType::C128},     {12, DType::Bool},
    {13, DType::BF16},       {28, DType::U16},        {29, DType::F8E4M3FN}, {30, DType::F8E5M2},
    {31, DType::F8E4M3FNUZ}, {32, DType::F8E5M2FNUZ}, {33, DType::F8E8M0},   {34, DType::U32},
    {35, DType::U64},
};

DType dtype_of(uint64_t number) {
  const auto row = std::ranges::find(kScalarTypes, number, &ScalarType::number);
  if (row == std::end(kScalarTypes))
    fail(ErrorCode::Unsupported, "dtype ", number, " is not known");
  return row->dtype;
}

// {"as_int": 3}. Only the sizes of what a program computes may be expressions.
uint64_t fixed_count(const JsonValue& value) {
  const std::optional<JsonValue> number = value.find("as_int");
  if (!number) fail(ErrorCode::Unsupported, "is no fixed number");
  return number->count();
}

std::vector<uint64_t> fixed_counts(const JsonValue& list) {
  std::vector<uint64_t> counts;
  for (const JsonValue& item : list.items()) counts.push_back(fixed_count(item));
  return counts;
}

template <class Read>
auto read_field(const JsonValue& object, std::string_view key, Read read) {
  return in_context(key, [&] { return read(object.its(key)); });
}

Tensor read_view(const JsonValue& meta) {
  const auto count = [](const JsonValue& value) { return value.count(); };
  if (const uint64_t layout = read_field(meta, "layout", count); layout != kStrided)
    fail(ErrorCode::Unsupported, "layout ", layout, " is not strided");
  Tensor tensor;
  tensor.dtype = dtype_of(read_field(meta, "dtype", count));
  tensor.shape = read_field(meta, "sizes", fixed_counts);
  tensor.stride = read_field(meta, "strides", fixed_counts);
  tensor.offset = read_field(meta, "storage_offset", fixed_count);
  tensor.requires_grad =
      read_field(meta, "requires_grad", [](const JsonValue& value) { return value.boolean(); });
  return tensor;
}

bool has_elements(const std::vector<uint64_t>& shape) {
  return std::ranges::find(shape, 0U) == shape.end();
}

// Copies the entries of a saved dict.
void set_members(Graph& graph, NodeId dict, NodeId saved) {
  if (!is_mapping(graph, graph.resolved(saved)))
    fail(ErrorCode::Corrupt, "expected a dict, found ", kind_name(graph.kind(saved)));
  std::vector<std::pair<std::string, NodeId>> entries;  // the graph's text moves when it grows
  for (const Member& member : members(graph, graph.resolved(saved), ModuleView::StateDict)) {
    append_part(entries.emplace_back("", member.value).first, member, true);
  }
  for (const auto& [key, value] : entries) graph.set(dict, key, value);
}

void set_constants(Graph& graph, NodeId weights, NodeId constants) {
  if (graph.items(constants).empty()) return;
  graph.set(weights, free_name(graph, weights, "constants"), constants);
}

class ExportReader {
 public:
  explicit ExportReader(TorchArchive& torch)
      : torch_(torch), checkpoint_(torch.checkpoint()), graph_(checkpoint_.graph) {}

  NodeId read() {
    const ArchiveEntry& format = torch_.require("archive_format");
    if (const std::string text = torch_.text(format, 64); text != "pt2")
      fail(ErrorCode::Unsupported, quoted(format.name), ": is ", quoted(text), ", known is 'pt2'");
    const std::vector<std::string> models = find_models();
    if (models.empty())
      fail(ErrorCode::Unsupported, "is a torch.export archive without weights: nothing in ",
           quoted(torch_.full_name(kWeights.folder)), " lists them");
    if (models.size() == 1) return read_model(models[0]);
    const NodeId all = graph_.add_container(NodeKind::Dict);
    for (const std::string& model : models) graph_.set(all, model, read_model(model));
    return all;
  }

 private:
  std::vector<std::string> find_models() const {
    std::vector<std::string> models;
    const std::string folder = torch_.full_name(kWeights.folder);
    for (const ArchiveEntry& entry : torch_.entries()) {
      if (!entry.name.starts_with(folder)) continue;
      for (const std::string_view suffix : {kWeights.config, kSaved})
        if (entry.name.ends_with(suffix) && entry.name.size() >= folder.size() + suffix.size())
          models.push_back(
              entry.name.substr(folder.size(), entry.name.size() - folder.size() - suffix.size()));
    }
    return models;
  }

  NodeId read_model(const std::string& model) {
    const NodeId weights = graph_.add_container(NodeKind::Dict);
    const NodeId constants = graph_.add_container(NodeKind::Dict);
    read_payloads(kWeights, model, weights);
    read_payloads(kConstants, model, constants);
    set_constants(graph_, weights, constants);
    return weights;
  }

  void read_payloads(const Payloads& payloads, const std::string& model, NodeId dict) {
    const std::string base = std::string(payloads.folder) + model;
    if (const ArchiveEntry* saved = torch_.find(base + std::string(kSaved)))
      return in_context(quoted(saved->name),
                        [&] { set_members(graph_, dict, read_saved(*saved)); });
    if (const ArchiveEntry* config = torch_.find(base + std::string(payloads.config)))
      in_context(escaped(config->name), [&] { read_config(*config, payloads.folder, dict); });
  }

  void read_config(const ArchiveEntry& entry, std::string_view folder, NodeId dict) {
    const JsonDocument config(*torch_.open(entry), checkpoint_.limits.max_header_bytes);
    for (const JsonField& payload : config.root().its("config").fields())
      in_context(quoted(payload.key),
                 [&] { graph_.set(dict, payload.key, read_payload(payload, folder)); });
  }

  NodeId read_payload(const JsonField& field, std::string_view folder) {
    const JsonValue& payload = field.value;
    const std::string_view path = payload.its("path_name").text();
    const ArchiveEntry& entry = torch_.require(std::string(folder).append(path));
    if (path.starts_with("custom_obj_")) return leave_out(field.key);
    if (payload.its("use_pickle").boolean())
      return in_context(quoted(entry.name), [&] { return read_saved(entry); });
    return read_tensor(payload.its("tensor_meta"), entry);
  }

  NodeId read_saved(const ArchiveEntry& entry) {
    return read_content(torch_.open(entry), checkpoint_).root;
  }

  // An object of a C++ class, in a format of that class.
  NodeId leave_out(std::string_view name) {
    checkpoint_.notes.push_back("constant " + quoted(name) +
                                " is an object of a C++ class: left out");
    return graph_.add_none();
  }

  NodeId read_tensor(const JsonValue& meta, const ArchiveEntry& entry) {
    Tensor tensor = read_view(meta);
    if (entry.size == 0 && has_elements(tensor.shape))  // exported without data
      return graph_.add_composite({"meta", tensor.dtype, tensor.shape, {}});
    tensor.storage = torch_.storage_row(entry);
    return graph_.add_tensor(checkpoint_.tensors.add(std::move(tensor)));
  }

  TorchArchive& torch_;
  Checkpoint& checkpoint_;
  Graph& graph_;
};

// Of early archives: whichever of the two names the archive has.
NodeId read_early(const Archive& archive, const std::string& stem, Checkpoint& checkpoint) {
  const NodeId dict = checkpoint.graph.add_container(NodeKind::Dict);
  for (const char* suffix : {".pt", ".json"}) {
    const ArchiveEntry* entry = archive.find(stem + suffix);
    if (entry == nullptr) continue;
    in_context(quoted(entry->name), [&] {
      const auto saved = archive.open(*entry, checkpoint.limits, checkpoint.inflated_bytes);
      set_members(checkpoint.graph, dict, read_content(saved, checkpoint).root);
    });
  }
  return dict;
}

}  // namespace

Content read_torch_export(const Probe&, const std::shared_ptr<const Archive>& archive,
                          const std::string& prefix, Checkpoint& checkpoint) {
  TorchArchive torch(archive, prefix, checkpoint);
  return {ExportReader(torch).read(), "torch-export"};
}

Content read_torch_export_early(const Probe&, const std::shared_ptr<const Archive>& archive,
                                const std::string&, Checkpoint& checkpoint) {
  const NodeId weights = read_early(*archive, "serialized_state_dict", checkpoint);
  const NodeId constants = read_early(*archive, "serialized_constants", checkpoint);
  set_constants(checkpoint.graph, weights, constants);
  return {weights, "torch-export"};
}

}  // namespace unbrine
