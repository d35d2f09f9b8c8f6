// Reads a JSON document that nobody vouches for: whole, and with no key twice in one object. Each
// accessor throws Corrupt, with what was expected, when the value is of another kind.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "formats/source.h"

namespace unbrine {

struct JsonField;

enum class JsonKind : uint8_t { Null, Bool, Integer, Unsigned, Real, Text, Array, Object };

// A value inside a JsonDocument, which must outlive it and all text that it gives.
class JsonValue {
 public:
  JsonKind kind() const;  // Unsigned: a whole number beyond int64_t
  bool is_null() const;
  bool is_text() const;
  bool is_object() const;

  std::string_view text() const;
  bool boolean() const;
  double number() const;    // an integer too
  uint64_t whole() const;   // a number that is no text, not negative
  int64_t integer() const;  // also one in text, "12": JSON of protobuf writes 64 bits so
  uint64_t count() const;   // such an integer that is not negative
  std::vector<JsonValue> items() const;
  std::vector<JsonField> fields() const;  // in the order of the file

  // A field of an object. One that is null counts as absent; its() throws for one that is.
  std::optional<JsonValue> find(std::string_view key) const;
  JsonValue its(std::string_view key) const;

 private:
  friend class JsonDocument;
  explicit JsonValue(const std::array<uintptr_t, 2>& handle) : handle_(handle) {}
  std::array<uintptr_t, 2> handle_;  // the parser's own value, whose type stays in the .cc
};

struct JsonField {
  std::string_view key;
  JsonValue value;
};

class JsonDocument {
 public:
  // All of `source`. Throws Corrupt, and Limit for more than `longest` bytes.
  JsonDocument(const Source& source, uint64_t longest);
  JsonDocument(JsonDocument&&) noexcept;
  ~JsonDocument();

  JsonValue root() const;

 private:
  struct Parser;
  std::unique_ptr<Parser> parser_;
};

}  // namespace unbrine
