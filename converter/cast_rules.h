// Which tensors --dtype casts, and to what.
#pragma once

#include <string>
#include <vector>

#include "converter/rules.h"
#include "formats/selection.h"

namespace unbrine {

// Sets SelectedTensor::cast by the first rule that fits. A pattern casts floats only, a dtype all
// tensors of it; the scale of a quantized tensor and its like are parts of it and no floats of the
// user's. Names must be those before any rule. A rule that fits nothing is added to `warnings`.
void choose_casts(Selection& selection, const std::vector<DTypeRule>& rules, const Graph& graph,
                  std::vector<std::string>& warnings);

}  // namespace unbrine
