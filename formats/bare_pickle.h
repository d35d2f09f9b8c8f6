// A file that is one pickle and nothing else: paddle's .pdparams, detectron2's .pkl, dumps of dicts
// of numpy arrays.
#pragma once

#include "formats/checkpoint.h"

namespace unbrine {

// True for the PROTO opcode of protocols 2 to 5, which begins a pickle and little else.
bool looks_like_bare_pickle(const Probe& probe);

// Arrays are read; torch tensors, which hold whole torch streams in a byte string here, are not
// yet, and a note says so. Throws Corrupt (bytes behind the pickle, persistent ids), Unsupported (a
// second pickle), and what the decoder throws.
Checkpoint read_bare_pickle(const Probe& probe);

}  // namespace unbrine
