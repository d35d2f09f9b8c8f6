#include "formats/tree/state_json.h"

#include <algorithm>

#include "formats/tree/value_writer.h"

namespace unbrine {
namespace {

// A value puts at most four brackets between itself and those in it: nesting stays below 500.
constexpr unsigned kDeepest = 100;

class TreeWriter {
 public:
  TreeWriter(const Graph& graph, const TensorTable& table, std::span<const TensorPlace> places,
             const Limits& limits)
      : graph_(graph),
        limits_(limits),
        sharing_(graph),
        values_(graph, table, places, limits, sharing_) {}

  std::string run(NodeId root) {
    root = graph_.is(root, NodeKind::Alias) ? graph_.resolved(root) : root;
    meet_all(root);
    number_all(root);
    values_.enter(ValueWriter::Stage::Write);
    text_ = R"({"schema":"unbrine.tree/1","tree":)";
    write(root);
    text_ += R"(,"shared":[)";
    const std::vector<NodeId>& shared = sharing_.in_order();
    for (size_t i = 0; i < shared.size(); ++i) {
      if (i != 0) text_ += ',';
      open(shared[i]);
      write_open();
    }
    text_ += "]}";
    return std::move(text_);
  }

 private:
  struct Met {
    NodeId node;
    unsigned depth;
  };
  struct Frame {
    Draft draft;
    size_t written = 0;  // of its text
    size_t filled = 0;   // of its holes
  };

  // Finds what is reached twice.
  void meet_all(NodeId root) {
    values_.enter(ValueWriter::Stage::Meet);
    std::vector<NodeId> pending = {root};
    while (!pending.empty()) {
      const NodeId node = pending.back();
      pending.pop_back();
      if (!sharing_.meet(node)) continue;
      const Draft draft = values_.draft(node);
      if (draft.in_full) sharing_.write_in_full(node);
      for (size_t i = draft.holes.size(); i-- > 0;) pending.push_back(draft.holes[i].value);
    }
  }

  // Numbers what is shared, and moves there what lies too deep.
  void number_all(NodeId root) {
    values_.enter(ValueWriter::Stage::Number);
    std::vector<Met> pending = {{root, 0}};
    while (!pending.empty()) {
      auto [node, depth] = pending.back();
      pending.pop_back();
      if (depth > kDeepest && !sharing_.is_in_full(node)) sharing_.force(node);
      if (sharing_.is_shared(node)) {
        if (!sharing_.number(node)) continue;
        depth = 0;
      }
      const Draft draft = values_.draft(node);
      for (size_t i = draft.holes.size(); i-- > 0;)
        pending.push_back({draft.holes[i].value, depth + 1});
    }
  }

  void write(NodeId node) {
    put(node);
    write_open();
  }

  void put(NodeId node) {
    if (!sharing_.is_shared(node)) return open(node);
    text_ += R"({"$ref":)" + std::to_string(sharing_.number_of(node)) + "}";
  }

  void open(NodeId node) { frames_.push_back({values_.draft(node)}); }

  void write_open() {
    while (!frames_.empty()) {
      Frame& frame = frames_.back();
      const std::string& text = frame.draft.json.text();
      const bool is_full = frame.filled == frame.draft.holes.size();
      const size_t end = is_full ? text.size() : frame.draft.holes[frame.filled].at;
      check_limit("bytes of state.json:", text_.size() + (end - frame.written),
                  "max_inflated_bytes", limits_.max_inflated_bytes);
      text_.append(text, frame.written, end - frame.written);
      frame.written = end;
      if (is_full)
        frames_.pop_back();
      else
        put(frame.draft.holes[frame.filled++].value);
    }
  }

  const Graph& graph_;
  const Limits& limits_;
  Sharing sharing_;
  ValueWriter values_;
  std::vector<Frame> frames_;
  std::string text_;
};

}  // namespace

std::string state_json(const Graph& graph, NodeId root, const TensorTable& table,
                       std::span<const TensorPlace> places, const Limits& limits) {
  return TreeWriter(graph, table, places, limits).run(root);
}

}  // namespace unbrine
