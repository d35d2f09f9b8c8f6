#include "formats/bare_pickle.h"

#include <algorithm>

#include "formats/error.h"
#include "formats/interpret.h"
#include "formats/numpy/joblib.h"
#include "formats/pickle/decoder.h"

namespace unbrine {
namespace {

// What protocols 0 and 1 begin with: a name, an object or a container, a number, a string.
constexpr std::string_view kTextBeginnings = "(c}]ILSVKMJUXGN";

// So many opcodes that can be executed one after another are no text by chance.
constexpr uint64_t kTelling = 8;
constexpr uint64_t kTried = 64;

bool executes(const std::shared_ptr<const Source>& source, uint64_t offset, Limits limits) {
  limits.max_opcodes = kTried;
  limits.max_string_bytes = std::min<uint64_t>(limits.max_string_bytes, 64 << 10);
  Graph graph;
  try {
    const DecodedPickle decoded = decode_pickle(source, offset, limits, graph);
    return decoded.opcodes > 2;
  } catch (const Error& error) {
    return error.code() == ErrorCode::Limit || graph.opcodes_decoded >= kTelling;
  }
}

}  // namespace

bool begins_bare_pickle(const std::shared_ptr<const Source>& source, uint64_t offset,
                        const Limits& limits) {
  const auto head = source->read_all(offset, std::min<uint64_t>(source->size() - offset, 3));
  if (head.size() < 2) return false;
  // No opcode is 0: the length of a safetensors header may begin with 80 01 00.
  if (head[0] == 0x80) return head[1] >= 1 && head[1] <= 5 && (head.size() < 3 || head[2] != 0);
  if (kTextBeginnings.find(static_cast<char>(head[0])) == std::string_view::npos) return false;
  return executes(source, offset, limits);
}

SequenceItem read_bare_pickle(const std::shared_ptr<const Source>& source, uint64_t offset,
                              Checkpoint& checkpoint) {
  JoblibArrays arrays(checkpoint, source);
  const DecodedPickle decoded =
      decode_pickle(source, offset, checkpoint.limits, checkpoint.graph,
                    [&](NodeId call, uint64_t next) { return arrays.after_build(call, next); });
  if (const size_t ids = decoded.persistent_ids.end - decoded.persistent_ids.begin; ids != 0)
    checkpoint.notes.push_back("persistent ids that name nothing in the file: " +
                               std::to_string(ids) + ", kept as records");
  interpret(checkpoint, decoded, {});
  return {decoded.root, decoded.end};
}

}  // namespace unbrine
