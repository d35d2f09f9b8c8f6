#include "formats/numpy/numpy_objects.h"

#include <algorithm>
#include <optional>

#include "formats/checked.h"
#include "formats/error.h"
#include "formats/text.h"

namespace unbrine {
namespace {

struct NumpyCode {
  std::string_view code;  // kind and bytes, as in numpy.dtype('f4')
  DType dtype;
};

constexpr NumpyCode kNumpyCodes[] = {
    {"f8", DType::F64}, {"f4", DType::F32}, {"f2", DType::F16},   {"i8", DType::I64},
    {"i4", DType::I32}, {"i2", DType::I16}, {"i1", DType::I8},    {"u8", DType::U64},
    {"u4", DType::U32}, {"u2", DType::U16}, {"u1", DType::U8},    {"b1", DType::Bool},
    {"c8", DType::C64}, {"?", DType::Bool}, {"c16", DType::C128},
};

struct ElementType {
  DType dtype;
  bool big_endian;
};

struct ArrayParts {
  NodeId shape;
  NodeId dtype;
  NodeId data;
  bool fortran;
};

class ArrayBuilder {
 public:
  ArrayBuilder(Checkpoint& checkpoint, const std::shared_ptr<const Source>& pickle)
      : checkpoint_(checkpoint), graph_(checkpoint.graph), pickle_(pickle) {}

  void run() {
    for (const NodeId node : graph_.call_nodes()) {
      if (!graph_.is(node, NodeKind::Call)) continue;
      const Meaning meaning = graph_.callee_meaning(node);
      if (meaning != Meaning::NumpyReconstruct && meaning != Meaning::NumpyFromBuffer) continue;
      in_context("byte " + std::to_string(graph_.call(node).offset) + " (numpy array)", [&] {
        const bool filled_later = meaning == Meaning::NumpyReconstruct;
        build(node, filled_later ? parts_from_state(node) : parts_from_arguments(node));
      });
    }
  }

 private:
  using Nodes = std::vector<NodeId>;

  Nodes tuple(NodeId node, const char* what) const {
    if (!graph_.is(node, NodeKind::Tuple)) fail(ErrorCode::Corrupt, what, " is no tuple");
    return graph_.items(node).to_vector();
  }

  // BUILD (version, shape, dtype, is_fortran, data).
  ArrayParts parts_from_state(NodeId node) const {
    const Nodes states = graph_.items(graph_.call(node).states).to_vector();
    if (states.size() != 1) fail(ErrorCode::Corrupt, "has ", states.size(), " states, expected 1");
    const Nodes state = tuple(states[0], "its state");
    if (state.size() != 5)
      fail(ErrorCode::Corrupt, "its state has ", state.size(), " items, expected 5");
    return {state[1], state[2], state[4], is_true(state[3])};
  }

  // _frombuffer(data, dtype, shape, order).
  ArrayParts parts_from_arguments(NodeId node) const {
    const Nodes args = tuple(graph_.call(node).args, "its arguments");
    if (args.size() != 4) fail(ErrorCode::Corrupt, args.size(), " arguments, expected 4");
    const bool is_text = graph_.is(args[3], NodeKind::String);
    const std::string_view order = is_text ? graph_.text(args[3]) : "";
    if (order != "C" && order != "F") fail(ErrorCode::Corrupt, "its order is neither 'C' nor 'F'");
    return {args[2], args[1], args[0], order == "F"};
  }

  // Python 2 wrote 0 and 1.
  bool is_true(NodeId node) const {
    if (graph_.is(node, NodeKind::Bool)) return graph_.boolean(node);
    if (graph_.is(node, NodeKind::Int)) return graph_.integer(node) != 0;
    fail(ErrorCode::Corrupt, "its order is no flag");
  }

  void build(NodeId node, const ArrayParts& parts) {
    const std::optional<ElementType> type = element_type(parts.dtype);
    if (!type || graph_.is(parts.data, NodeKind::List)) return;  // no plain numbers
    Tensor tensor;
    tensor.dtype = type->dtype;
    tensor.shape = counts(parts.shape);
    tensor.stride = parts.fortran ? column_major_stride(tensor.shape) : row_major(tensor.shape);
    Storage storage = bytes_of(parts.data);
    storage.name = "numpy array at byte " + std::to_string(graph_.call(node).offset);
    storage.big_endian = type->big_endian;
    check_size(tensor, storage.size);
    tensor.storage = checkpoint_.tensors.add_storage(std::move(storage));
    graph_.become_tensor(node, checkpoint_.tensors.add(std::move(tensor)));
  }

  std::vector<uint64_t> counts(NodeId node) const {
    std::vector<uint64_t> shape;
    for (const NodeId item : tuple(node, "its shape")) {
      if (!graph_.is(item, NodeKind::Int) || graph_.integer(item) < 0)
        fail(ErrorCode::Corrupt, "its shape holds what is no count");
      shape.push_back(static_cast<uint64_t>(graph_.integer(item)));
    }
    return shape;
  }

  static uint64_t checked_count(const std::vector<uint64_t>& shape, uint64_t unit) {
    uint64_t count = unit;
    for (const uint64_t size : shape)
      if (!checked_multiply(count, size, count))
        fail(ErrorCode::Corrupt, "its shape does not fit 64 bits");
    return count;
  }

  static void check_size(const Tensor& tensor, uint64_t found) {
    const uint64_t wanted = checked_count(tensor.shape, info(tensor.dtype).bits / 8);
    if (wanted != found)
      fail(ErrorCode::Corrupt, "has ", found, " bytes of data, its shape and dtype need ", wanted);
  }

  static std::vector<uint64_t> row_major(const std::vector<uint64_t>& shape) {
    checked_count(shape, 1);
    return contiguous_stride(shape);
  }

  static std::vector<uint64_t> column_major_stride(std::vector<uint64_t> shape) {
    std::ranges::reverse(shape);
    std::vector<uint64_t> stride = row_major(shape);
    std::ranges::reverse(stride);
    return stride;
  }

  // --- dtype('f4', False, True) and BUILD (version, byteorder, subdtype, names, fields, ...) ---

  std::optional<ElementType> element_type(NodeId node) const {
    if (graph_.callee_meaning(node) != Meaning::NumpyDType)
      fail(ErrorCode::Corrupt, "its dtype is no numpy.dtype");
    const Nodes args = tuple(graph_.call(node).args, "the dtype's arguments");
    if (args.empty()) fail(ErrorCode::Corrupt, "its dtype has no code");
    const std::string_view code = text(args[0], "the dtype's code");
    char order = '=';
    for (const NodeId state : graph_.items(graph_.call(node).states)) {
      const Nodes items = tuple(state, "the dtype's state");
      if (items.size() < 4) fail(ErrorCode::Corrupt, "its dtype has a state that is too short");
      if (!graph_.is(items[2], NodeKind::None) || !graph_.is(items[3], NodeKind::None))
        return std::nullopt;  // a sub-array or a structure
      const std::string_view given = text(items[1], "the dtype's byte order");
      if (given.size() != 1 || std::string_view("<>|=").find(given[0]) == std::string_view::npos)
        fail(ErrorCode::Corrupt, "its byte order is ", quoted(given));
      order = given[0];
    }
    const auto row = std::ranges::find(kNumpyCodes, code, &NumpyCode::code);
    if (row == std::end(kNumpyCodes)) return std::nullopt;
    return ElementType{row->dtype, order == '>'};
  }

  std::string_view text(NodeId node, const char* what) const {
    const bool is_text = graph_.is(node, NodeKind::String) ||
                         (graph_.is(node, NodeKind::ByteString) && !graph_.is_external(node));
    if (!is_text) fail(ErrorCode::Corrupt, what, " is no text");
    return graph_.text(node);
  }

  // --- data ---

  Storage bytes_of(NodeId node) const {
    switch (graph_.kind(node)) {
      case NodeKind::Bytes:
      case NodeKind::ByteArray:
      case NodeKind::ByteString: return plain_bytes(node);
      case NodeKind::Call: return encoded_bytes(node);
      default: fail(ErrorCode::Corrupt, "its data is no bytes");
    }
  }

  Storage plain_bytes(NodeId node) const {
    Storage storage;
    storage.size = graph_.byte_size(node);
    if (graph_.is_external(node)) {
      storage.source = pickle_;
      storage.offset = graph_.byte_offset(node);
    } else {
      const ByteSpan bytes = as_bytes(graph_.text(node));
      storage.source = in_memory({bytes.begin(), bytes.end()});
    }
    return storage;
  }

  static std::shared_ptr<const Source> in_memory(std::vector<uint8_t> bytes) {
    return std::make_shared<MemorySource>(std::move(bytes));
  }

  // _codecs.encode(str, 'latin1'), and bytes() for none: what Python 3 writes with protocols 0
  // to 2.
  Storage encoded_bytes(NodeId node) const {
    const Nodes args = tuple(graph_.call(node).args, "its data's arguments");
    std::vector<uint8_t> bytes;
    if (graph_.callee_meaning(node) == Meaning::Encode) {
      if (args.size() != 2 || text(args[1], "the encoding") != "latin1")
        fail(ErrorCode::Corrupt, "its data is encoded, but not as latin1");
      bytes = latin1(text(args[0], "the encoded data"));
    } else if (graph_.callee_meaning(node) != Meaning::Bytes || !args.empty()) {
      fail(ErrorCode::Corrupt, "its data is the result of a call");
    }
    Storage storage;
    storage.size = bytes.size();
    storage.source = in_memory(std::move(bytes));
    return storage;
  }

  // Code points back to bytes: in UTF-8 those from 0x80 to 0xff begin with c2 or c3.
  static std::vector<uint8_t> latin1(std::string_view utf8) {
    std::vector<uint8_t> bytes;
    bytes.reserve(utf8.size());
    for (size_t i = 0; i < utf8.size(); ++i) {
      auto byte = static_cast<uint8_t>(utf8[i]);
      if (byte >= 0x80) {
        if ((byte != 0xc2 && byte != 0xc3) || i + 1 == utf8.size())
          fail(ErrorCode::Corrupt, "its data holds a character beyond latin1");
        byte = static_cast<uint8_t>(byte << 6 | (static_cast<uint8_t>(utf8[++i]) & 0x3f));
      }
      bytes.push_back(byte);
    }
    return bytes;
  }

  Checkpoint& checkpoint_;
  Graph& graph_;
  const std::shared_ptr<const Source>& pickle_;
};

}  // namespace

void build_arrays(Checkpoint& checkpoint, const std::shared_ptr<const Source>& pickle) {
  ArrayBuilder(checkpoint, pickle).run();
}

}  // namespace unbrine
