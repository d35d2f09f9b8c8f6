// Bytes as text (RFC 4648, with padding).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "formats/bytes.h"

namespace unbrine {

// Appends; of several calls all but the last must have a multiple of 3 bytes.
void append_base64(std::string& text, ByteSpan bytes);

// None for a text that no bytes give: another character, no padding, bits behind the last byte.
std::optional<std::vector<uint8_t>> bytes_of_base64(std::string_view text);

}  // namespace unbrine
