#include "converter/manifest_reader.h"

#include <algorithm>
#include <charconv>
#include <set>

#include "formats/checked.h"
#include "formats/error.h"
#include "formats/json_document.h"
#include "formats/safetensors/safetensors_format.h"
#include "formats/tensor.h"
#include "formats/text.h"

namespace unbrine {
namespace {

constexpr std::string_view kSchema = "unbrine.manifest/1";
constexpr std::string_view kDigestPrefix = "xxh3-256k:";
constexpr std::string_view kHexDigits = "0123456789abcdef";
constexpr size_t kDigestDigits = 16;
constexpr size_t kSha256Digits = 64;

bool is_hex(std::string_view text, size_t digits) {
  return text.size() == digits && text.find_first_not_of(kHexDigits) == std::string_view::npos;
}

// What a field of an object says; errors name it.
template <class Read>
auto field(const JsonValue& object, std::string_view key, Read read) {
  const JsonValue value = object.its(key);
  return in_context(key, [&] { return read(value); });
}

std::string text_of(const JsonValue& value) { return std::string(value.text()); }
uint64_t whole_of(const JsonValue& value) { return value.whole(); }

std::string optional_text(const JsonValue& object, std::string_view key) {
  const std::optional<JsonValue> value = object.find(key);
  return value ? in_context(key, [&] { return text_of(*value); }) : std::string();
}

std::string read_file_name(const JsonValue& value) {
  const std::string_view name = value.text();
  if (!is_plain_file_name(name))
    fail(ErrorCode::Corrupt, quoted(name), " is not the plain name of a file");
  return std::string(name);
}

DType read_dtype(const JsonValue& value) {
  const std::string_view name = value.text();
  std::optional<DType> dtype = dtype_by_safetensors_name(name);
  if (!dtype) dtype = dtype_by_torch_name(name);
  if (!dtype) fail(ErrorCode::Corrupt, quoted(name), " is no dtype");
  return *dtype;
}

std::vector<uint64_t> read_shape(const JsonValue& value) {
  std::vector<uint64_t> shape;
  for (const JsonValue& size : value.items()) shape.push_back(size.whole());
  return shape;
}

std::string read_sha256(const JsonValue& object) {
  std::string digest = optional_text(object, "sha256");
  if (!digest.empty() && !is_hex(digest, kSha256Digits))
    fail(ErrorCode::Corrupt, "sha256: expected 64 hex digits, found ", quoted(digest));
  return digest;
}

std::map<std::string, std::string> read_aliases(const JsonValue& object) {
  std::map<std::string, std::string> aliases;
  const std::optional<JsonValue> value = object.find("aliases");
  if (!value) return aliases;
  in_context("aliases", [&] {
    for (const JsonField& alias : value->fields()) aliases.emplace(alias.key, alias.value.text());
  });
  return aliases;
}

ManifestFile read_file(const JsonValue& object) {
  ManifestFile file;
  file.name = field(object, "file", read_file_name);
  file.size = field(object, "size", whole_of);
  if (object.find("tensors")) file.tensors = field(object, "tensors", whole_of);
  if (object.find("digest"))
    file.digest =
        field(object, "digest", [](const JsonValue& value) { return parse_digest(value.text()); });
  if (file.tensors.has_value() == file.digest.has_value())
    fail(ErrorCode::Corrupt, "expected either 'tensors' or 'digest'");
  file.aliases = read_aliases(object);
  file.sha256 = read_sha256(object);
  return file;
}

ManifestTensor read_tensor(const JsonValue& object) {
  ManifestTensor tensor;
  tensor.name = field(object, "name", text_of);
  tensor.file = field(object, "file", text_of);
  tensor.offset = field(object, "offset", whole_of);
  tensor.size = field(object, "size", whole_of);
  tensor.dtype = field(object, "dtype", read_dtype);
  tensor.shape = field(object, "shape", read_shape);
  tensor.source = field(object, "source", text_of);
  tensor.digest =
      field(object, "digest", [](const JsonValue& value) { return parse_digest(value.text()); });
  tensor.alias_of = optional_text(object, "alias_of");
  return tensor;
}

// Fills a manifest row by row, and holds each against what is there already.
class Reader {
 public:
  explicit Reader(const Limits& limits) : limits_(limits) {}

  Manifest read(const JsonValue& root) {
    require_schema(root);
    field(root, "source", [&](const JsonValue& source) {
      manifest_.source_file = field(source, "file", text_of);
      manifest_.source_format = field(source, "format", text_of);
      manifest_.selected = field(source, "selected", text_of);
    });
    manifest_.excluded = field(root, "excluded", whole_of);
    rows(root, "files", [&](const JsonValue& row) { add_file(read_file(row)); });
    rows(root, "tensors", [&](const JsonValue& row) { add_tensor(row); });
    for (const ManifestFile& file : manifest_.files) check_counts(file);
    return std::move(manifest_);
  }

 private:
  static void require_schema(const JsonValue& root) {
    const std::string schema = field(root, "schema", text_of);
    if (schema != kSchema)
      fail(ErrorCode::Corrupt, "schema: expected ", quoted(kSchema), ", found ", quoted(schema));
  }

  template <class Add>
  static void rows(const JsonValue& root, std::string_view key, Add add) {
    field(root, key, [&](const JsonValue& list) {
      size_t index = 0;
      for (const JsonValue& row : list.items())
        in_context("[" + std::to_string(index++) + "]", [&] { add(row); });
    });
  }

  void add_file(ManifestFile file) {
    if (!places_.emplace(file.name, manifest_.files.size()).second)
      fail(ErrorCode::Corrupt, quoted(file.name), " is listed twice");
    manifest_.files.push_back(std::move(file));
    counts_.push_back(0);
  }

  void add_tensor(const JsonValue& row) {
    check_limit("tensors:", manifest_.tensors.size() + 1, "max_tensors", limits_.max_tensors);
    ManifestTensor tensor = read_tensor(row);
    in_context("tensor " + quoted(tensor.name), [&] { check(tensor); });
    manifest_.tensors.push_back(std::move(tensor));
  }

  void check(const ManifestTensor& tensor) {
    const auto place = places_.find(tensor.file);
    if (place == places_.end() || !manifest_.files[place->second].tensors)
      fail(ErrorCode::Corrupt, "file: ", quoted(tensor.file), " is no file of tensors in the list");
    const uint64_t available = manifest_.files[place->second].size;
    if (tensor.offset > available || tensor.size > available - tensor.offset)
      fail(ErrorCode::Corrupt, "has ", tensor.size, " bytes at byte ", tensor.offset,
           " of a file of ", available);
    if (const uint64_t needed = byte_count(tensor.dtype, tensor.shape); needed != tensor.size)
      fail(ErrorCode::Corrupt, "has ", tensor.size, " bytes, but its shape and dtype need ",
           needed);
    if (!names_.emplace(place->second, tensor.name).second)
      fail(ErrorCode::Corrupt, "is listed twice in ", quoted(tensor.file));
    ++counts_[place->second];
  }

  void check_counts(const ManifestFile& file) const {
    const uint64_t listed = counts_[places_.find(file.name)->second];
    if (file.tensors.value_or(0) != listed)
      fail(ErrorCode::Corrupt, "files: ", quoted(file.name), " has ", *file.tensors,
           " tensors, but ", listed, " are listed");
  }

  const Limits& limits_;
  Manifest manifest_;
  std::map<std::string, size_t, std::less<>> places_;  // of files, by name
  std::vector<uint64_t> counts_;                       // of tensors listed, by file
  std::set<std::pair<size_t, std::string>> names_;     // file and name of each tensor
};

// A manifest grows with the tensors, as a header does, and says more of each.
constexpr uint64_t kBytesOverHeader = 8;

}  // namespace

const ManifestFile* Manifest::file(std::string_view name) const {
  const auto found = std::ranges::find(files, name, &ManifestFile::name);
  return found == files.end() ? nullptr : &*found;
}

Manifest read_manifest(const Source& source, const Limits& limits) {
  uint64_t longest = 0;
  if (!checked_multiply(limits.max_header_bytes, kBytesOverHeader, longest)) longest = UINT64_MAX;
  const JsonDocument document(source, longest);
  return Reader(limits).read(document.root());
}

uint64_t parse_digest(std::string_view text) {
  const std::string_view digits = text.substr(std::min(kDigestPrefix.size(), text.size()));
  if (!text.starts_with(kDigestPrefix) || !is_hex(digits, kDigestDigits))
    fail(ErrorCode::Corrupt, "expected ", kDigestPrefix, " and 16 hex digits, found ",
         quoted(text));
  uint64_t digest = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), digest, 16);
  return digest;
}

bool is_plain_file_name(std::string_view name) {
  constexpr std::string_view kForbidden("/\0", 2);
  return !name.empty() && name != "." && name != ".." &&
         name.find_first_of(kForbidden) == std::string_view::npos;
}

}  // namespace unbrine
