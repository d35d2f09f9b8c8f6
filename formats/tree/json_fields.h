// Fields of the objects in state.json, where null is a value like any other, and the names of
// floats that JSON has no number for.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "formats/json_document.h"

namespace unbrine {

std::optional<JsonValue> field_of(const JsonValue& object, std::string_view key);
JsonValue required_field(const JsonValue& object, std::string_view key);  // throws Corrupt

// Throw Corrupt for a field of another name. Each of `allowed` ends with a blank.
void require_allowed(std::string_view key, std::string_view allowed);
void require_only(const JsonValue& object, std::string_view allowed);

// The field whose key begins with `$`, if there is one. Throws Corrupt for two.
std::optional<JsonField> special_field(const std::vector<JsonField>& fields);
// The same as require_only(), for the fields beside it.
void require_companions(const std::vector<JsonField>& fields, std::string_view allowed);

bool flag_of(const JsonValue& object, std::string_view key);  // false: there is none

// "nan", "inf", "-inf", or "0x" and the 16 digits of another NaN.
std::optional<double> float_of_name(std::string_view name);

}  // namespace unbrine
