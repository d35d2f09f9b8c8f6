// The opcodes that are a value by themselves: numbers, truths, strings and bytes.
#pragma once

#include "formats/limits.h"
#include "formats/pickle/graph.h"
#include "formats/pickle/opcode_reader.h"

namespace unbrine {

// The node of the value that `opcode` pushes, None to BYTEARRAY8. Throws Corrupt for text that is
// not what its opcode says, Limit for an int of too many digits.
// `source` is where bytes that the opcode leaves in place lie: of graph.add_source().
NodeId add_plain_value(const Opcode& opcode, uint32_t source, const Limits& limits, Graph& graph);

}  // namespace unbrine
