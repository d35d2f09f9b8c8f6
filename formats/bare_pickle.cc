#include "formats/bare_pickle.h"

#include <algorithm>

#include "formats/error.h"
#include "formats/numpy/numpy_objects.h"
#include "formats/pickle/decoder.h"
#include "formats/torch/torch_objects.h"

namespace unbrine {
namespace {

bool begins_a_pickle(ByteSpan bytes) {
  return bytes.size() >= 2 && bytes[0] == 0x80 && bytes[1] >= 2 && bytes[1] <= 5;
}

bool names_joblib(const Graph& graph) {
  return std::ranges::any_of(graph.globals(), [](const Global& global) {
    return global.module.starts_with("joblib.numpy_pickle");
  });
}

// joblib puts raw arrays into the middle of its pickle, where a decoder sees opcodes that are none.
DecodedPickle decode(const Probe& probe, Graph& graph) {
  try {
    return decode_pickle(*probe.source, 0, probe.limits, graph);
  } catch (const Error&) {
    if (!names_joblib(graph)) throw;
    fail(ErrorCode::Unsupported, "is a joblib file, which is not read yet");
  }
}

}  // namespace

bool looks_like_bare_pickle(const Probe& probe) { return begins_a_pickle(probe.head); }

Checkpoint read_bare_pickle(const Probe& probe) {
  Checkpoint checkpoint(probe.source, probe.limits);
  checkpoint.format = "pickle";
  const DecodedPickle decoded = decode(probe, checkpoint.graph);
  checkpoint.root = decoded.root;
  const uint64_t rest = probe.source->size() - decoded.end;
  if (rest != 0) {
    const auto behind = probe.source->read_all(decoded.end, std::min<uint64_t>(rest, 2));
    if (begins_a_pickle(behind))
      fail(ErrorCode::Unsupported, "byte ", decoded.end,
           ": a second pickle follows; files with several are not read yet");
    fail(ErrorCode::Corrupt, "byte ", decoded.end, ": ", rest, " bytes follow the pickle's STOP");
  }
  if (!checkpoint.graph.persistent_ids().empty())
    fail(ErrorCode::Corrupt, "a persistent id, with nothing that it could name");
  build_tensors(checkpoint, {});
  build_arrays(checkpoint, probe.source);
  return checkpoint;
}

}  // namespace unbrine
