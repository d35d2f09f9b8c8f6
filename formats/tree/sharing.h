// Which values of a tree stand in its list `shared`, and at which place.
#pragma once

#include <unordered_map>
#include <vector>

#include "formats/pickle/graph.h"

namespace unbrine {

class Sharing {
 public:
  explicit Sharing(const Graph& graph) : marks_(graph.size(), 0) {}

  // True the first time.
  bool meet(NodeId node) {
    const bool is_first = (marks_[node] & kMet) == 0;
    marks_[node] |= is_first ? kMet : kMetTwice;
    return is_first;
  }
  void write_in_full(NodeId node) { marks_[node] |= kInFull; }  // however often it is met
  void force(NodeId node) { marks_[node] |= kForced; }

  bool is_shared(NodeId node) const {
    const uint8_t marks = marks_[node];
    return (marks & kForced) != 0 || ((marks & kMetTwice) != 0 && (marks & kInFull) == 0);
  }
  bool is_in_full(NodeId node) const { return (marks_[node] & kInFull) != 0; }

  // Gives a shared value the next place. False if it has one.
  bool number(NodeId node) {
    if (!numbers_.try_emplace(node, order_.size()).second) return false;
    order_.push_back(node);
    return true;
  }
  size_t number_of(NodeId node) const { return numbers_.at(node); }
  const std::vector<NodeId>& in_order() const { return order_; }

 private:
  static constexpr uint8_t kMet = 1, kMetTwice = 2, kInFull = 4, kForced = 8;

  std::vector<uint8_t> marks_;
  std::unordered_map<NodeId, size_t> numbers_;
  std::vector<NodeId> order_;
};

}  // namespace unbrine
