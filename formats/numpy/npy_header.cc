#include "formats/numpy/npy_header.h"

#include <libdeflate.h>

#include <algorithm>
#include <charconv>

#include "formats/byte_reader.h"
#include "formats/checked.h"
#include "formats/error.h"
#include "formats/numpy/numpy_array.h"
#include "formats/text.h"

namespace unbrine {
namespace {

constexpr std::string_view kMagic = "\x93NUMPY";
constexpr uint64_t kFirstRead = 256;    // holds nearly every header there is
constexpr size_t kMostDimensions = 64;  // as many as numpy has
constexpr int kDeepestType = 16;        // structures within structures

// A type and the bytes that a field of it takes.
struct FieldType {
  DTypeRecord dtype;
  uint64_t bytes;
};

// Reads the literal from front to back; every member leaves the blanks behind what it read.
class LiteralParser {
 public:
  explicit LiteralParser(std::string_view text) : text_(text) { skip_blanks(); }

  NpyHeader parse() {
    expect('{');
    while (!accept('}')) {
      read_entry();
      if (!accept(',') && !peeks('}')) wrong("',' or '}'");
    }
    if (position_ != text_.size()) wrong("nothing");
    for (const char* key : {"descr", "fortran_order", "shape"})
      if (std::ranges::find(keys_, key) == keys_.end())
        fail(ErrorCode::Corrupt, "has no key ", quoted(key));
    return std::move(header_);
  }

 private:
  void read_entry() {
    const std::string_view key = string();
    if (std::ranges::find(keys_, key) != keys_.end())
      fail(ErrorCode::Corrupt, "has the key ", quoted(key), " twice");
    keys_.emplace_back(key);
    expect(':');
    if (key == "descr") return read_descr();
    if (key == "shape") return void(header_.shape = tuple_of_counts());
    if (key == "fortran_order") return void(header_.fortran_order = flag());
    fail(ErrorCode::Corrupt, "has the key ", quoted(key), ", which .npy has not");
  }

  void read_descr() {
    const size_t begin = position_;
    header_.dtype = type(kDeepestType).dtype;
    std::string_view written = text_.substr(begin, position_ - begin);
    while (is_blank(written.back())) written.remove_suffix(1);
    header_.descr = written;
  }

  // --- Types: '<f4', ('<f4', (2,)), or [('a', '<f4'), ('b', '<i8', (3,)), ...] ---

  FieldType type(int depth) {
    if (depth == 0) fail(ErrorCode::Corrupt, "holds structures too deep inside each other");
    if (accept('[')) return structure(depth);
    if (accept('(')) return sub_array(depth);
    const DTypeRecord dtype = dtype_of_string(string());
    return {dtype, dtype.item_size.value_or(0)};
  }

  FieldType sub_array(int depth) {
    FieldType element = type(depth - 1);
    expect(',');
    repeat(element, shape());
    accept(',');
    expect(')');
    return element;
  }

  FieldType structure(int depth) {
    FieldType all{{}, 0};
    size_t fields = 0;
    while (!accept(']')) {
      const FieldType one = field(depth);
      ++fields;
      all.dtype.has_objects |= one.dtype.has_objects;
      if (!checked_add(all.bytes, one.bytes, all.bytes)) fail_too_large();
      if (!accept(',') && !peeks(']')) wrong("',' or ']'");
    }
    all.dtype.item_size = all.bytes;
    all.dtype.description =
        "a structure of " + std::to_string(fields) + (fields == 1 ? " field" : " fields");
    return all;
  }

  FieldType field(int depth) {
    expect('(');
    skip_field_name();
    expect(',');
    FieldType one = type(depth - 1);
    if (accept(',') && !peeks(')')) {
      repeat(one, shape());
      accept(',');
    }
    expect(')');
    return one;
  }

  // 'name' or ('title', 'name').
  void skip_field_name() {
    if (!accept('(')) return void(string());
    string();
    expect(',');
    string();
    expect(')');
  }

  static void repeat(FieldType& element, const std::vector<uint64_t>& shape) {
    element.bytes = array_bytes(shape, element.bytes);
    element.dtype.type = std::nullopt;
    element.dtype.item_size = element.bytes;
    element.dtype.description = "sub-arrays";
  }

  // --- Values ---

  std::vector<uint64_t> shape() {
    return peeks('(') ? tuple_of_counts() : std::vector<uint64_t>{count()};
  }

  std::vector<uint64_t> tuple_of_counts() {
    std::vector<uint64_t> counts;
    expect('(');
    while (!accept(')')) {
      counts.push_back(count());
      if (counts.size() > kMostDimensions)
        fail(ErrorCode::Corrupt, "has more than ", kMostDimensions, " dimensions");
      const bool more = accept(',');
      if (!more && (!peeks(')') || counts.size() == 1)) wrong("','");  // (3) is no tuple
    }
    return counts;
  }

  // Python 2 wrote some as 3L.
  uint64_t count() {
    const char* const begin = text_.data() + position_;
    const char* const end = text_.data() + text_.size();
    uint64_t number = 0;
    const auto [behind, error] = std::from_chars(begin, end, number);
    if (error == std::errc::result_out_of_range || number > INT64_MAX) fail_too_large();
    if (error != std::errc()) wrong("a count");
    position_ += static_cast<size_t>(behind - begin);
    if (peeks('L')) ++position_;
    skip_blanks();
    return number;
  }

  bool flag() {
    for (const std::string_view word : {"True", "False"}) {
      if (!text_.substr(position_).starts_with(word)) continue;
      position_ += word.size();
      skip_blanks();
      return word == "True";
    }
    wrong("True or False");
  }

  // What stands between the quotes; escapes stay as they are written.
  std::string_view string() {
    if (!peeks('\'') && !peeks('"')) wrong("a string");
    const char quote = text_[position_];
    const size_t begin = ++position_;
    while (position_ < text_.size() && text_[position_] != quote)
      position_ += text_[position_] == '\\' ? 2 : 1;
    if (position_ >= text_.size()) fail(ErrorCode::Corrupt, "holds a string that does not end");
    const std::string_view content = text_.substr(begin, position_++ - begin);
    skip_blanks();
    return content;
  }

  // --- Characters ---

  static bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

  void skip_blanks() {
    while (position_ < text_.size() && is_blank(text_[position_])) ++position_;
  }

  bool peeks(char wanted) const { return position_ < text_.size() && text_[position_] == wanted; }

  bool accept(char wanted) {
    if (!peeks(wanted)) return false;
    ++position_;
    skip_blanks();
    return true;
  }

  void expect(char wanted) {
    if (!accept(wanted)) wrong(std::string("'") + wanted + "'");
  }

  [[noreturn]] void wrong(std::string_view expected) const {
    const bool at_end = position_ >= text_.size();
    fail(ErrorCode::Corrupt, "character ", position_, ": expected ", expected, ", found ",
         at_end ? "its end" : quoted(text_.substr(position_, 1)));
  }

  [[noreturn]] static void fail_too_large() {
    fail(ErrorCode::Corrupt, "holds a size that does not fit 64 bits");
  }

  std::string_view text_;
  size_t position_ = 0;
  NpyHeader header_;
  std::vector<std::string> keys_;
};

uint64_t bytes_before_literal(uint8_t major) { return kMagic.size() + 2 + (major == 1 ? 2 : 4); }

std::vector<uint8_t> first_bytes(const ByteRange& file, uint64_t count) {
  return file.source->read_all(file.offset, std::min(count, file.size));
}

}  // namespace

bool begins_npy(ByteSpan head) {
  if (head.size() < kMagic.size() + 2 || !as_text(head).starts_with(kMagic)) return false;
  return head[6] >= 1 && head[6] <= 3 && head[7] == 0;
}

NpyHeader parse_npy_literal(std::string_view literal) { return LiteralParser(literal).parse(); }

NpyHeader read_npy_header(const ByteRange& file, const Limits& limits) {
  std::vector<uint8_t> head = first_bytes(file, kFirstRead);
  if (!begins_npy(head)) fail(ErrorCode::Corrupt, "does not begin as .npy 1.0, 2.0 or 3.0 does");
  ByteReader reader(head);
  reader.skip(kMagic.size() + 2);
  const uint64_t length = head[6] == 1 ? reader.read<uint16_t>() : reader.read<uint32_t>();
  check_limit("bytes of .npy header:", length, "max_header_bytes", limits.max_header_bytes);
  const uint64_t before = bytes_before_literal(head[6]);
  if (length > file.size - before)
    fail(ErrorCode::Corrupt, "its header needs ", length, " bytes, ", file.size - before,
         " are left");
  if (before + length > head.size()) head = first_bytes(file, before + length);
  NpyHeader header = in_context(".npy header", [&] {
    return parse_npy_literal(as_text(ByteSpan(head).subspan(before, length)));
  });
  header.size = before + length;
  header.crc32 = libdeflate_crc32(0, head.data(), header.size);
  return header;
}

}  // namespace unbrine
