#include "formats/torch/torch_composites.h"

#include <bit>
#include <cstring>

#include "formats/error.h"
#include "formats/object_view.h"
#include "formats/text.h"
#include "formats/torch/call_arguments.h"

namespace unbrine {
namespace {

struct SparseLayout {
  std::string_view name;
  std::string_view compressed;  // roles of its index tensors
  std::string_view plain;
};

constexpr SparseLayout kSparseLayouts[] = {
    {"sparse_csr", "crow_indices", "col_indices"},
    {"sparse_bsr", "crow_indices", "col_indices"},
    {"sparse_csc", "ccol_indices", "row_indices"},
    {"sparse_bsc", "ccol_indices", "row_indices"},
};

class CompositeReader {
 public:
  CompositeReader(Checkpoint& checkpoint, NodeId call)
      : checkpoint_(checkpoint), graph_(checkpoint.graph), call_(call) {}

  std::optional<Composite> read() {
    switch (graph_.callee_meaning(call_)) {
      case Meaning::RebuildSparse: return sparse();
      case Meaning::RebuildQuantized: return quantized();
      case Meaning::RebuildNested: return nested();
      case Meaning::RebuildJagged: return jagged();
      case Meaning::RebuildMeta: return meta();
      case Meaning::UninitializedParameter: return Composite{"uninitialized", {}, {}, {}};
      default: return std::nullopt;
    }
  }

 private:
  using Args = std::vector<NodeId>;

  DType dtype_of(NodeId tensor) const {
    return checkpoint_.tensors.tensors()[graph_.index(tensor)].dtype;
  }

  CompositePart part(std::string_view role, NodeId node) const {
    return {role, require_tensor(graph_, node, "a part")};
  }

  // --- Sparse: (layout, (indices, values, size[, is_coalesced])) or (layout, (compressed, plain,
  // values, size)) ---

  std::optional<Composite> sparse() const {
    const Args args = call_arguments(graph_, call_, 2, 2);
    const std::string_view layout = layout_name(args[0]);
    const Args data = sequence_items(graph_, args[1], "its data");
    if (layout == "sparse_coo") return sparse_coo(data);
    for (const SparseLayout& row : kSparseLayouts)
      if (row.name == layout) return sparse_compressed(row, data);
    fail(ErrorCode::Unsupported, "sparse layout ", quoted(layout), " is not known");
  }

  // torch.serialization._get_layout('torch.sparse_coo'), or the layout as a global.
  std::string_view layout_name(NodeId node) const {
    if (graph_.is(node, NodeKind::Global)) return graph_.global(node).name;
    if (graph_.callee_meaning(node) != Meaning::GetLayout)
      fail(ErrorCode::Corrupt, "its layout is no layout");
    const NodeId name = call_arguments(graph_, node, 1, 1)[0];
    if (!graph_.is(name, NodeKind::String) && !graph_.is(name, NodeKind::ByteString))
      fail(ErrorCode::Corrupt, "its layout is no text");
    const std::string_view text = graph_.text(name);
    constexpr std::string_view kPrefix = "torch.";
    return text.starts_with(kPrefix) ? text.substr(kPrefix.size()) : text;
  }

  Composite sparse_coo(const Args& data) const {
    if (data.size() != 3 && data.size() != 4)
      fail(ErrorCode::Corrupt, "its data has ", data.size(), " items, expected 3 or 4");
    return {"sparse_coo",
            dtype_of(require_tensor(graph_, data[1], "values")),
            require_counts(graph_, data[2], "size"),
            {part("indices", data[0]), part("values", data[1])}};
  }

  Composite sparse_compressed(const SparseLayout& layout, const Args& data) const {
    if (data.size() != 4)
      fail(ErrorCode::Corrupt, "its data has ", data.size(), " items, expected 4");
    return {
        layout.name,
        dtype_of(require_tensor(graph_, data[2], "values")),
        require_counts(graph_, data[3], "size"),
        {part(layout.compressed, data[0]), part(layout.plain, data[1]), part("values", data[2])}};
  }

  // --- Quantized: (storage, offset, size, stride, (scheme, ...), requires_grad, hooks) ---

  std::optional<Composite> quantized() {
    const Args args = call_arguments(graph_, call_, 7, 7);
    if (graph_.is(args[0], NodeKind::Call)) return std::nullopt;
    const Tensor integers = quantized_view(args);
    Composite composite{"", integers.dtype, require_counts(graph_, args[2], "size"), {}};
    const Args scheme = sequence_items(graph_, args[4], "its quantizer");
    if (scheme.empty() || !graph_.is(scheme[0], NodeKind::Global))
      fail(ErrorCode::Corrupt, "its quantizer has no scheme");
    composite.parts.push_back({"", add(integers)});
    const std::string_view name = graph_.global(scheme[0]).name;
    if (name == "per_tensor_affine")
      per_tensor(scheme, composite);
    else if (name == "per_channel_affine" || name == "per_channel_affine_float_qparams")
      per_channel(scheme, composite, name == "per_channel_affine");
    else
      fail(ErrorCode::Unsupported, "quantization scheme ", quoted(name), " is not known");
    return composite;
  }

  Tensor quantized_view(const Args& args) const {
    if (!graph_.is(args[0], NodeKind::Storage))
      fail(ErrorCode::Corrupt, "its first argument is no storage");
    const std::optional<DType> dtype = graph_.storage_dtype(args[0]);
    if (!dtype) fail(ErrorCode::Corrupt, "its storage is untyped");
    Tensor tensor;
    tensor.dtype = *dtype;
    tensor.storage = graph_.storage_row(args[0]);
    tensor.offset = require_count(graph_, args[1], "storage_offset");
    tensor.shape = require_counts(graph_, args[2], "size");
    tensor.stride = require_counts(graph_, args[3], "stride");
    if (*dtype == DType::QUInt4x2 || *dtype == DType::QUInt2x4) return packed_bytes(tensor);
    return tensor;
  }

  // Elements narrower than a byte lie several to a byte: the bytes of the storage, as they are.
  Tensor packed_bytes(Tensor tensor) const {
    if (tensor.offset != 0 || !is_contiguous(tensor))
      fail(ErrorCode::Unsupported, "a strided view of packed integers");
    tensor.shape = {checkpoint_.tensors.storage_of(tensor).size};
    tensor.stride = {1};
    return tensor;
  }

  void per_tensor(const Args& scheme, Composite& composite) {
    if (scheme.size() != 3)
      fail(ErrorCode::Corrupt, "its quantizer has ", scheme.size(), " items, expected 3");
    composite.layout = "per_tensor_affine";
    composite.parts.push_back({"scale", numbers(DType::F64, {&scheme[1], 1}, {})});
    composite.parts.push_back({"zero_point", numbers(DType::I64, {&scheme[2], 1}, {})});
  }

  void per_channel(const Args& scheme, Composite& composite, bool integral) {
    if (scheme.size() != 4)
      fail(ErrorCode::Corrupt, "its quantizer has ", scheme.size(), " items, expected 4");
    composite.layout = integral ? "per_channel_affine" : "per_channel_affine_float_qparams";
    composite.parts.push_back(
        {"scale", channel_values(scheme[1], integral ? DType::F64 : DType::F32)});
    composite.parts.push_back(
        {"zero_point", channel_values(scheme[2], integral ? DType::I64 : DType::F32)});
    composite.parts.push_back({"axis", numbers(DType::I64, {&scheme[3], 1}, {})});
  }

  // A tensor, or in old files a list of numbers.
  NodeId channel_values(NodeId node, DType dtype) {
    if (graph_.is(node, NodeKind::Tensor)) return node;
    const Args items = sequence_items(graph_, node, "a list of its quantizer");
    return numbers(dtype, items, {items.size()});
  }

  // A tensor of numbers that the pickle itself holds.
  NodeId numbers(DType dtype, std::span<const NodeId> values, std::vector<uint64_t> shape) {
    std::vector<uint8_t> bytes;
    for (const NodeId value : values) append_number(dtype, value, bytes);
    Storage storage;
    storage.name = "numbers of the quantizer at byte " + std::to_string(graph_.call(call_).offset);
    storage.size = bytes.size();
    storage.source = std::make_shared<MemorySource>(std::move(bytes));
    Tensor tensor;
    tensor.dtype = dtype;
    tensor.storage = checkpoint_.tensors.add_storage(std::move(storage));
    tensor.stride = contiguous_stride(shape);
    tensor.shape = std::move(shape);
    return add(tensor);
  }

  void append_number(DType dtype, NodeId value, std::vector<uint8_t>& bytes) const {
    const auto append = [&](auto number) {
      uint8_t raw[sizeof number];
      std::memcpy(raw, &number, sizeof number);
      bytes.insert(bytes.end(), raw, raw + sizeof number);
    };
    if (dtype == DType::I64) return append(integer(value));
    if (dtype == DType::F32) return append(static_cast<float>(real(value)));
    append(real(value));
  }

  int64_t integer(NodeId node) const {
    if (!graph_.is(node, NodeKind::Int))
      fail(ErrorCode::Corrupt, "a number of its quantizer is no integer");
    return graph_.integer(node);
  }

  double real(NodeId node) const {
    if (graph_.is(node, NodeKind::Float)) return graph_.real(node);
    return static_cast<double>(integer(node));
  }

  NodeId add(const Tensor& tensor) { return graph_.add_tensor(checkpoint_.tensors.add(tensor)); }

  // --- Nested ---

  // (buffer, sizes, strides, offsets)
  Composite nested() const {
    const Args args = call_arguments(graph_, call_, 4, 4);
    return {"strided_nested",
            dtype_of(require_tensor(graph_, args[0], "its buffer")),
            {},
            {part("values", args[0]), part("sizes", args[1]), part("strides", args[2]),
             part("offsets", args[3])}};
  }

  // ({'values': tensor, 'offsets': tensor, 'lengths': tensor or None, ...})
  std::optional<Composite> jagged() const {
    const NodeId state = call_arguments(graph_, call_, 1, 1)[0];
    Composite composite{"jagged", {}, {}, {}};
    for (const std::string_view role : {"values", "offsets", "lengths"}) {
      const NodeId node = attribute(graph_, state, role);
      if (node != kNoNode && graph_.is(node, NodeKind::Tensor))
        composite.parts.push_back({role, node});
    }
    if (composite.parts.size() < 2) fail(ErrorCode::Corrupt, "it has no values and offsets");
    composite.dtype = dtype_of(composite.parts[0].tensor);
    return composite;
  }

  // (dtype, size, stride, requires_grad)
  Composite meta() const {
    const Args args = call_arguments(graph_, call_, 4, 4);
    return {"meta", require_dtype(graph_, args[0]), require_counts(graph_, args[1], "size"), {}};
  }

  Checkpoint& checkpoint_;
  Graph& graph_;
  const NodeId call_;
};

}  // namespace

std::optional<Composite> read_composite(Checkpoint& checkpoint, NodeId call) {
  return CompositeReader(checkpoint, call).read();
}

}  // namespace unbrine
