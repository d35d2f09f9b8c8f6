#include "formats/archive/entry_name.h"

#include "formats/text.h"

namespace unbrine {
namespace {

bool is_plain_part(std::string_view part) { return !part.empty() && part != "." && part != ".."; }

}  // namespace

bool is_plain_path(std::string_view name) {
  if (name.find('\0') != name.npos || name.find('\\') != name.npos) return false;
  if (!is_valid_utf8(name)) return false;
  if (name.ends_with('/')) name.remove_suffix(1);
  for (size_t slash; (slash = name.find('/')) != name.npos; name.remove_prefix(slash + 1))
    if (!is_plain_part(name.substr(0, slash))) return false;
  return is_plain_part(name);
}

}  // namespace unbrine
