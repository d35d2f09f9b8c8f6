// Which names of archive members mean one thing to every reader.
#pragma once

#include <string_view>

namespace unbrine {

// A relative path in UTF-8 without NUL and backslash, of which no part is empty, "." or "..". One
// slash at the end, the mark of a folder, is fine.
bool is_plain_path(std::string_view name);

}  // namespace unbrine
