// What verify and diff have in common.
#pragma once

#include <optional>

#include "converter/cli/command_line.h"
#include "converter/compare.h"

namespace unbrine {

inline constexpr OptionRow kToleranceOptions[] = {
    {"rtol", 0, "X", false,
     "take values a, b for equal if |a - b| <= ATOL + X * |b| (default with --atol: 0)"},
    {"atol", 0, "X", false, "the absolute part of that (default with --rtol: 0)"},
};

// None unless one of the two is given. Throws Usage.
std::optional<Tolerance> tolerance_from(const Options& options);

}  // namespace unbrine
