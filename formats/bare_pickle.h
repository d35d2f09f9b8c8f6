// A pickle and nothing else: paddle's .pdparams, detectron2's .pkl, skorch nets, joblib files,
// dumps of torch tensors and numpy arrays.
#pragma once

#include "formats/checkpoint.h"
#include "formats/pickle_sequence.h"

namespace unbrine {

// True if a pickle of any protocol begins at `offset`.
bool begins_bare_pickle(const std::shared_ptr<const Source>& source, uint64_t offset,
                        const Limits& limits);

// Persistent ids have nothing here that they could name and stay in the graph; a note says so.
SequenceItem read_bare_pickle(const std::shared_ptr<const Source>& source, uint64_t offset,
                              Checkpoint& checkpoint);

}  // namespace unbrine
