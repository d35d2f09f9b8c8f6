// What convert says about its work, in text.
#pragma once

#include <string>

#include "converter/convert.h"

namespace unbrine {

// What was written and left out, in a few lines.
std::string summary(const ConvertReport& report);

// The same for what would be written, and the room that it needs.
std::string plan_text(const ConvertPlan& plan);

}  // namespace unbrine
