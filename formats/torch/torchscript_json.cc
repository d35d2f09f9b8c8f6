#include "formats/torch/torchscript_json.h"

#include <algorithm>
#include <bit>
#include <set>

#include "formats/error.h"
#include "formats/json_document.h"
#include "formats/text.h"
#include "formats/torch/torch_archive.h"
#include "formats/torch/torchscript.h"

namespace unbrine {
namespace {

// Names of caffe2's TensorProto.DataType that torch wrote; `quantized` where isQuantized is set.
struct DataType {
  std::string_view name;
  DType dtype;
  std::optional<DType> quantized = {};
};

constexpr DataType kDataTypes[] = {
    {"FLOAT", DType::F32},
    {"DOUBLE", DType::F64},
    {"FLOAT16", DType::F16},
    {"INT64", DType::I64},
    {"INT32", DType::I32, DType::QInt32},
    {"INT16", DType::I16},
    {"INT8", DType::I8, DType::QInt8},
    {"UINT8", DType::U8, DType::QUInt8},
    {"BOOL", DType::Bool},
};

DType dtype_of(std::string_view name, bool quantized) {
  const auto row = std::ranges::find(kDataTypes, name, &DataType::name);
  if (row == std::end(kDataTypes) || (quantized && !row->quantized))
    fail(ErrorCode::Unsupported, "dataType ", quoted(name),
         quantized ? " of a quantized tensor" : "", " is not known");
  return quantized ? *row->quantized : row->dtype;
}

std::vector<uint64_t> counts(const JsonValue& tensor, std::string_view key) {
  std::vector<uint64_t> counts;
  const std::optional<JsonValue> array = tensor.find(key);
  if (!array) return counts;  // of a scalar
  for (const JsonValue& item : array->items())
    counts.push_back(in_context(key, [&] { return item.count(); }));
  return counts;
}

// A field that protobuf leaves out where it holds the default.
bool flag(const JsonValue& object, std::string_view key) {
  const std::optional<JsonValue> value = object.find(key);
  return value && in_context(key, [&] { return value->boolean(); });
}

class ModelReader {
 public:
  explicit ModelReader(TorchArchive& torch) : torch_(torch), graph_(torch.checkpoint().graph) {}

  NodeId read() {
    const ArchiveEntry& entry = torch_.require("model.json");
    const std::string name = escaped(entry.name);
    const JsonDocument model = in_context(name, [&] {
      return JsonDocument(*torch_.open(entry), torch_.checkpoint().limits.max_header_bytes);
    });
    in_context(name, [&] { read_tensors(model.root()); });
    read_attribute_values();
    return in_context(name, [&] { return read_modules(model.root()); });
  }

 private:
  struct Pending {
    JsonValue fields;
    NodeId node;
  };

  // --- The table of tensors ---

  void read_tensors(const JsonValue& model) {
    if (const std::optional<JsonValue> table = model.find("tensors"))
      for (const JsonValue& tensor : table->items())
        in_context("tensor " + std::to_string(tensors_.size()),
                   [&] { tensors_.push_back({read_tensor(tensor)}); });
  }

  // A node for each entry of the table.
  NodeId read_tensor(const JsonValue& fields) {
    const bool quantized = flag(fields, "isQuantized");
    Tensor tensor;
    tensor.dtype = dtype_of(fields.its("dataType").text(), quantized);
    tensor.shape = counts(fields, "dims");
    tensor.stride = counts(fields, "strides");
    tensor.requires_grad = flag(fields, "requiresGrad");
    if (const std::optional<JsonValue> offset = fields.find("offset"))
      tensor.offset = in_context("offset", [&] { return offset->count(); });
    const JsonValue data = fields.its("data");
    tensor.storage = torch_.storage_row(torch_.require(data.its("key").text()));
    return quantized ? add_quantized(fields, tensor) : add(tensor);
  }

  NodeId add(const Tensor& tensor) {
    return graph_.add_tensor(torch_.checkpoint().tensors.add(tensor));
  }

  NodeId add_quantized(const JsonValue& fields, const Tensor& integers) {
    const auto scale =
        std::bit_cast<uint64_t>(in_context("scale", [&] { return fields.its("scale").number(); }));
    const auto zero_point = static_cast<uint64_t>(
        in_context("zeroPoint", [&] { return fields.its("zeroPoint").integer(); }));
    return graph_.add_composite({"per_tensor_affine",
                                 integers.dtype,
                                 integers.shape,
                                 {{"", add(integers)},
                                  {"scale", add_number(DType::F64, scale)},
                                  {"zero_point", add_number(DType::I64, zero_point)}}});
  }

  // A tensor of no dimension whose 8 bytes the table itself holds.
  NodeId add_number(DType dtype, uint64_t bits) {
    std::vector<uint8_t> bytes(sizeof bits);
    for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<uint8_t>(bits >> (8 * i));
    Storage storage;
    storage.name = "quantizer of tensor " + std::to_string(tensors_.size());
    storage.size = bytes.size();
    storage.source = std::make_shared<MemorySource>(std::move(bytes));
    Tensor tensor;
    tensor.dtype = dtype;
    tensor.storage = torch_.checkpoint().tensors.add_storage(std::move(storage));
    return add(tensor);
  }

  NodeId tensor_at(int64_t id) {
    if (id < 0 || static_cast<uint64_t>(id) >= tensors_.size())
      fail(ErrorCode::Corrupt, "tensor ", id, " is not in the table, which has ", tensors_.size());
    TableEntry& entry = tensors_[static_cast<size_t>(id)];
    entry.is_named = true;
    return entry.node;
  }

  // --- attributes.pkl: a tuple; its tensors are build_tensor_from_id(number in the table) ---

  void read_attribute_values() {
    const ArchiveEntry* entry = torch_.find("attributes.pkl");
    if (entry == nullptr) return;
    const size_t first_call = graph_.call_nodes().size();
    const NodeId values = torch_.read_pickle(*entry, {"tensors/"});
    require_tuple(graph_, values, entry->name);
    in_context(escaped(entry->name), [&] {
      for (size_t i = first_call; i < graph_.call_nodes().size(); ++i)
        resolve_tensor(graph_.call_nodes()[i]);
    });
    attributes_ = graph_.items(values).to_vector();
  }

  void resolve_tensor(NodeId call) {
    if (graph_.callee_meaning(call) != Meaning::JitTensorId) return;
    in_context("byte " + std::to_string(graph_.call(call).offset), [&] {
      const NodeId args = graph_.call(call).args;
      const bool is_tuple = graph_.is(args, NodeKind::Tuple) && !graph_.items(args).empty();
      const NodeId id = is_tuple ? *graph_.items(args).begin() : kNoNode;
      if (!is_tuple || !graph_.is(id, NodeKind::Int))
        fail(ErrorCode::Corrupt, "build_tensor_from_id: expected a number");
      graph_.become_alias(call, tensor_at(graph_.integer(id)));
    });
  }

  NodeId attribute_at(int64_t id) const {
    if (id < 0 || static_cast<uint64_t>(id) >= attributes_.size())
      fail(ErrorCode::Corrupt, "attribute ", id, " is not in attributes.pkl, which has ",
           attributes_.size());
    return attributes_[static_cast<size_t>(id)];
  }

  // --- The tree of modules: objects as newer files have them in data.pkl ---

  NodeId read_modules(const JsonValue& model) {
    const NodeId root = add_module();
    std::vector<Pending> pending = {{model.its("mainModule"), root}};
    while (!pending.empty()) {
      const Pending next = pending.back();
      pending.pop_back();
      read_module(next, pending);
    }
    name_constants(root);
    return root;
  }

  NodeId add_module() {
    Call call{};
    call.kind = CallKind::NewObj;
    call.callee = graph_.add_global(as_bytes("__torch__"), as_bytes("Module"), 0);
    call.args = graph_.add_empty_tuple();
    return graph_.add_call(call);
  }

  void read_module(const Pending& module, std::vector<Pending>& pending) {
    const NodeId attributes = graph_.add_container(NodeKind::Dict);
    graph_.append_state(module.node, attributes);
    std::set<std::string_view> names;
    const auto set = [&](const JsonValue& named, NodeId value) {
      const std::string_view name = named.its("name").text();
      if (!names.insert(name).second)
        fail(ErrorCode::Corrupt, "a module has two members of the name ", quoted(name));
      graph_.set(attributes, name, value);
    };
    for_each(module.fields, "parameters", [&](const JsonValue& parameter) {
      set(parameter, tensor_at(parameter.its("tensorId").integer()));
    });
    for_each(module.fields, "attributes", [&](const JsonValue& attribute) {
      set(attribute, attribute_at(attribute.its("id").integer()));
    });
    for_each(module.fields, "submodules", [&](const JsonValue& submodule) {
      pending.push_back({submodule, add_module()});
      set(submodule, pending.back().node);
    });
  }

  template <class Visit>
  static void for_each(const JsonValue& module, std::string_view key, Visit visit) {
    const std::optional<JsonValue> list = module.find(key);
    if (!list) return;
    for (const JsonValue& item : in_context(key, [&] { return list->items(); }))
      in_context(key, [&] { visit(item); });
  }

  // Tensors that no module has are those that the code calls CONSTANTS.c<number in the table>.
  void name_constants(NodeId root) {
    const NodeId constants = graph_.add_container(NodeKind::Dict);
    for (size_t i = 0; i < tensors_.size(); ++i) {
      if (tensors_[i].is_named) continue;
      const NodeId pair[] = {graph_.add_int(static_cast<int64_t>(i)), tensors_[i].node};
      graph_.append(constants, pair, 2);
    }
    add_constants(graph_, root, constants);
  }

  struct TableEntry {
    NodeId node;
    bool is_named = false;
  };

  TorchArchive& torch_;
  Graph& graph_;
  std::vector<TableEntry> tensors_;
  std::vector<NodeId> attributes_;
};

}  // namespace

Content read_torchscript_json(const Probe&, const std::shared_ptr<const Archive>& archive,
                              const std::string& prefix, Checkpoint& checkpoint) {
  TorchArchive torch(archive, prefix, checkpoint);
  return {ModelReader(torch).read(), "torchscript-json"};
}

}  // namespace unbrine
