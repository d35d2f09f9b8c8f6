// Which names a selection keeps and how it spells them: include, exclude, prefixes, renames.
#pragma once

#include <string>
#include <vector>

#include "converter/rules.h"
#include "formats/limits.h"
#include "formats/selection.h"

namespace unbrine {

// Takes out what --include and --exclude leave out and gives the number of names. A pattern that
// fits no name is added to `warnings`.
uint64_t filter_names(Selection& selection, const Rules& rules, std::vector<std::string>& warnings);

// A note if all names of a group share a prefix that wrappers add, and no rule touches it.
void note_common_prefixes(const Selection& selection, const Rules& rules,
                          std::vector<std::string>& notes);

// Strips, renames, adds, and makes the names of each group fit to be written, which is noted where
// it changes one. A rule that fits no name is added to `warnings`. Throws Limit.
void spell_names(Selection& selection, const Rules& rules, const Limits& limits,
                 std::vector<std::string>& notes, std::vector<std::string>& warnings);

}  // namespace unbrine
