// Names of one group that stand for the same elements, read in the same way.
#pragma once

#include "converter/rules.h"
#include "formats/selection.h"

namespace unbrine {

// Keep-one: of the tensors with one view and one dtype the name that is first by its bytes stays,
// the others become Selection::aliased. Error: throws Usage naming two of them. Tensors without
// bytes are no aliases. Names must be final.
void apply_aliases(Selection& selection, Aliases policy);

}  // namespace unbrine
