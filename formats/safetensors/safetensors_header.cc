#include "formats/safetensors/safetensors_header.h"

#include <simdjson.h>

#include <algorithm>
#include <tuple>

#include "formats/byte_reader.h"
#include "formats/checked.h"
#include "formats/error.h"
#include "formats/safetensors/safetensors_format.h"
#include "formats/text.h"

namespace unbrine {
namespace {

namespace dom = simdjson::dom;

uint64_t read_header_length(const Source& source, const Limits& limits) {
  const std::vector<uint8_t> bytes = source.read_all(0, kSafetensorsLengthBytes);
  const uint64_t length = ByteReader(bytes).read<uint64_t>();
  const uint64_t rest = source.size() - kSafetensorsLengthBytes;
  if (length > rest)
    fail(ErrorCode::Corrupt, "the header claims ", length, " bytes, but only ", rest,
         " follow: truncated download?");
  check_limit("bytes of safetensors header:", length, "max_header_bytes", limits.max_header_bytes);
  return length;
}

simdjson::padded_string read_header_text(const Source& source, uint64_t length) {
  simdjson::padded_string text(length);
  if (text.data() == nullptr) throw std::bad_alloc();
  source.read_at(kSafetensorsLengthBytes, {reinterpret_cast<uint8_t*>(text.data()), length});
  if (length == 0 || text.data()[0] != '{')
    fail(ErrorCode::Corrupt, "byte ", kSafetensorsLengthBytes,
         ": the header does not start with '{'");
  return text;
}

dom::element parse(dom::parser& parser, const simdjson::padded_string& text) {
  dom::element root;
  if (const simdjson::error_code error = parser.parse(text).get(root))
    fail(ErrorCode::Corrupt, "the header is not valid JSON: ", simdjson::error_message(error));
  return root;
}

void require_unique(std::vector<std::string_view>& keys) {
  std::ranges::sort(keys);
  const auto twice = std::ranges::adjacent_find(keys);
  if (twice != keys.end())
    fail(ErrorCode::Corrupt, "the header has the key ", quoted(*twice), " twice in one object");
}

// In every object of the document, however deep; the parser keeps the last of two silently.
void require_unique_keys(dom::element root) {
  std::vector<dom::element> pending = {root};
  const auto visit = [&](dom::element child) {
    if (child.is_object() || child.is_array()) pending.push_back(child);
  };
  std::vector<std::string_view> keys;
  while (!pending.empty()) {
    const dom::element element = pending.back();
    pending.pop_back();
    if (dom::array array; element.get(array) == simdjson::SUCCESS)
      for (const dom::element child : array) visit(child);
    if (dom::object object; element.get(object) == simdjson::SUCCESS) {
      keys.clear();
      for (const dom::key_value_pair field : object) {
        keys.push_back(field.key);
        visit(field.value);
      }
      require_unique(keys);
    }
  }
}

template <class Value>
Value expect(dom::element found, std::string_view what) {
  Value value;
  if (found.get(value) != simdjson::SUCCESS) fail(ErrorCode::Corrupt, "expected ", what);
  return value;
}

template <class Value>
Value expect_field(dom::object fields, std::string_view name, std::string_view what) {
  dom::element found;
  if (fields.at_key(name).get(found) != simdjson::SUCCESS)
    fail(ErrorCode::Corrupt, "has no '", name, "'");
  return in_context(name, [&] { return expect<Value>(found, what); });
}

std::vector<uint64_t> read_numbers(dom::object fields, std::string_view name) {
  std::vector<uint64_t> numbers;
  for (const dom::element element : expect_field<dom::array>(fields, name, "an array"))
    numbers.push_back(in_context(
        name, [&] { return expect<uint64_t>(element, "only whole numbers that fit 64 bits"); }));
  return numbers;
}

DType read_dtype(std::string_view name) {
  const std::optional<DType> dtype = dtype_by_safetensors_name(name);
  if (!dtype) fail(ErrorCode::Unsupported, "dtype ", quoted(name), " is not known");
  return *dtype;
}

// Bytes that the shape and dtype ask for. As in the reference, no partial product may overflow.
uint64_t bytes_of(const SafetensorsEntry& entry) {
  uint64_t bits = info(entry.dtype).bits;
  uint64_t count = 1;
  bool fits = true;
  for (const uint64_t size : entry.shape) fits = fits && checked_multiply(count, size, count);
  if (!fits || !checked_multiply(count, bits, bits))
    fail(ErrorCode::Corrupt, "the size of its shape does not fit 64 bits");
  if (bits % 8 != 0) fail(ErrorCode::Corrupt, "its ", bits, " bits are not whole bytes");
  return bits / 8;
}

void check_size(const SafetensorsEntry& entry, uint64_t data_size) {
  if (entry.begin > entry.end)
    fail(ErrorCode::Corrupt, "ends at byte ", entry.end, ", before it begins at ", entry.begin);
  if (const uint64_t needed = bytes_of(entry); entry.end - entry.begin != needed)
    fail(ErrorCode::Corrupt, "has ", entry.end - entry.begin,
         " bytes, but its shape and dtype need ", needed);
  if (entry.end > data_size)
    fail(ErrorCode::Corrupt, "ends at byte ", entry.end, " of the data, which has ", data_size,
         ": truncated download?");
}

SafetensorsEntry read_fields(std::string_view name, dom::element value, uint64_t data_size) {
  const dom::object fields = expect<dom::object>(value, "an object");
  SafetensorsEntry entry;
  entry.name = name;
  entry.dtype = read_dtype(expect_field<std::string_view>(fields, "dtype", "a string"));
  entry.shape = read_numbers(fields, "shape");
  const std::vector<uint64_t> offsets = read_numbers(fields, "data_offsets");
  if (offsets.size() != 2)
    fail(ErrorCode::Corrupt, "data_offsets: expected two numbers, found ", offsets.size());
  entry.begin = offsets[0];
  entry.end = offsets[1];
  check_size(entry, data_size);
  return entry;
}

SafetensorsEntry read_entry(std::string_view name, dom::element value, uint64_t data_size) {
  try {
    return read_fields(name, value, data_size);
  } catch (const Error& error) {  // not in_context: most names never need quoting
    fail(error.code(), "tensor ", quoted(name), ": ", error.what());
  }
}

std::map<std::string, std::string> read_metadata(dom::element value) {
  std::map<std::string, std::string> metadata;
  if (value.is_null()) return metadata;
  for (const dom::key_value_pair field : expect<dom::object>(value, "an object or null"))
    metadata.emplace(field.key, expect<std::string_view>(field.value, "only strings"));
  return metadata;
}

// Offsets leave no byte of the data out and none to two tensors.
void require_full_cover(const std::vector<SafetensorsEntry>& tensors, uint64_t data_size) {
  std::vector<const SafetensorsEntry*> order;
  order.reserve(tensors.size());
  for (const SafetensorsEntry& entry : tensors) order.push_back(&entry);
  std::ranges::sort(order, {}, [](const SafetensorsEntry* entry) {
    return std::tuple(entry->begin, entry->end);
  });
  uint64_t covered = 0;
  for (const SafetensorsEntry* entry : order) {
    if (entry->begin < covered)
      fail(ErrorCode::Corrupt, "tensor ", quoted(entry->name), " begins at byte ", entry->begin,
           " of the data, inside another that ends at ", covered);
    if (entry->begin > covered)
      fail(ErrorCode::Corrupt, "bytes ", covered, " to ", entry->begin,
           " of the data belong to no tensor");
    covered = entry->end;
  }
  if (covered != data_size)
    fail(ErrorCode::Corrupt, data_size - covered, " bytes follow the last tensor");
}

}  // namespace

SafetensorsHeader read_safetensors_header(const Source& source, const Limits& limits) {
  const uint64_t length = read_header_length(source, limits);
  const simdjson::padded_string text = read_header_text(source, length);
  dom::parser parser;
  const dom::element root = parse(parser, text);
  require_unique_keys(root);

  SafetensorsHeader header;
  header.data_offset = kSafetensorsLengthBytes + length;
  const uint64_t data_size = source.size() - header.data_offset;
  const dom::object fields = expect<dom::object>(root, "an object as header");
  for (const dom::key_value_pair field : fields) {
    if (field.key == kSafetensorsMetadataKey) {
      header.metadata = in_context(field.key, [&] { return read_metadata(field.value); });
      continue;
    }
    check_limit("tensors:", header.tensors.size() + 1, "max_tensors", limits.max_tensors);
    header.tensors.push_back(read_entry(field.key, field.value, data_size));
  }
  require_full_cover(header.tensors, data_size);
  return header;
}

}  // namespace unbrine
