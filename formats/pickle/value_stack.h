// The stack of the pickle machine, with its marks. As in CPython, nothing below the topmost mark
// can be touched until the mark is popped. Callers ask available() or has_mark() first.
#pragma once

#include <span>

#include "formats/pickle/graph.h"
#include "formats/pod_arena.h"

namespace unbrine {

class ValueStack {
 public:
  size_t available() const { return values_.size() - fence_; }  // values above the topmost mark
  bool has_mark() const { return marks_.size() != 0; }

  void push(NodeId value) { values_.push_back(value); }
  NodeId top() const { return values_[values_.size() - 1]; }

  NodeId pop() {
    const NodeId value = top();
    values_.pop_back();
    return value;
  }

  // The popped values, lowest first; the span holds until the next push.
  std::span<const NodeId> pop(size_t count) {
    values_.resize_down(values_.size() - count);
    return {values_.data() + values_.size(), count};
  }

  void push_mark() {
    marks_.push_back(fence_);
    fence_ = values_.size();
  }

  // Pops the topmost mark and what is above it, as pop(count).
  std::span<const NodeId> pop_to_mark() {
    const std::span<const NodeId> values = pop(available());
    fence_ = marks_.back();
    marks_.pop_back();
    return values;
  }

 private:
  PodArena<NodeId> values_;
  PodArena<size_t> marks_;  // the fence below each mark
  size_t fence_ = 0;        // where the topmost mark stands
};

}  // namespace unbrine
