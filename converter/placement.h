// Which name in which file stands for each tensor of the table, once the layout is known.
#pragma once

#include <vector>

#include "formats/layout.h"
#include "formats/tree/state_json.h"

namespace unbrine {

// By index into Selection::tensors: the first name in the same file, in the order of the file, that
// is written from the same view as the same dtype; "" for that one itself, for tensors without
// bytes, and for those that are not in the layout.
std::vector<std::string> alias_names(const Layout& layout, const Selection& selection);

// By row of the table. A tensor that several names are given to has the place of the first of them.
std::vector<TensorPlace> tensor_places(const Layout& layout, const Selection& selection);

}  // namespace unbrine
