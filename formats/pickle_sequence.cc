#include "formats/pickle_sequence.h"

#include <algorithm>

#include "formats/bare_pickle.h"
#include "formats/error.h"
#include "formats/torch/torch_legacy.h"

namespace unbrine {
namespace {

constexpr uint64_t kBlock = 64 << 10;

class SequenceReader {
 public:
  SequenceReader(const Probe& probe, Checkpoint& checkpoint)
      : source_(probe.source), checkpoint_(checkpoint) {}

  Content read() {
    Content first{0, ""};
    do {
      const bool is_legacy = begins_torch_legacy(head());
      const SequenceItem item = is_legacy ? read_torch_legacy(source_, position_, checkpoint_)
                                          : read_bare_pickle(source_, position_, checkpoint_);
      position_ = item.end;
      roots_.push_back(item.root);
      if (first.format.empty()) first = {item.root, is_legacy ? "torch-legacy" : "pickle"};
      if (is_legacy) skip_zeros();
    } while (another_follows());
    if (roots_.size() > 1) first.root = dict_of_roots();
    return first;
  }

 private:
  std::vector<uint8_t> head() const {
    constexpr uint64_t kLongestMagic = 64;
    return source_->read_all(position_, std::min(kLongestMagic, source_->size() - position_));
  }

  // Zeros up to the end are padding.
  void skip_zeros() {
    for (uint64_t at = position_; at < source_->size(); at += kBlock) {
      const auto block = source_->read_all(at, std::min(kBlock, source_->size() - at));
      if (std::ranges::any_of(block, [](uint8_t byte) { return byte != 0; })) return;
    }
    position_ = source_->size();
  }

  bool another_follows() const {
    const uint64_t rest = source_->size() - position_;
    if (rest == 0) return false;
    if (begins_torch_legacy(head())) return true;
    if (begins_bare_pickle(source_, position_, checkpoint_.limits)) return true;
    fail(ErrorCode::Corrupt, "byte ", position_, ": ", rest,
         " bytes follow the pickle and are no pickle themselves");
  }

  NodeId dict_of_roots() {
    Graph& graph = checkpoint_.graph;
    const NodeId dict = graph.add_container(NodeKind::Dict);
    for (size_t i = 0; i < roots_.size(); ++i)
      graph.set(dict, "#" + std::to_string(i + 1), roots_[i]);
    return dict;
  }

  const std::shared_ptr<const Source>& source_;
  Checkpoint& checkpoint_;
  uint64_t position_ = 0;
  std::vector<NodeId> roots_;
};

}  // namespace

bool looks_like_torch_legacy(const Probe& probe) { return begins_torch_legacy(probe.head); }

bool looks_like_bare_pickle(const Probe& probe) {
  return !begins_torch_legacy(probe.head) && begins_bare_pickle(probe.source, 0, probe.limits);
}

Content read_pickle_sequence(const Probe& probe, Checkpoint& checkpoint) {
  return SequenceReader(probe, checkpoint).read();
}

}  // namespace unbrine
