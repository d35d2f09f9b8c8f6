#include "formats/json_document.h"

#include <simdjson.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <new>

#include "formats/error.h"
#include "formats/limits.h"
#include "formats/text.h"

namespace unbrine {
namespace {

namespace dom = simdjson::dom;
using Handle = std::array<uintptr_t, 2>;

dom::element element_of(const Handle& handle) { return std::bit_cast<dom::element>(handle); }
Handle handle_of(dom::element element) { return std::bit_cast<Handle>(element); }

template <class Value>
Value expect(const Handle& handle, std::string_view what) {
  Value value;
  if (element_of(handle).get(value) != simdjson::SUCCESS)
    fail(ErrorCode::Corrupt, "expected ", what);
  return value;
}

void require_unique(std::vector<std::string_view>& keys) {
  std::ranges::sort(keys);
  const auto twice = std::ranges::adjacent_find(keys);
  if (twice != keys.end())
    fail(ErrorCode::Corrupt, "has the key ", quoted(*twice), " twice in one object");
}

// In every object of the document, however deep; the parser keeps both silently.
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

}  // namespace

struct JsonDocument::Parser {
  dom::parser parser;
  dom::element root;
};

JsonDocument::JsonDocument(const Source& source, uint64_t longest)
    : parser_(std::make_unique<Parser>()) {
  check_limit("bytes of JSON:", source.size(), "max_header_bytes", longest);
  simdjson::padded_string text(source.size());
  if (text.data() == nullptr) throw std::bad_alloc();
  source.read_at(0, {reinterpret_cast<uint8_t*>(text.data()), source.size()});
  if (const auto error = parser_->parser.parse(text).get(parser_->root))
    fail(ErrorCode::Corrupt, "is not valid JSON: ", simdjson::error_message(error));
  require_unique_keys(parser_->root);
}

JsonDocument::JsonDocument(JsonDocument&&) noexcept = default;
JsonDocument::~JsonDocument() = default;

JsonValue JsonDocument::root() const { return JsonValue(handle_of(parser_->root)); }

JsonKind JsonValue::kind() const {
  switch (element_of(handle_).type()) {
    case dom::element_type::ARRAY: return JsonKind::Array;
    case dom::element_type::OBJECT: return JsonKind::Object;
    case dom::element_type::INT64: return JsonKind::Integer;
    case dom::element_type::UINT64: return JsonKind::Unsigned;
    case dom::element_type::DOUBLE: return JsonKind::Real;
    case dom::element_type::STRING: return JsonKind::Text;
    case dom::element_type::BOOL: return JsonKind::Bool;
    default: return JsonKind::Null;
  }
}

bool JsonValue::is_null() const { return element_of(handle_).is_null(); }
bool JsonValue::is_text() const { return element_of(handle_).is_string(); }
bool JsonValue::is_object() const { return element_of(handle_).is_object(); }

std::string_view JsonValue::text() const { return expect<std::string_view>(handle_, "a string"); }
bool JsonValue::boolean() const { return expect<bool>(handle_, "true or false"); }
double JsonValue::number() const { return expect<double>(handle_, "a number"); }

constexpr std::string_view kWhole = "a whole number that fits 64 bits";

uint64_t JsonValue::whole() const { return expect<uint64_t>(handle_, kWhole); }

int64_t JsonValue::integer() const {
  if (!is_text()) return expect<int64_t>(handle_, kWhole);
  const std::string_view digits = text();
  const char* const last = digits.data() + digits.size();
  int64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), last, value);
  if (error != std::errc() || end != last)
    fail(ErrorCode::Corrupt, "expected ", kWhole, ", found ", quoted(digits));
  return value;
}

uint64_t JsonValue::count() const {
  const int64_t value = integer();
  if (value < 0) fail(ErrorCode::Corrupt, "expected no negative number, found ", value);
  return static_cast<uint64_t>(value);
}

std::vector<JsonValue> JsonValue::items() const {
  std::vector<JsonValue> items;
  for (const dom::element item : expect<dom::array>(handle_, "an array"))
    items.push_back(JsonValue(handle_of(item)));
  return items;
}

std::vector<JsonField> JsonValue::fields() const {
  std::vector<JsonField> fields;
  for (const dom::key_value_pair field : expect<dom::object>(handle_, "an object"))
    fields.push_back({field.key, JsonValue(handle_of(field.value))});
  return fields;
}

std::optional<JsonValue> JsonValue::find(std::string_view key) const {
  dom::element found;
  const dom::object object = expect<dom::object>(handle_, "an object");
  if (object.at_key(key).get(found) != simdjson::SUCCESS || found.is_null()) return std::nullopt;
  return JsonValue(handle_of(found));
}

JsonValue JsonValue::its(std::string_view key) const {
  const std::optional<JsonValue> found = find(key);
  if (!found) fail(ErrorCode::Corrupt, "has no ", quoted(key));
  return *found;
}

}  // namespace unbrine
