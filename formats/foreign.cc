#include "formats/foreign.h"

#include <algorithm>
#include <optional>

#include "formats/error.h"
#include "formats/text.h"

namespace unbrine {
namespace {

using namespace std::string_view_literals;

struct ForeignKind {
  std::string_view magic;
  uint64_t offset;
  std::string_view says;
};

constexpr ForeignKind kForeignKinds[] = {
    {"version https://git-lfs.github.com/spec/"sv, 0,
     "is a Git LFS pointer, not the file itself: run `git lfs pull` where it came from"},
    {"PK\5\6"sv, 0, "is an empty zip"},
    {"7z\xbc\xaf\x27\x1c"sv, 0, "is a 7z archive: unpack it first"},
    {"ZF0x"sv, 0, "is compressed by joblib 0.9 or older: dump it again without compression"},
    {"Rar!\x1a\7"sv, 0, "is a RAR archive: unpack it first"},
    {"\x28\xb5\x2f\xfd"sv, 0, "is zstd-compressed, which is not read: unzstd it first"},
    {"\x04\x22\x4d\x18"sv, 0, "is lz4-compressed, which is not read: unlz4 it first"},
    {"\x89HDF\r\n\x1a\n"sv, 0, "is HDF5 (Keras?), which is not a pickled checkpoint"},
    {"GGUF"sv, 0, "is GGUF, which is not a pickled checkpoint"},
    {"lmgg"sv, 0, "is GGML, which is not a pickled checkpoint"},
    {"fmgg"sv, 0, "is GGML, which is not a pickled checkpoint"},
    {"tjgg"sv, 0, "is GGML, which is not a pickled checkpoint"},
    {"TFL3"sv, 4, "is TFLite, which is not a pickled checkpoint"},
    {"\4\0\0\0\1\0\0\0\3\0\0\0V 1"sv, 0, "is of Lua's Torch7, which is not a pickled checkpoint"},
    {"\x12\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0"sv, 0,
     "is MXNet parameters, which is not a pickled checkpoint"},
    {"\177ELF"sv, 0, "is a program or library (ELF)"},
    {"%PDF-"sv, 0, "is a PDF document"},
    {"SQLite format 3\0"sv, 0, "is an SQLite database"},
};

bool has_magic(ByteSpan head, const ForeignKind& kind) {
  return head.size() >= kind.offset && as_text(head).substr(kind.offset).starts_with(kind.magic);
}

// --- Models that are a protobuf message: told by the first fields ---

// A field of a message: its number and, where it has a length, what the head holds of it.
struct Field {
  uint64_t number = 0;
  uint64_t varint = 0;
  std::string_view content = {};
};

// Reads fields off the front; none if what is there is no field of this kind.
class Message {
 public:
  explicit Message(std::string_view bytes) : rest_(bytes) {}

  std::optional<Field> varint_field() {
    const auto number = tag(0);
    const auto value = number ? varint() : std::nullopt;
    if (!value) return std::nullopt;
    return Field{.number = *number, .varint = *value};
  }

  // The content may be cut off, as the head is.
  std::optional<Field> length_field() {
    const auto number = tag(2);
    const auto length = number ? varint() : std::nullopt;
    if (!length) return std::nullopt;
    const std::string_view content = rest_.substr(0, std::min<uint64_t>(*length, rest_.size()));
    rest_.remove_prefix(content.size());
    return Field{.number = *number, .content = content};
  }

 private:
  std::optional<uint64_t> tag(uint64_t wire_type) {
    const auto tag = varint();
    if (!tag || (*tag & 7) != wire_type || *tag >> 3 == 0) return std::nullopt;
    return *tag >> 3;
  }

  std::optional<uint64_t> varint() {
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 63 && !rest_.empty(); shift += 7) {
      const auto byte = static_cast<uint8_t>(rest_.front());
      rest_.remove_prefix(1);
      value |= uint64_t{byte & 0x7fu} << shift;
      if ((byte & 0x80) == 0) return value;
    }
    return std::nullopt;
  }

  std::string_view rest_;
};

bool is_printable(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c >= 0x20 && c < 0x7f; });
}

bool is_name(const std::optional<Field>& field, uint64_t number) {
  return field && field->number == number && !field->content.empty() &&
         is_printable(field->content);
}

// ModelProto: ir_version = 1, then producer_name = 2 (text), graph = 7 or opset_import = 8.
bool is_onnx(std::string_view head) {
  Message message(head);
  const auto version = message.varint_field();
  if (!version || version->number != 1 || version->varint == 0 || version->varint > 64)
    return false;
  const auto next = message.length_field();
  if (is_name(next, 2)) return true;
  return next && (next->number == 7 || next->number == 8) && !next->content.empty();
}

// A version = 1, then a message = 2 that begins with a message = 1: MetaGraphDef or
// ModelDescription.
bool is_saved_model(std::string_view head) {
  Message message(head);
  const auto version = message.varint_field();
  if (!version || version->number != 1 || version->varint == 0 || version->varint > 64)
    return false;
  const auto graph = message.length_field();
  if (!graph || graph->number != 2) return false;
  const auto inside = Message(graph->content).length_field();
  return inside && inside->number == 1;
}

// GraphDef: node = 1, of which name = 1 and op = 2 are text.
bool is_graph_def(std::string_view head) {
  const auto node = Message(head).length_field();
  if (!node || node->number != 1) return false;
  Message inside(node->content);
  return is_name(inside.length_field(), 1) && is_name(inside.length_field(), 2);
}

// NetParameter: name = 1, then a layer (2 or 100) or an input (3, text).
bool is_caffe(std::string_view head) {
  Message message(head);
  if (!is_name(message.length_field(), 1)) return false;
  const auto next = message.length_field();
  return is_name(next, 3) || (next && (next->number == 2 || next->number == 100) &&
                              Message(next->content).length_field());
}

struct ProtobufKind {
  bool (*matches)(std::string_view head);
  std::string_view says;
};

constexpr ProtobufKind kProtobufKinds[] = {
    {is_onnx, "is ONNX, which is not a pickled checkpoint"},
    {is_saved_model, "is TensorFlow SavedModel or Core ML, which is not a pickled checkpoint"},
    {is_graph_def, "is a TensorFlow graph, which is not a pickled checkpoint"},
    {is_caffe, "is a Caffe model, which is not a pickled checkpoint"},
};

// --- Text ---

bool is_text_byte(uint8_t byte) {
  return byte >= 0x20 || byte == '\n' || byte == '\r' || byte == '\t' || byte == '\f';
}

bool is_text(ByteSpan head) { return std::ranges::all_of(head, is_text_byte); }

bool is_markup(ByteSpan head) {
  const auto first = std::ranges::find_if(head, [](uint8_t byte) { return byte > 0x20; });
  return first != head.end() && *first == '<';
}

std::string first_line(ByteSpan head) {
  const std::string_view text = as_text(head);
  return quoted(text.substr(0, std::min<size_t>(text.find_first_of("\r\n"), 60)));
}

}  // namespace

void fail_foreign(const Probe& probe) {
  const ByteSpan head = probe.head;
  for (const ForeignKind& kind : kForeignKinds)
    if (has_magic(head, kind)) fail(ErrorCode::Unsupported, kind.says);
  if (is_text(head) && is_markup(head))
    fail(ErrorCode::Unsupported,
         "is a web page or XML, perhaps saved in place of a download: ", first_line(head));
  if (is_text(head)) fail(ErrorCode::Unsupported, "is text, not a checkpoint: ", first_line(head));
  for (const ProtobufKind& kind : kProtobufKinds)
    if (kind.matches(as_text(head))) fail(ErrorCode::Unsupported, kind.says);
  fail(ErrorCode::Unsupported, "is of no known format (the first bytes are ",
       escaped(as_text(head.subspan(0, std::min<size_t>(head.size(), 8)))), ")");
}

}  // namespace unbrine
