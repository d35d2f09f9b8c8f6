#include "converter/state_compare.h"

#include <algorithm>
#include <vector>

#include "formats/tensor_names.h"
#include "formats/text.h"
#include "formats/tree/state_json.h"

namespace unbrine {
namespace {

// Tensors stand in the state under their names, whichever files they came from.
std::string state_of(const Checkpoint& checkpoint, NodeId root) {
  std::vector<TensorPlace> places(checkpoint.tensors.tensors().size());
  const TensorNames names(checkpoint.graph, root, checkpoint.limits);
  for (const NamedTensor& tensor : names.below(root, ModuleView::Everything)) {
    TensorPlace& place = places[checkpoint.graph.index(tensor.node)];
    if (place.file.empty()) place = {"tensors", repaired_utf8(tensor.name)};
  }
  return state_json(checkpoint.graph, root, checkpoint.tensors, places, checkpoint.limits);
}

// Walks a text as far as two agree, and knows where it is.
class Walk {
 public:
  Walk(std::string_view text, size_t end) : text_(text), end_(end) {
    while (at_ < end_) step();
  }

  std::string path() const {
    std::string path;
    for (const Level& level : levels_) {
      const std::string part =
          level.is_object ? std::string(level.key) : std::to_string(level.index);
      if (!part.empty()) path += (path.empty() ? "" : ".") + part;
    }
    return path;
  }
  size_t value_begin() const { return value_begin_; }

 private:
  struct Level {
    bool is_object;
    bool expects_key = is_object;
    std::string_view key = {};
    uint64_t index = 0;
  };

  void step() {
    const char character = text_[at_++];
    switch (character) {
      case '"': return string();
      case '{':
      case '[': return enter(character == '{');
      case '}':
      case ']': return leave();
      case ',': return next();
      case ':': return after_key();
      default: return;
    }
  }

  void enter(bool is_object) {
    levels_.push_back({.is_object = is_object});
    value_begin_ = at_;
  }

  void after_key() {
    value_begin_ = at_;
    if (!levels_.empty()) levels_.back().expects_key = false;
  }

  void leave() {
    if (!levels_.empty()) levels_.pop_back();
  }

  void next() {
    value_begin_ = at_;
    if (levels_.empty()) return;
    Level& level = levels_.back();
    level = {.is_object = level.is_object, .index = level.index + 1};
  }

  // A key that is cut off by the end is none yet.
  void string() {
    const size_t begin = at_;
    while (at_ < end_ && text_[at_] != '"') at_ += text_[at_] == '\\' ? 2 : 1;
    const bool is_key = !levels_.empty() && levels_.back().expects_key;
    if (is_key && at_ < end_) levels_.back().key = text_.substr(begin, at_ - begin);
    ++at_;
  }

  std::string_view text_;
  size_t end_;
  size_t at_ = 0;
  size_t value_begin_ = 0;
  std::vector<Level> levels_;
};

// From where the value begins to where it ends, or a little further than where the texts part.
std::string excerpt(std::string_view text, size_t begin, size_t parting) {
  constexpr size_t kLongest = 60;
  const size_t end = std::min(text.find_first_of(",]}", parting), text.size());
  return escaped(text.substr(begin, end - std::min(begin, end)), kLongest);
}

}  // namespace

std::optional<StateDifference> compare_states(const Checkpoint& a, NodeId root_a,
                                              const Checkpoint& b, NodeId root_b) {
  return first_json_difference(state_of(a, root_a), state_of(b, root_b));
}

std::optional<StateDifference> first_json_difference(std::string_view a, std::string_view b) {
  if (a == b) return std::nullopt;
  const size_t parting = static_cast<size_t>(std::ranges::mismatch(a, b).in1 - a.begin());
  const Walk walk(a, parting);
  const size_t begin = std::min(walk.value_begin(), parting);
  return StateDifference{escaped(walk.path()), excerpt(a, begin, parting),
                         excerpt(b, begin, parting)};
}

}  // namespace unbrine
