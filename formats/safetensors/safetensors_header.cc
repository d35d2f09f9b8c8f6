#include "formats/safetensors/safetensors_header.h"

#include <algorithm>
#include <tuple>

#include "formats/byte_reader.h"
#include "formats/error.h"
#include "formats/json_document.h"
#include "formats/safetensors/safetensors_format.h"
#include "formats/tensor.h"
#include "formats/text.h"

namespace unbrine {
namespace {

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

void require_object_at_once(const Source& header) {
  if (header.size() == 0 || header.read_all(0, 1)[0] != '{')
    fail(ErrorCode::Corrupt, "byte ", kSafetensorsLengthBytes,
         ": the header does not start with '{'");
}

std::vector<uint64_t> read_numbers(const JsonValue& fields, std::string_view name) {
  std::vector<uint64_t> numbers;
  const JsonValue list = fields.its(name);
  in_context(name, [&] {
    for (const JsonValue& item : list.items()) numbers.push_back(item.whole());
  });
  return numbers;
}

DType read_dtype(std::string_view name) {
  const std::optional<DType> dtype = dtype_by_safetensors_name(name);
  if (!dtype) fail(ErrorCode::Unsupported, "dtype ", quoted(name), " is not known");
  return *dtype;
}

void check_size(const SafetensorsEntry& entry, uint64_t data_size) {
  if (entry.begin > entry.end)
    fail(ErrorCode::Corrupt, "ends at byte ", entry.end, ", before it begins at ", entry.begin);
  if (const uint64_t needed = byte_count(entry.dtype, entry.shape);
      entry.end - entry.begin != needed)
    fail(ErrorCode::Corrupt, "has ", entry.end - entry.begin,
         " bytes, but its shape and dtype need ", needed);
  if (entry.end > data_size)
    fail(ErrorCode::Corrupt, "ends at byte ", entry.end, " of the data, which has ", data_size,
         ": truncated download?");
}

SafetensorsEntry read_fields(std::string_view name, const JsonValue& fields, uint64_t data_size) {
  SafetensorsEntry entry;
  entry.name = name;
  const JsonValue dtype = fields.its("dtype");
  entry.dtype = in_context("dtype", [&] { return read_dtype(dtype.text()); });
  entry.shape = read_numbers(fields, "shape");
  const std::vector<uint64_t> offsets = read_numbers(fields, "data_offsets");
  if (offsets.size() != 2)
    fail(ErrorCode::Corrupt, "data_offsets: expected two numbers, found ", offsets.size());
  entry.begin = offsets[0];
  entry.end = offsets[1];
  check_size(entry, data_size);
  return entry;
}

SafetensorsEntry read_entry(std::string_view name, const JsonValue& value, uint64_t data_size) {
  try {
    return read_fields(name, value, data_size);
  } catch (const Error& error) {  // not in_context: most names never need quoting
    fail(error.code(), "tensor ", quoted(name), ": ", error.what());
  }
}

std::map<std::string, std::string> read_metadata(const JsonValue& value) {
  std::map<std::string, std::string> metadata;
  if (value.is_null()) return metadata;
  for (const JsonField& field : value.fields()) metadata.emplace(field.key, field.value.text());
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

SafetensorsHeader read_safetensors_header(const std::shared_ptr<const Source>& source,
                                          const Limits& limits) {
  const uint64_t length = read_header_length(*source, limits);
  const SliceSource text(source, kSafetensorsLengthBytes, length);
  require_object_at_once(text);
  const JsonDocument document =
      in_context("the header", [&] { return JsonDocument(text, limits.max_header_bytes); });

  SafetensorsHeader header;
  header.data_offset = kSafetensorsLengthBytes + length;
  const uint64_t data_size = source->size() - header.data_offset;
  for (const JsonField& field : document.root().fields()) {
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
