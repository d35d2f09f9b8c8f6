// The bytes that a value stands for, in any of the ways in which pickles write them: bytes,
// bytearray, a Python 2 str, and the text that protocols 0 to 2 use instead of bytes.
#pragma once

#include <memory>
#include <optional>
#include <unordered_map>

#include "formats/pickle/graph.h"

namespace unbrine {

struct ByteRange {
  std::shared_ptr<const Source> source;
  uint64_t offset = 0;
  uint64_t size = 0;
};

// Long bytes stay where they are; others are copied. None for a value of another kind. Throws
// Corrupt for text that is not latin1, Unsupported for another encoding.
std::optional<ByteRange> bytes_of(const Graph& graph, NodeId node);

// bytes_of() for many values: what several of them share is copied once, so that a small pickle
// cannot ask for one long string a thousand times.
class ByteValues {
 public:
  explicit ByteValues(const Graph& graph) : graph_(graph) {}
  std::optional<ByteRange> find(NodeId node);

 private:
  const Graph& graph_;
  std::unordered_map<NodeId, ByteRange> copies_;  // by the string or bytes that was copied
};

}  // namespace unbrine
