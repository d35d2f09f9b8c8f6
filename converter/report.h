// From a finished or planned conversion to what is told about it.
#pragma once

#include "converter/conversion.h"
#include "converter/run_layout.h"

namespace unbrine {

// Without `results` the report is that of a plan: no digests, no statistics. Files of the layout
// only; the caller adds side files.
ConvertReport make_report(const std::filesystem::path& input, const std::filesystem::path& output,
                          const Conversion& conversion, const ConvertOptions& options,
                          std::span<const SlotResult> results);

}  // namespace unbrine
