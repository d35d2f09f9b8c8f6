#include "formats/tree/json_fields.h"

#include <bit>
#include <charconv>
#include <cmath>
#include <limits>
#include <string>

#include "formats/error.h"
#include "formats/text.h"

namespace unbrine {

std::optional<JsonValue> field_of(const JsonValue& object, std::string_view key) {
  for (const JsonField& field : object.fields())
    if (field.key == key) return field.value;
  return std::nullopt;
}

JsonValue required_field(const JsonValue& object, std::string_view key) {
  const std::optional<JsonValue> found = field_of(object, key);
  if (!found) fail(ErrorCode::Corrupt, "has no ", quoted(key));
  return *found;
}

void require_allowed(std::string_view key, std::string_view allowed) {
  while (!allowed.empty()) {
    const size_t blank = allowed.find(' ');
    if (allowed.substr(0, blank) == key) return;
    allowed.remove_prefix(blank + 1);
  }
  fail(ErrorCode::Corrupt, quoted(key), " does not belong there");
}

void require_only(const JsonValue& object, std::string_view allowed) {
  for (const JsonField& field : object.fields()) require_allowed(field.key, allowed);
}

std::optional<JsonField> special_field(const std::vector<JsonField>& fields) {
  std::optional<JsonField> found;
  for (const JsonField& field : fields) {
    if (!field.key.starts_with('$')) continue;
    if (found)
      fail(ErrorCode::Corrupt, "has both ", quoted(found->key), " and ", quoted(field.key));
    found = field;
  }
  return found;
}

void require_companions(const std::vector<JsonField>& fields, std::string_view allowed) {
  for (const JsonField& field : fields)
    if (!field.key.starts_with('$')) require_allowed(field.key, allowed);
}

bool flag_of(const JsonValue& object, std::string_view key) {
  const std::optional<JsonValue> found = field_of(object, key);
  return found && found->boolean();
}

std::optional<double> float_of_name(std::string_view name) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  if (name == "inf") return kInfinity;
  if (name == "-inf") return -kInfinity;
  if (name == "nan") return std::bit_cast<double>(uint64_t{0x7ff8'0000'0000'0000});
  constexpr size_t kDigits = 16;
  if (!name.starts_with("0x") || name.size() != 2 + kDigits) return std::nullopt;
  uint64_t bits = 0;
  const char* const last = name.data() + name.size();
  const auto [end, error] = std::from_chars(name.data() + 2, last, bits, 16);
  const auto number = std::bit_cast<double>(bits);
  if (error != std::errc() || end != last || !std::isnan(number)) return std::nullopt;
  return number;
}

}  // namespace unbrine
