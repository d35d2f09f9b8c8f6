#include "formats/blob/blob_index.h"

#include <algorithm>
#include <bit>
#include <set>
#include <tuple>

#include "formats/error.h"
#include "formats/json_document.h"
#include "formats/safetensors/safetensors_format.h"
#include "formats/tensor.h"
#include "formats/text.h"

namespace unbrine {
namespace {

constexpr std::string_view kDigestStart = "xxh3-256k:";
constexpr size_t kDigestDigits = 16;

void check_schema(const JsonValue& root) {
  const JsonValue schema = root.its("schema");
  const std::string_view text = in_context("schema", [&] { return schema.text(); });
  if (text == kBlobSchema) return;
  const bool other_version = text.starts_with(kBlobSchema.substr(0, kBlobSchema.find('/') + 1));
  fail(other_version ? ErrorCode::Unsupported : ErrorCode::Corrupt, "schema: is ", quoted(text),
       ", expected ", quoted(kBlobSchema));
}

uint64_t read_whole(const JsonValue& object, std::string_view key) {
  const JsonValue value = object.its(key);
  return in_context(key, [&] { return value.whole(); });
}

std::string read_text(const JsonValue& object, std::string_view key) {
  const JsonValue value = object.its(key);
  return std::string(in_context(key, [&] { return value.text(); }));
}

std::string read_file_name(const JsonValue& root) {
  std::string name = read_text(root, "file");
  const bool plain = !name.empty() && name != "." && name != ".." &&
                     name.find('/') == std::string::npos && name.find('\0') == std::string::npos;
  if (!plain) fail(ErrorCode::Corrupt, "file: ", quoted(name), " is not a plain file name");
  return name;
}

uint64_t read_align(const JsonValue& root) {
  const uint64_t align = read_whole(root, "align");
  if (!is_blob_alignment(align))
    fail(ErrorCode::Corrupt, "align: ", align, " is not a power of two");
  return align;
}

std::map<std::string, std::string> read_metadata(const JsonValue& value) {
  std::map<std::string, std::string> metadata;
  for (const JsonField& field : value.fields()) metadata.emplace(field.key, field.value.text());
  return metadata;
}

DType read_dtype(const std::string& name) {
  const std::optional<DType> dtype = dtype_by_safetensors_name(name);
  if (!dtype) fail(ErrorCode::Unsupported, "dtype ", quoted(name), " is not known");
  return *dtype;
}

std::vector<uint64_t> read_shape(const JsonValue& tensor) {
  std::vector<uint64_t> shape;
  const JsonValue list = tensor.its("shape");
  in_context("shape", [&] {
    for (const JsonValue& item : list.items()) shape.push_back(item.whole());
  });
  return shape;
}

std::string read_digest(const JsonValue& tensor) {
  std::string digest = read_text(tensor, "digest");
  const bool sound =
      digest.starts_with(kDigestStart) && digest.size() == kDigestStart.size() + kDigestDigits &&
      digest.find_first_not_of("0123456789abcdef", kDigestStart.size()) == std::string::npos;
  if (!sound)
    fail(ErrorCode::Corrupt, "digest: is ", quoted(digest), ", expected ", kDigestStart, " and ",
         kDigestDigits, " digits");
  return digest;
}

void check_place(const BlobEntry& tensor, const BlobIndex& index) {
  if (const uint64_t needed = byte_count(tensor.dtype, tensor.shape); tensor.size != needed)
    fail(ErrorCode::Corrupt, "has ", tensor.size, " bytes, but its shape and dtype need ", needed);
  if (tensor.offset % index.align != 0)
    fail(ErrorCode::Corrupt, "begins at byte ", tensor.offset, ", no multiple of ", index.align);
  if (tensor.offset > index.size || tensor.size > index.size - tensor.offset)
    fail(ErrorCode::Corrupt, "needs ", tensor.size, " bytes at byte ", tensor.offset,
         " of a blob of ", index.size);
}

BlobEntry read_fields(const JsonValue& tensor, std::string name, const BlobIndex& index) {
  BlobEntry entry{.name = std::move(name),
                  .dtype = read_dtype(read_text(tensor, "dtype")),
                  .shape = read_shape(tensor),
                  .offset = read_whole(tensor, "offset"),
                  .size = read_whole(tensor, "size"),
                  .digest = read_digest(tensor)};
  check_place(entry, index);
  return entry;
}

BlobEntry read_entry(const JsonValue& tensor, const BlobIndex& index) {
  std::string name = read_text(tensor, "name");
  try {
    return read_fields(tensor, name, index);
  } catch (const Error& error) {  // not in_context: most names never need quoting
    fail(error.code(), "tensor ", quoted(name), ": ", error.what());
  }
}

void require_unique_names(const std::vector<BlobEntry>& tensors) {
  std::set<std::string_view> names;
  for (const BlobEntry& tensor : tensors)
    if (!names.insert(tensor.name).second)
      fail(ErrorCode::Corrupt, "tensor ", quoted(tensor.name), " is listed twice");
}

void require_apart(const std::vector<BlobEntry>& tensors) {
  std::vector<const BlobEntry*> order;
  for (const BlobEntry& tensor : tensors)
    if (tensor.size != 0) order.push_back(&tensor);
  std::ranges::sort(order, {}, &BlobEntry::offset);
  for (size_t i = 1; i < order.size(); ++i)
    if (order[i]->offset - order[i - 1]->offset < order[i - 1]->size)
      fail(ErrorCode::Corrupt, "tensor ", quoted(order[i]->name), " begins at byte ",
           order[i]->offset, ", inside tensor ", quoted(order[i - 1]->name));
}

}  // namespace

bool is_blob_alignment(uint64_t align) { return std::has_single_bit(align); }

BlobIndex read_blob_index(const Source& source, const Limits& limits) {
  const JsonDocument document(source, limits.max_header_bytes);
  const JsonValue root = document.root();
  check_schema(root);
  BlobIndex index{.file = read_file_name(root),
                  .size = read_whole(root, "size"),
                  .align = read_align(root),
                  .metadata = {},
                  .tensors = {}};
  const JsonValue metadata = root.its("metadata");
  index.metadata = in_context("metadata", [&] { return read_metadata(metadata); });
  const JsonValue tensors = root.its("tensors");
  const std::vector<JsonValue> items = in_context("tensors", [&] { return tensors.items(); });
  check_limit("tensors:", items.size(), "max_tensors", limits.max_tensors);
  for (const JsonValue& tensor : items) index.tensors.push_back(read_entry(tensor, index));
  require_unique_names(index.tensors);
  require_apart(index.tensors);
  return index;
}

}  // namespace unbrine
