#include "formats/pickle/value_reader.h"

#include "formats/error.h"
#include "formats/object_view.h"
#include "formats/text.h"

namespace unbrine {
namespace {

[[noreturn]] void fail_kind(const Graph& graph, NodeId node, std::string_view what,
                            std::string_view expected) {
  fail(ErrorCode::Corrupt, what, ": expected ", expected, ", found ", kind_name(graph.kind(node)));
}

constexpr size_t kLongestName = 16 << 10;

void require_short(std::string_view name, std::string_view what) {
  if (name.size() > kLongestName)
    fail(ErrorCode::Corrupt, what, ": a name of ", name.size(), " bytes, expected at most ",
         kLongestName);
}

bool is_sequence(const Graph& graph, NodeId node) {
  return graph.is(node, NodeKind::Tuple) || graph.is(node, NodeKind::List);
}

}  // namespace

std::string ValueReader::text(NodeId node, std::string_view what) const {
  const bool is_text = graph_.is(node, NodeKind::String) ||
                       (graph_.is(node, NodeKind::ByteString) && !graph_.is_external(node));
  if (!is_text) fail_kind(graph_, node, what, "a string");
  require_short(graph_.text(node), what);
  return std::string(graph_.text(node));
}

uint64_t ValueReader::count(NodeId node, std::string_view what) const {
  if (!graph_.is(node, NodeKind::Int)) fail_kind(graph_, node, what, "a count");
  if (graph_.integer(node) < 0)
    fail(ErrorCode::Corrupt, what, ": expected a count, found ", graph_.integer(node));
  return static_cast<uint64_t>(graph_.integer(node));
}

uint64_t ValueReader::enum_number(NodeId node, std::string_view what) const {
  if (!graph_.is(node, NodeKind::Call)) return count(node, what);
  const std::vector<NodeId> args = sequence(graph_.call(node).args, what);
  if (args.size() != 1) fail(ErrorCode::Corrupt, what, ": expected a number or an enum");
  return count(args[0], what);
}

std::vector<uint64_t> ValueReader::shape(NodeId node, std::string_view what) const {
  if (graph_.callee_meaning(node) == Meaning::Size) {
    const std::vector<NodeId> args = sequence(graph_.call(node).args, what);
    if (args.size() != 1) fail(ErrorCode::Corrupt, what, ": expected torch.Size of a tuple");
    node = args[0];
  }
  if (!is_sequence(graph_, node)) fail_kind(graph_, node, what, "a shape");
  std::vector<uint64_t> numbers;
  for (const NodeId item : graph_.items(node)) {
    check_limit("dimensions:", numbers.size() + 1, "max_rank", limits_.max_rank);
    numbers.push_back(count(item, what));
  }
  return numbers;
}

std::vector<NodeId> ValueReader::sequence(NodeId node, std::string_view what) const {
  node = graph_.resolved(node);
  if (!is_sequence(graph_, node)) fail_kind(graph_, node, what, "a list or tuple");
  return graph_.items(node).to_vector();
}

std::vector<std::pair<std::string, NodeId>> ValueReader::entries(NodeId node,
                                                                 std::string_view what) const {
  node = graph_.resolved(node);
  if (!graph_.is(node, NodeKind::Dict) && !graph_.is(node, NodeKind::Call))
    fail_kind(graph_, node, what, "a dict or an object");
  std::vector<std::pair<std::string, NodeId>> found;
  for (const Member& member : members(graph_, node, ModuleView::StateDict)) {
    require_short(member.text, what);
    std::string name;
    append_part(name, member, true);
    found.emplace_back(std::move(name), member.value);
  }
  return found;
}

std::string ValueReader::class_name(NodeId node) const {
  if (!graph_.is(node, NodeKind::Call)) return "";
  const NodeId callee = graph_.call(node).callee;
  return graph_.is(callee, NodeKind::Global) ? std::string(graph_.global(callee).name) : "";
}

Fields::Fields(const Graph& graph, const Limits& limits, NodeId node, std::string_view what)
    : what_(what), graph_(graph) {
  for (auto& [name, value] : ValueReader(graph, limits).entries(node, what))
    values_.insert_or_assign(std::move(name), value);
}

NodeId Fields::find(std::string_view name) const {
  const auto found = values_.find(name);
  if (found == values_.end() || graph_.is(found->second, NodeKind::None)) return kNoNode;
  return found->second;
}

NodeId Fields::require(std::string_view name) const {
  const auto found = values_.find(name);
  if (found == values_.end()) fail(ErrorCode::Corrupt, what_, " has no ", quoted(name));
  return found->second;
}

}  // namespace unbrine
