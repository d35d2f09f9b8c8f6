// Tensors, from where they were written, with the calls that give them back their class, attributes
// and parts.
#include <algorithm>

#include "formats/error.h"
#include "formats/text.h"
#include "formats/tree/json_fields.h"
#include "formats/tree/tree_builder.h"

namespace unbrine {
namespace {

// Layouts of tensors kept in several, with the roles of their parts; those in brackets may be
// missing.
struct CompositeLayout {
  std::string_view name;
  std::vector<std::string_view> roles;
  size_t required;
};

const std::vector<CompositeLayout>& composite_layouts() {
  static const std::vector<CompositeLayout> kLayouts = {
      {"sparse_coo", {"indices", "values"}, 2},
      {"sparse_csr", {"crow_indices", "col_indices", "values"}, 3},
      {"sparse_bsr", {"crow_indices", "col_indices", "values"}, 3},
      {"sparse_csc", {"ccol_indices", "row_indices", "values"}, 3},
      {"sparse_bsc", {"ccol_indices", "row_indices", "values"}, 3},
      {"per_tensor_affine", {"", "scale", "zero_point"}, 3},
      {"per_channel_affine", {"", "scale", "zero_point", "axis"}, 4},
      {"per_channel_affine_float_qparams", {"", "scale", "zero_point", "axis"}, 4},
      {"strided_nested", {"values", "sizes", "strides", "offsets"}, 4},
      {"jagged", {"values", "offsets", "lengths"}, 2},
  };
  return kLayouts;
}

const CompositeLayout& layout_named(std::string_view name) {
  const auto row = std::ranges::find(composite_layouts(), name, &CompositeLayout::name);
  if (row == composite_layouts().end())
    fail(ErrorCode::Corrupt, "layout ", quoted(name), " is not known");
  return *row;
}

// The only part of a tensor that is kept as another dtype.
struct SingleLayout {
  std::string_view name;
  std::string_view role;
};

constexpr SingleLayout kSingleLayouts[] = {
    {"complex", "pair"}, {"packed", "bytes"}, {"float4", "values"}};

// What one dtype is written as may be read back as it, and nothing else may.
void require_written_as(DType written, DType wanted) {
  if (info(written).safetensors == info(wanted).safetensors) return;
  fail(ErrorCode::Corrupt, "the file has ", dtype_name(written), ", which is not what ",
       dtype_name(wanted), " is written as");
}

bool is_global(const Graph& graph, NodeId node, std::string_view module, std::string_view name) {
  return graph.is(node, NodeKind::Global) && graph.global(node).module == module &&
         graph.global(node).name == name;
}

}  // namespace

void TreeBuilder::collect_tensor(Frame& frame) {
  const JsonValue content = content_of(frame);
  require_only(content,
               "file name alias_of layout scheme dtype shape parts meta left_out requires_grad "
               "class state ");
  add_class(frame, content);
  if (const auto state = field_of(content, "state")) frame.parts.push_back({*state, "state"});
}

NodeId TreeBuilder::finish_tensor(Frame& frame) {
  const JsonValue content = content_of(frame);
  const NodeId leaf = leaf_of(content);
  return wrapped(leaf, {.type = class_node(frame, content),
                        .state = part_named(frame, "state"),
                        .requires_grad = flag_of(content, "requires_grad")});
}

NodeId TreeBuilder::leaf_of(const JsonValue& content) {
  if (flag_of(content, "left_out")) return graph_.add_composite(without_data(content, "left_out"));
  if (flag_of(content, "meta")) return graph_.add_composite(without_data(content, "meta"));
  if (const auto row = single_row(content)) return graph_.add_tensor(*row);
  return graph_.add_composite(composite_of(content));
}

// None for a tensor that is kept in several.
std::optional<uint32_t> TreeBuilder::single_row(const JsonValue& content) {
  const auto layout = field_of(content, "layout");
  if (!layout) return row_at(content);
  const auto single = std::ranges::find(kSingleLayouts, layout->text(), &SingleLayout::name);
  if (single == std::end(kSingleLayouts)) return std::nullopt;
  const JsonValue parts = required_field(content, "parts");
  const std::optional<DType> dtype = torch_dtype(content);
  if (!dtype) fail(ErrorCode::Corrupt, "has no 'dtype'");
  const uint32_t row = row_at(required_field(parts, single->role));
  require_written_as(checkpoint_.tensors.tensors()[row].dtype, *dtype);
  return files_.row_as(row, *dtype, shape(content));
}

uint32_t TreeBuilder::row_at(const JsonValue& place) {
  const auto alias_of = field_of(place, "alias_of");
  return files_.row(required_field(place, "file").text(), required_field(place, "name").text(),
                    alias_of ? alias_of->text() : std::string_view());
}

std::optional<DType> TreeBuilder::torch_dtype(const JsonValue& content) const {
  const auto name = field_of(content, "dtype");
  if (!name) return std::nullopt;
  for (const DTypeInfo& row : dtype_table())
    if (dtype_name(row.dtype) == name->text()) return row.dtype;
  fail(ErrorCode::Unsupported, "dtype ", quoted(name->text()), " is not known");
}

TreeBuilder::Indices TreeBuilder::shape(const JsonValue& content) const {
  Indices sizes;
  for (const JsonValue& size : required_field(content, "shape").items()) {
    check_limit("dimensions:", sizes.size() + 1, "max_rank", checkpoint_.limits.max_rank);
    sizes.push_back(size.whole());
  }
  return sizes;
}

// --- Kept in parts, or without data ---

Composite TreeBuilder::without_data(const JsonValue& content, std::string_view layout) const {
  return {layout, torch_dtype(content), shape(content), {}};
}

Composite TreeBuilder::composite_of(const JsonValue& content) {
  std::string_view name = required_field(content, "layout").text();
  if (name == "quantized") name = required_field(content, "scheme").text();
  const CompositeLayout& layout = layout_named(name);
  const JsonValue parts = required_field(content, "parts");
  Composite composite{layout.name, torch_dtype(content), shape(content), {}};
  for (size_t i = 0; i < layout.roles.size(); ++i) {
    const auto place = field_of(parts, layout.roles[i]);
    if (!place && i < layout.required)
      fail(ErrorCode::Corrupt, "has no part ", quoted(layout.roles[i]));
    if (place)
      composite.parts.push_back({layout.roles[i], part_leaf(*place, layout.roles[i], composite)});
  }
  if (parts.fields().size() != composite.parts.size())
    fail(ErrorCode::Corrupt, "has a part that is none of ", layout.name);
  return composite;
}

// The integers of a quantized tensor and complex values have in the file another dtype.
NodeId TreeBuilder::part_leaf(const JsonValue& place, std::string_view role,
                              const Composite& composite) {
  uint32_t row = row_at(place);
  const Tensor& tensor = checkpoint_.tensors.tensors()[row];
  const bool has_dtype = role.empty() || role == "values";
  if (has_dtype && composite.dtype && *composite.dtype != tensor.dtype) {
    const DTypeInfo& wanted = info(*composite.dtype);
    const bool is_pair = wanted.packing == Packing::TrailingPair;
    Indices sizes = tensor.shape;
    if (is_pair && !sizes.empty()) sizes.pop_back();
    const bool may_be = is_pair || role.empty();
    if (may_be) require_written_as(tensor.dtype, *composite.dtype);
    if (may_be) row = files_.row_as(row, *composite.dtype, sizes);
  }
  return graph_.add_tensor(row);
}

// --- Class, attributes, gradient ---

NodeId TreeBuilder::wrapped(NodeId leaf, const Wrapping& wrapping) {
  const bool is_plain = wrapping.type == kNoNode && wrapping.state == kNoNode;
  if (is_plain) return wrapping.requires_grad ? with_gradient(leaf) : leaf;
  if (!is_global(graph_, wrapping.type == kNoNode ? leaf : wrapping.type, "torch.nn.parameter",
                 "Parameter"))
    return of_class(leaf, wrapping);
  Nodes args = {leaf, graph_.add_bool(wrapping.requires_grad),
                call(global("collections", "OrderedDict"), {})};
  const bool has_state = wrapping.state != kNoNode;
  if (has_state) args.push_back(wrapping.state);
  const NodeId function =
      global("torch._utils", has_state ? "_rebuild_parameter_with_state" : "_rebuild_parameter");
  return become(call(function, args), leaf);
}

NodeId TreeBuilder::of_class(NodeId leaf, const Wrapping& wrapping) {
  const Meaning meaning =
      wrapping.type == kNoNode ? Meaning::Unknown : graph_.meaning(wrapping.type);
  if (meaning == Meaning::UninitializedParameter) {
    Composite composite = graph_.composite(leaf);
    composite.layout = "uninitialized";
    const NodeId made = call(wrapping.type, {graph_.add_bool(wrapping.requires_grad)});
    if (wrapping.state != kNoNode) graph_.append_state(made, wrapping.state);
    graph_.become_composite(made, std::move(composite));
    return made;
  }
  if (meaning == Meaning::Parameter) {
    const NodeId made = call(wrapping.type, {leaf, graph_.add_bool(wrapping.requires_grad)});
    if (wrapping.state != kNoNode) graph_.append_state(made, wrapping.state);
    return become(made, leaf);
  }
  const NodeId type = wrapping.type == kNoNode ? global("torch", "Tensor") : wrapping.type;
  const NodeId state = wrapping.state == kNoNode ? graph_.add_none() : wrapping.state;
  const NodeId inner = wrapping.requires_grad ? with_gradient(leaf) : leaf;
  const NodeId function = global("torch._tensor", "_rebuild_from_type_v2");
  const bool is_composite = graph_.is(leaf, NodeKind::Composite);
  const NodeId rebuild =
      global("torch._utils", is_composite ? "_rebuild_parameter" : "_rebuild_tensor_v2");
  const Nodes given = is_composite
                          ? Nodes{leaf, graph_.add_bool(wrapping.requires_grad), graph_.add_none()}
                          : Nodes{};
  return become(call(function, {rebuild, type, tuple(given), state}), inner);
}

// A view says so in its row; of what has no row it is said by a call.
NodeId TreeBuilder::with_gradient(NodeId leaf) {
  if (graph_.is(leaf, NodeKind::Tensor))
    return graph_.add_tensor(files_.row_with_gradient(graph_.index(leaf)));
  const NodeId function = global("torch._utils", "_rebuild_device_tensor_from_cpu_tensor");
  const NodeId none = graph_.add_none();
  return become(call(function, {leaf, none, none, graph_.add_bool(true)}), leaf);
}

NodeId TreeBuilder::become(NodeId call, NodeId leaf) {
  if (graph_.is(leaf, NodeKind::Tensor))
    graph_.become_tensor(call, graph_.index(leaf));
  else
    graph_.become_composite(call, Composite(graph_.composite(leaf)));
  return call;
}

// --- Storages ---

NodeId TreeBuilder::finish_storage(Frame& frame) {
  const JsonValue content = content_of(frame);
  require_only(content, "file name dtype left_out ");
  const std::optional<DType> dtype = torch_dtype(content);
  if (flag_of(content, "left_out"))
    return graph_.add_composite({"left_out_storage", dtype, {}, {}});
  const uint32_t row = row_at(content);
  const Tensor& tensor = checkpoint_.tensors.tensors()[row];
  const NodeId storage = graph_.add_persistent_id(graph_.add_none());
  graph_.become_storage(storage, tensor.storage, dtype);
  graph_.become_whole_storage(storage, row);
  return storage;
}

}  // namespace unbrine
