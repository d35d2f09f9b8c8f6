#include "formats/tensor_names.h"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "formats/error.h"
#include "formats/graph_walk.h"
#include "formats/text.h"

namespace unbrine {
namespace {

constexpr std::string_view kNameless = "tensor";  // of a root that is itself a tensor

// A reference between two nodes that have children.
struct Edge {
  NodeId child;
  NodeId parent;
};

// All references below the root, and the tensors among the nodes.
class References {
 public:
  References(const Graph& graph, NodeId root) : graph_(graph), seen_(graph.size(), false) {
    see(root);
    while (!pending_.empty()) {
      const NodeId node = pending_.back();
      pending_.pop_back();
      for_each_child(graph, node, [&](NodeId child) {
        if (!has_children(graph_, child)) return;
        edges_.push_back({child, node});
        see(child);
      });
    }
    std::ranges::sort(edges_, {}, &Edge::child);
  }

  std::vector<NodeId> take_tensors() { return std::move(tensors_); }

  auto parents_of(NodeId node) const {
    return std::ranges::equal_range(edges_, node, {}, &Edge::child);
  }

 private:
  void see(NodeId node) {
    if (seen_[node] || !has_children(graph_, node)) return;
    seen_[node] = true;
    pending_.push_back(node);
    if (graph_.is(node, NodeKind::Tensor)) tensors_.push_back(node);
  }

  const Graph& graph_;
  std::vector<bool> seen_;
  std::vector<NodeId> pending_;
  std::vector<NodeId> tensors_;
  std::vector<Edge> edges_;
};

// Which nodes have a tensor at or below them.
std::vector<bool> nodes_with_tensors(const Graph& graph, NodeId root) {
  References references(graph, root);
  std::vector<NodeId> pending = references.take_tensors();
  std::vector<bool> found(graph.size(), false);
  for (const NodeId tensor : pending) found[tensor] = true;
  while (!pending.empty()) {
    const NodeId node = pending.back();
    pending.pop_back();
    for (const Edge& edge : references.parents_of(node)) {
      if (found[edge.parent]) continue;
      found[edge.parent] = true;
      pending.push_back(edge.parent);
    }
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
    if (graph_.is(root, NodeKind::Tensor)) add_tensor(root, kNameless);
    enter(root);
    while (!frames_.empty()) step();
    name_keys();
    if (!hidden_.empty())
      std::erase_if(found_,
                    [&](const NamedTensor& tensor) { return hidden_.contains(tensor.name); });
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
    if (frames_.size() == 1 && frame.name_size == 0) top_ = static_cast<uint32_t>(frame.next);
    const Member& member = frame.members[frame.next++];
    if (!relevant_[member.value]) return;
    name_.resize(frame.name_size);
    append_part(name_, member, frames_.size() == 1 && name_.empty());
    if (member.part == Member::Part::Key) return keys_.push_back({name_, member.value, top_});
    if (member.part == Member::Part::Own && name_.empty()) name_ = kNameless;
    visit(member.value);
  }

  void visit(NodeId node) {
    if (graph_.is(node, NodeKind::Tensor)) add_tensor(node, name_);
    enter(node);
  }

  // Tensors that are keys of dicts: an optimizer's state may be keyed by the parameters, which have
  // their names already; others take the name of the entry.
  void name_keys() {
    if (keys_.empty()) return;
    for (const NamedTensor& tensor : found_) named_rows_.insert(graph_.index(tensor.node));
    while (!keys_.empty()) {
      const std::vector<NamedTensor> keys = std::exchange(keys_, {});
      for (const NamedTensor& key : keys) {
        const bool is_tensor = graph_.is(key.node, NodeKind::Tensor);
        if (is_tensor && !named_rows_.insert(graph_.index(key.node)).second) continue;
        if (!named_keys_.insert(key.node).second) continue;  // a key may lead back to its dict
        name_ = key.name;
        top_ = key.top;
        visit(key.node);
        while (!frames_.empty()) step();
      }
    }
  }

  void enter(NodeId node) {
    if (!relevant_[node] || open_[node]) return;
    if (is_opaque(graph_, node) && named_once_[node]) return;
    if (graph_.is(node, NodeKind::Tensor) && view_ == ModuleView::StateDict) return;
    check_limit("parts in a tensor's name:", frames_.size() + 1, "max_path_depth",
                limits_.max_path_depth);
    check_effort();
    open_[node] = named_once_[node] = true;
    if (view_ == ModuleView::StateDict) hide_names(node);
    frames_.push_back({node, name_.size(), members(graph_, node, view_)});
  }

  void hide_names(NodeId module) {
    for (const std::string_view name : names_hidden_by_hook(graph_, module))
      hidden_.insert(name_.empty() ? std::string(name) : name_ + "." + std::string(name));
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
  std::vector<NamedTensor> keys_;  // to be named at the end
  std::unordered_set<uint32_t> named_rows_;
  std::unordered_set<NodeId> named_keys_;
  std::unordered_set<std::string> hidden_;  // names that a module's hook takes away
  std::string name_;
  uint32_t top_ = 0;
  uint64_t entered_ = 0;
  uint64_t name_bytes_ = 0;
};

}  // namespace

TensorNames::TensorNames(const Graph& graph, NodeId root, const Limits& limits)
    : graph_(graph), limits_(limits), relevant_(nodes_with_tensors(graph, root)) {}

std::vector<NamedTensor> TensorNames::below(NodeId part, ModuleView view) const {
  return Walk(graph_, view, limits_, relevant_).run(part);
}

namespace {

bool is_reserved(std::string_view name) { return name == "__metadata__"; }

bool are_writable(const std::vector<std::string>& names) {
  std::unordered_set<std::string_view> seen(names.size());
  return std::ranges::all_of(names, [&](const std::string& name) {
    return !is_reserved(name) && is_valid_utf8(name) && seen.insert(name).second;
  });
}

}  // namespace

std::vector<ChangedName> make_names_writable(std::vector<std::string>& names) {
  std::vector<ChangedName> changed;
  if (are_writable(names)) return changed;
  std::vector<std::string> wanted;
  for (const std::string& name : names) wanted.push_back(repaired_utf8(name));
  // Names that some tensor wants are not given to another one.
  std::unordered_set<std::string> taken(wanted.begin(), wanted.end());
  std::unordered_set<std::string> used;
  std::unordered_map<std::string, uint64_t> last_number;
  for (size_t i = 0; i < names.size(); ++i) {
    std::string name = wanted[i];
    if (is_reserved(name) || !used.insert(name).second) {
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
