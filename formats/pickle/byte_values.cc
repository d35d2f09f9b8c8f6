#include "formats/pickle/byte_values.h"

#include <vector>

#include "formats/error.h"
#include "formats/text.h"

namespace unbrine {
namespace {

// Where the bytes stand: in a bytes-like value as they are, or in a str, one code point each.
struct Origin {
  NodeId node;  // kNoNode: no bytes at all, as in bytes()
  bool is_text;
};

bool is_plain(const Graph& graph, NodeId node) {
  const NodeKind kind = graph.kind(node);
  return kind == NodeKind::Bytes || kind == NodeKind::ByteArray || kind == NodeKind::ByteString;
}

bool is_short_text(const Graph& graph, NodeId node) {
  return graph.is(node, NodeKind::String) ||
         (graph.is(node, NodeKind::ByteString) && !graph.is_external(node));
}

std::vector<NodeId> arguments(const Graph& graph, NodeId call) {
  const NodeId args = graph.call(call).args;
  if (!graph.is(args, NodeKind::Tuple)) fail(ErrorCode::Corrupt, "its arguments are no tuple");
  return graph.items(args).to_vector();
}

// (text, encoding): what Python 3 writes with protocols 0 to 2.
Origin encoded(const Graph& graph, const std::vector<NodeId>& args) {
  if (args.size() != 2 || !graph.is(args[0], NodeKind::String) || !is_short_text(graph, args[1]))
    fail(ErrorCode::Corrupt, "its bytes are encoded, but not from (text, encoding)");
  const std::string_view encoding = graph.text(args[1]);
  if (encoding != "latin1" && encoding != "latin-1")
    fail(ErrorCode::Unsupported, "its bytes are encoded as ", quoted(encoding), ", not as latin1");
  return {args[0], true};
}

// bytes() and bytearray() for none, bytearray(bytes), bytearray(text, encoding).
std::optional<Origin> constructed(const Graph& graph, NodeId call) {
  const std::vector<NodeId> args = arguments(graph, call);
  if (args.empty()) return Origin{kNoNode, false};
  if (args.size() == 2) return encoded(graph, args);
  if (args.size() != 1) return std::nullopt;
  if (is_plain(graph, args[0])) return Origin{args[0], false};
  const bool is_encoded =
      graph.is(args[0], NodeKind::Call) && graph.callee_meaning(args[0]) == Meaning::Encode;
  if (is_encoded) return encoded(graph, arguments(graph, args[0]));
  return std::nullopt;  // bytearray(7), bytes([1, 2]): nobody writes these
}

std::optional<Origin> origin_of(const Graph& graph, NodeId node) {
  if (is_plain(graph, node)) return Origin{node, false};
  if (!graph.is(node, NodeKind::Call)) return std::nullopt;
  switch (graph.callee_meaning(node)) {
    case Meaning::Encode: return encoded(graph, arguments(graph, node));
    case Meaning::Bytes:
    case Meaning::ByteArray: return constructed(graph, node);
    default: return std::nullopt;
  }
}

// Code points back to bytes: in UTF-8 those from 0x80 to 0xff begin with c2 or c3.
std::vector<uint8_t> latin1(std::string_view utf8) {
  std::vector<uint8_t> bytes;
  bytes.reserve(utf8.size());
  for (size_t i = 0; i < utf8.size(); ++i) {
    auto byte = static_cast<uint8_t>(utf8[i]);
    if (byte >= 0x80) {
      if ((byte != 0xc2 && byte != 0xc3) || i + 1 == utf8.size())
        fail(ErrorCode::Corrupt, "its bytes are text with a character beyond latin1");
      byte = static_cast<uint8_t>(byte << 6 | (static_cast<uint8_t>(utf8[++i]) & 0x3f));
    }
    bytes.push_back(byte);
  }
  return bytes;
}

std::vector<uint8_t> copy_of(const Graph& graph, const Origin& origin) {
  if (origin.node == kNoNode) return {};
  const std::string_view content = graph.text(origin.node);
  if (origin.is_text) return latin1(content);
  const ByteSpan bytes = as_bytes(content);
  return {bytes.begin(), bytes.end()};
}

ByteRange range_of(const Graph& graph, const Origin& origin) {
  const NodeId node = origin.node;
  if (node != kNoNode && !origin.is_text && graph.is_external(node))
    return {graph.byte_source(node), graph.byte_offset(node), graph.byte_size(node)};
  std::vector<uint8_t> bytes = copy_of(graph, origin);
  const uint64_t size = bytes.size();
  return {std::make_shared<MemorySource>(std::move(bytes)), 0, size};
}

}  // namespace

std::optional<ByteRange> bytes_of(const Graph& graph, NodeId node) {
  return ByteValues(graph).find(node);
}

std::optional<ByteRange> ByteValues::find(NodeId node) {
  const std::optional<Origin> origin = origin_of(graph_, node);
  if (!origin) return std::nullopt;
  const auto known = copies_.find(origin->node);
  if (known != copies_.end()) return known->second;
  return copies_.emplace(origin->node, range_of(graph_, *origin)).first->second;
}

}  // namespace unbrine
