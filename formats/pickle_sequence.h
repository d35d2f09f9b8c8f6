// Files that are pickles from the first byte on: torch's legacy streams and bare pickles, one or
// several after another.
#pragma once

#include "formats/checkpoint.h"

namespace unbrine {

// The magic number of a legacy stream, in any protocol, or a file that ends inside it.
bool looks_like_torch_legacy(const Probe& probe);

// Any other pickle: the PROTO opcode of protocols 1 to 5; or of protocols 0 and 1, which begin with
// nothing of their own, opcodes that can be executed.
bool looks_like_bare_pickle(const Probe& probe);

// Reads all that follow each other. Of one the content is its value; of several a dict with keys
// "#1", "#2" and so on. Zeros may follow a legacy stream. Throws Corrupt for other bytes.
Content read_pickle_sequence(const Probe& probe, Checkpoint& checkpoint);

// A pickle or stream of a sequence.
struct SequenceItem {
  NodeId root;
  uint64_t end;  // offset just past it, in the source
};

}  // namespace unbrine
