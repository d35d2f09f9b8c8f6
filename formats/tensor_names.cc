#include "formats/tensor_names.h"

#include <unordered_map>
#include <unordered_set>

#include "formats/error.h"
#include "formats/text.h"

namespace unbrine {
namespace {

// Calls `visit` with every node that `node` refers to, whether or not it gives it a name.
template <class Visit>
void for_each_child(const Graph& graph, NodeId node, Visit visit) {
  const auto visit_all = [&](Items items) {
    for (const NodeId child : items) visit(child);
  };
  switch (graph.kind(node)) {
    case NodeKind::Tuple:
    case NodeKind::List:
    case NodeKind::Dict:
    case NodeKind::Set:
    case NodeKind::FrozenSet: return visit_all(graph.items(node));
    case NodeKind::Call:
    case NodeKind::Tensor: break;
    default: return;
  }
  if (graph.is(node, NodeKind::Tensor) && !graph.has_tensor_call(node)) return;
  const Call& call = graph.is(node, NodeKind::Call) ? graph.call(node) : graph.tensor_call(node);
  visit(call.args);
  if (call.kwargs != kNoNode) visit(call.kwargs);
  for (const Chain& chain : {call.states, call.items, call.values}) visit_all(graph.items(chain));
}

// The parents of each node, as one flat array.
class Parents {
 public:
  explicit Parents(const Graph& graph) : begin_(graph.size() + 1, 0) {
    for (NodeId node = 0; node < graph.size(); ++node)
      for_each_child(graph, node, [&](NodeId child) { ++begin_[child + 1]; });
    for (size_t i = 1; i < begin_.size(); ++i) begin_[i] += begin_[i - 1];
    parents_.resize(begin_.back());
    std::vector<uint32_t> next(begin_.begin(), begin_.end() - 1);
    for (NodeId node = 0; node < graph.size(); ++node)
      for_each_child(graph, node, [&](NodeId child) { parents_[next[child]++] = node; });
  }

  std::span<const NodeId> of(NodeId node) const {
    return std::span(parents_).subspan(begin_[node], begin_[node + 1] - begin_[node]);
  }

 private:
  std::vector<uint32_t> begin_;
  std::vector<NodeId> parents_;
};

// Which nodes have a tensor at or below them.
std::vector<bool> nodes_with_tensors(const Graph& graph) {
  const Parents parents(graph);
  std::vector<bool> found(graph.size(), false);
  std::vector<NodeId> pending;
  const auto mark = [&](NodeId node) {
    if (found[node]) return;
    found[node] = true;
    pending.push_back(node);
  };
  for (NodeId node = 0; node < graph.size(); ++node)
    if (graph.is(node, NodeKind::Tensor)) mark(node);
  while (!pending.empty()) {
    const NodeId node = pending.back();
    pending.pop_back();
    for (const NodeId parent : parents.of(node)) mark(parent);
  }
  return found;
}

// Depth first, with a stack of its own: the depth of a file's nesting must not become ours.
class Walk {
 public:
  Walk(const Graph& graph, ModuleView view, const Limits& limits, const std::vector<bool>& relevant)
      : graph_(graph),
        view_(view),
        limits_(limits),
        relevant_(relevant),
        open_(graph.size(), false),
        named_once_(graph.size(), false) {}

  std::vector<NamedTensor> run(NodeId root) {
    if (graph_.is(root, NodeKind::Tensor)) add_tensor(root, "tensor");
    enter(root);
    while (!frames_.empty()) step();
    return std::move(found_);
  }

 private:
  struct Frame {
    NodeId node;
    size_t name_size;  // of name_ for this node
    std::vector<Member> members;
    size_t next = 0;
  };

  void step() {
    Frame& frame = frames_.back();
    if (frame.next == frame.members.size()) return leave();
    if (frames_.size() == 1) top_ = static_cast<uint32_t>(frame.next);
    const Member& member = frame.members[frame.next++];
    if (!relevant_[member.value]) return;
    name_.resize(frame.name_size);
    append_part(name_, member, frames_.size() == 1);
    if (graph_.is(member.value, NodeKind::Tensor)) add_tensor(member.value, name_);
    enter(member.value);
  }

  void enter(NodeId node) {
    if (!relevant_[node] || open_[node]) return;
    if (is_opaque(graph_, node) && named_once_[node]) return;
    if (graph_.is(node, NodeKind::Tensor) && view_ == ModuleView::StateDict) return;
    check_limit("parts in a tensor's name:", frames_.size() + 1, "max_path_depth",
                limits_.max_path_depth);
    check_effort();
    open_[node] = named_once_[node] = true;
    frames_.push_back({node, name_.size(), members(graph_, node, view_)});
  }

  void leave() {
    open_[frames_.back().node] = false;
    frames_.pop_back();
  }

  // A container is entered because a tensor lies below it, so honest walks stay far below this.
  void check_effort() {
    ++entered_;
    if (entered_ > graph_.size() + limits_.max_path_depth * (found_.size() + 1))
      fail_limit("paths to shared values:", entered_, "max_path_depth", limits_.max_path_depth);
  }

  void add_tensor(NodeId node, std::string_view name) {
    check_limit("tensors:", found_.size() + 1, "max_tensors", limits_.max_tensors);
    name_bytes_ += name.size();
    check_limit("bytes of tensor names:", name_bytes_, "max_header_bytes",
                limits_.max_header_bytes);
    found_.push_back({std::string(name), node, top_});
  }

  const Graph& graph_;
  ModuleView view_;
  const Limits& limits_;
  const std::vector<bool>& relevant_;
  std::vector<bool> open_;        // on the path from the root to here
  std::vector<bool> named_once_;  // entered before
  std::vector<Frame> frames_;
  std::vector<NamedTensor> found_;
  std::string name_;
  uint32_t top_ = 0;
  uint64_t entered_ = 0;
  uint64_t name_bytes_ = 0;
};

}  // namespace

TensorNames::TensorNames(const Graph& graph, const Limits& limits)
    : graph_(graph), limits_(limits), relevant_(nodes_with_tensors(graph)) {}

std::vector<NamedTensor> TensorNames::below(NodeId root, ModuleView view) const {
  return Walk(graph_, view, limits_, relevant_).run(root);
}

std::vector<ChangedName> make_names_writable(std::vector<std::string>& names) {
  std::vector<ChangedName> changed;
  std::vector<std::string> wanted;
  for (const std::string& name : names) wanted.push_back(repaired_utf8(name));
  // Names that some tensor wants are not given to another one.
  std::unordered_set<std::string> taken(wanted.begin(), wanted.end());
  std::unordered_set<std::string> used = {"__metadata__"};
  std::unordered_map<std::string, uint64_t> last_number;
  for (size_t i = 0; i < names.size(); ++i) {
    std::string name = wanted[i];
    if (!used.insert(name).second) {
      uint64_t& number = last_number[name];
      do name = wanted[i] + "~" + std::to_string(++number);
      while (!taken.insert(name).second);
    }
    if (name != names[i]) changed.push_back({i, names[i]});
    names[i] = std::move(name);
  }
  return changed;
}

}  // namespace unbrine
