// A numpy scalar between the bytes that a pickle has of it and the value that JSON shows.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "formats/bytes.h"

namespace unbrine {

// A uint64_t only beyond int64_t; a string is UTF-8, lone surrogates let through.
using NumpyValue =
    std::variant<bool, int64_t, uint64_t, double, std::pair<double, double>, std::string>;

// Of bytes of the type "<f4" and the like. None for a type that JSON has no value for (bytes,
// dates, long doubles), and for bytes that the value would not give back.
std::optional<NumpyValue> numpy_value(std::string_view type_string, ByteSpan bytes);

// The bytes that give this value; none if it is of another kind or does not fit exactly.
std::optional<std::vector<uint8_t>> numpy_bytes(std::string_view type_string,
                                                const NumpyValue& value);

}  // namespace unbrine
