// What becomes of values that a cast cannot hold.
#pragma once

#include "converter/convert.h"
#include "converter/run_layout.h"

namespace unbrine {

// OnOverflow::Keep: reads the tensors that are to be cast, and takes the cast from those that have
// values it cannot hold. They are then read twice: the layout has to be fixed before the copy.
// Adds a note for each of the first of them.
void keep_what_overflows(Choice& choice, const ConvertOptions& options);

// OnOverflow::Error: throws Usage, naming the first tensor with such values and their number, and
// how many tensors there are.
void refuse_overflow(const Layout& layout, const Selection& selection,
                     const std::vector<SlotResult>& results);

// The mode in which the kernels cast.
Overflow overflow_mode(OnOverflow on_overflow);

}  // namespace unbrine
