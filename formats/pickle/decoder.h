// Runs the pickle machine symbolically: opcodes in, a Graph out; no name looked up, no call made.
#pragma once

#include <functional>
#include <memory>

#include "formats/limits.h"
#include "formats/pickle/graph.h"
#include "formats/source.h"

namespace unbrine {

struct DecodedPickle {
  NodeId root;       // what the pickle leaves on top of the stack at STOP
  uint64_t end;      // offset just past STOP, in the source
  uint64_t opcodes;  // executed
  // What it added to the graph's lists.
  IndexRange calls;
  IndexRange persistent_ids;
};

// Told after each BUILD on a call, with the offset of the next opcode; gives the offset at which
// the pickle goes on. For joblib, which puts raw arrays between opcodes.
using AfterBuild = std::function<uint64_t(NodeId call, uint64_t offset)>;

// Decodes the pickle that starts at `offset` of `source` into `graph`; what is in the graph before
// stays. All protocols, 0 to 5. Work and memory are linear in the bytes read. Throws Corrupt,
// Limit, or Unsupported (extension registry, out-of-band buffers), with the offset and opcode;
// what was decoded until then stays in the graph.
DecodedPickle decode_pickle(const std::shared_ptr<const Source>& source, uint64_t offset,
                            const Limits& limits, Graph& graph, const AfterBuild& after_build = {});

}  // namespace unbrine
