// The memo of the pickle machine: numbered slots that the file fills and reads. Python numbers
// them without gaps; a hostile file may not, so slots far beyond the filled ones lie in a map.
#pragma once

#include <map>

#include "formats/pickle/graph.h"
#include "formats/pod_arena.h"

namespace unbrine {

class Memo {
 public:
  // The value in a slot, kNoNode if it was never filled.
  NodeId at(uint64_t slot) const { return slot < near_.size() ? near_[slot] : far_at(slot); }

  void fill(uint64_t slot, NodeId value) {
    if (slot >= near_.size() && !come_near(slot)) return fill_far(slot, value);
    filled_ += near_[slot] == kNoNode;
    near_[slot] = value;
  }

  uint64_t filled() const { return filled_; }  // slots

 private:
  NodeId far_at(uint64_t slot) const {
    const auto found = far_.find(slot);
    return found == far_.end() ? kNoNode : found->second;
  }

  void fill_far(uint64_t slot, NodeId value) {
    filled_ += far_.insert_or_assign(slot, value).second;
  }

  // Extends near_ to hold the slot, if that wastes no more than what is filled.
  bool come_near(uint64_t slot) {
    if (slot >= 2 * filled_ + 1024) return false;
    while (near_.size() <= slot) near_.push_back(kNoNode);
    while (!far_.empty() && far_.begin()->first <= slot) {
      near_[far_.begin()->first] = far_.begin()->second;
      far_.erase(far_.begin());
    }
    return true;
  }

  PodArena<NodeId> near_;           // every slot below its size
  std::map<uint64_t, NodeId> far_;  // all others; ordered: no hash that a file could overload
  uint64_t filled_ = 0;
};

}  // namespace unbrine
