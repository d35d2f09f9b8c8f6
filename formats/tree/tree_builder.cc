#include "formats/tree/tree_builder.h"

#include <algorithm>
#include "formats/error.h"
#include "formats/text.h"
#include "formats/tree/json_fields.h"

namespace unbrine {

// The keys of values that are no plain JSON. Blanks end each companion's name.
const TreeBuilder::Row TreeBuilder::kRows[] = {
    {"$int", "", &TreeBuilder::big_integer, nullptr, nullptr},
    {"$float", "", &TreeBuilder::special_float, nullptr, nullptr},
    {"$str", "", &TreeBuilder::surrogate_text, nullptr, nullptr},
    {"$bytes", "", &TreeBuilder::bytes, nullptr, nullptr},
    {"$bytearray", "", &TreeBuilder::byte_array, nullptr, nullptr},
    {"$dtype", "", &TreeBuilder::dtype, nullptr, nullptr},
    {"$device", "", &TreeBuilder::device, nullptr, nullptr},
    {"$tuple", "", nullptr, &TreeBuilder::collect_items, &TreeBuilder::finish_tuple},
    {"$frozenset", "attrs ", nullptr, &TreeBuilder::collect_items, &TreeBuilder::finish_frozen_set},
    {"$size", "attrs ", nullptr, &TreeBuilder::collect_items, &TreeBuilder::finish_size},
    {"$complex", "", nullptr, &TreeBuilder::collect_items, &TreeBuilder::finish_complex},
    {"$slice", "", nullptr, &TreeBuilder::collect_items, &TreeBuilder::finish_slice},
    {"$range", "", nullptr, &TreeBuilder::collect_items, &TreeBuilder::finish_range},
    {"$set", "attrs ", nullptr, nullptr, &TreeBuilder::finish_set},
    {"$dict", "", nullptr, nullptr, &TreeBuilder::finish_dict},
    {"$odict", "attrs ", nullptr, nullptr, &TreeBuilder::finish_ordered_dict},
    {"$counter", "attrs ", nullptr, nullptr, &TreeBuilder::finish_counter},
    {"$defaultdict", "factory attrs ", nullptr, &TreeBuilder::collect_default_dict,
     &TreeBuilder::finish_default_dict},
    {"$deque", "maxlen attrs ", nullptr, &TreeBuilder::collect_deque, &TreeBuilder::finish_deque},
    {"$global", "source ", nullptr, &TreeBuilder::collect_global, &TreeBuilder::finish_global},
    {"$object", "", nullptr, &TreeBuilder::collect_object, &TreeBuilder::finish_object},
    {"$stream", "kind ", nullptr, &TreeBuilder::collect_content, &TreeBuilder::finish_stream},
    {"$persid", "", nullptr, &TreeBuilder::collect_content, &TreeBuilder::finish_persistent_id},
    {"$tensor", "", nullptr, &TreeBuilder::collect_tensor, &TreeBuilder::finish_tensor},
    {"$storage", "", nullptr, nullptr, &TreeBuilder::finish_storage},
    {"$scalar", "", nullptr, &TreeBuilder::collect_scalar, &TreeBuilder::finish_scalar},
    {"$ndarray", "", nullptr, &TreeBuilder::collect_array, &TreeBuilder::finish_array},
};

namespace {

constexpr std::string_view kReference = "$ref";

std::string part_of_path(std::string_view key, uint32_t index) {
  std::string text = key.empty() ? "" : "." + escaped(key, 80);
  if (index != UINT32_MAX) text += "[" + std::to_string(index) + "]";
  return text;
}

}  // namespace

// --- The work ---

NodeId TreeBuilder::run() {
  try {
    work();
  } catch (const Error& error) {
    fail(error.code(), path(), ": ", error.what());
  }
  return result_;
}

void TreeBuilder::work() {
  current_ = {kNoIndex, "tree", kNoIndex};
  if (const auto node = start(tree_, kNoIndex)) deliver(*node);
  while (!frames_.empty() || !fills_.empty()) {
    if (frames_.empty()) {
      frames_.push_back(std::move(fills_.back()));
      fills_.pop_back();
    }
    do_next();
    check_limit("values:", graph_.size(), "max_graph_nodes", checkpoint_.limits.max_graph_nodes);
  }
}

void TreeBuilder::do_next() {
  const size_t next = frames_.back().made.size();
  if (next < frames_.back().parts.size()) {
    const Part part = frames_.back().parts[next];
    current_ = {frames_.back().step, part.key, part.index};
    if (const auto node = start(part.value, kNoIndex)) deliver(*node);
    return;
  }
  Frame frame = std::move(frames_.back());
  frames_.pop_back();
  current_ = steps_[frame.step];
  const NodeId node = (this->*frame.finish)(frame);
  if (frame.target != kNoNode) return;
  if (frame.shared != kNoIndex) made_[frame.shared] = node;
  deliver(node);
}

void TreeBuilder::deliver(NodeId node) {
  if (frames_.empty())
    result_ = node;
  else
    frames_.back().made.push_back(node);
}

// The node, or none: then a frame was put on the stack that will deliver it.
std::optional<NodeId> TreeBuilder::start(const JsonValue& value, uint32_t shared) {
  if (value.kind() == JsonKind::Object) return start_object(value, shared);
  if (value.kind() != JsonKind::Array) return literal(value);
  const NodeId list = graph_.add_container(NodeKind::List);
  std::vector<Part> parts;
  add_items(parts, value);
  fill_later(list, value, std::move(parts), &TreeBuilder::fill_items);
  return list;
}

std::optional<NodeId> TreeBuilder::start_object(const JsonValue& value, uint32_t shared) {
  const std::vector<JsonField> fields = value.fields();
  const std::optional<JsonField> special = special_field(fields);
  if (!special) {
    const NodeId dict = graph_.add_container(NodeKind::Dict);
    fill_mapping(dict, value);
    return dict;
  }
  if (special->key == kReference) {
    require_companions(fields, "");
    return start_reference(special->value);
  }
  const auto row = std::ranges::find(kRows, special->key, &Row::key);
  if (row == std::end(kRows))
    fail(ErrorCode::Corrupt, quoted(special->key), " is no key of a value");
  require_companions(fields, row->companions);
  if (row->begin != nullptr) return (this->*row->begin)(special->value);
  return start_special(value, *row, shared);
}

std::optional<NodeId> TreeBuilder::start_special(const JsonValue& value, const Row& row,
                                                 uint32_t shared) {
  Frame frame{.value = value, .finish = row.finish, .step = static_cast<uint32_t>(steps_.size())};
  frame.shared = shared;
  if (row.collect != nullptr) (this->*row.collect)(frame);
  steps_.push_back(current_);
  if (shared != kNoIndex) is_open_[shared] = true;
  frame.made.reserve(frame.parts.size());
  frames_.push_back(std::move(frame));
  return std::nullopt;
}

// A value that is open is a part of itself; in a real object some list, dict or object that can
// change lies between, and those are never open.
std::optional<NodeId> TreeBuilder::start_reference(const JsonValue& content) {
  const uint64_t number = content.whole();
  if (number >= shared_.size())
    fail(ErrorCode::Corrupt, "refers to ", number, " of ", shared_.size(), " shared values");
  if (made_[number] != kNoNode) return made_[number];
  if (is_open_[number])
    fail(ErrorCode::Corrupt, "refers to ", number,
         ", which it is a part of, but no list, dict or "
         "object lies between");
  const auto index = static_cast<uint32_t>(number);
  current_ = {kNoIndex, "shared", index};
  if (shared_[index].kind() == JsonKind::Object && field_of(shared_[index], kReference))
    fail(ErrorCode::Corrupt, "a shared value that only refers to another");
  const std::optional<NodeId> node = start(shared_[index], index);
  if (node) made_[index] = *node;
  return node;
}

void TreeBuilder::fill_later(NodeId target, const JsonValue& value, std::vector<Part> parts,
                             Finish finish) {
  if (parts.empty()) return;
  Frame frame{.value = value, .finish = finish, .step = static_cast<uint32_t>(steps_.size())};
  steps_.push_back(current_);
  frame.target = target;
  frame.made.reserve(parts.size());
  frame.parts = std::move(parts);
  fills_.push_back(std::move(frame));
}

std::string TreeBuilder::path() const {
  std::vector<std::string> parts = {part_of_path(current_.key, current_.index)};
  for (uint32_t step = current_.above; step != kNoIndex; step = steps_[step].above)
    parts.push_back(part_of_path(steps_[step].key, steps_[step].index));
  constexpr size_t kShown = 12;  // from the document, and as many from the value
  std::string text;
  for (size_t i = parts.size(); i-- > 0;) {
    const bool is_shown = i < kShown || i + kShown >= parts.size();
    if (is_shown) text += parts[i];
    if (i == kShown && parts.size() > 2 * kShown) text += "...";
  }
  return text.starts_with('.') ? text.substr(1) : text;
}

JsonValue TreeBuilder::content_of(const Frame& frame) {
  return special_field(frame.value.fields())->value;
}

void TreeBuilder::add_items(std::vector<Part>& parts, const JsonValue& array,
                            std::string_view key) {
  uint32_t index = 0;
  for (const JsonValue& item : array.items()) parts.push_back({item, key, index++});
}

void TreeBuilder::add_pairs(std::vector<Part>& parts, const JsonValue& pairs) {
  uint32_t index = 0;
  for (const JsonValue& pair : pairs.items()) {
    const std::vector<JsonValue> both = pair.items();
    if (both.size() != 2)
      fail(ErrorCode::Corrupt, "entry ", index, " has ", both.size(), " values, expected a pair");
    parts.push_back({both[0], "key", index});
    parts.push_back({both[1], {}, index++});
  }
}

void TreeBuilder::add_companion(Frame& frame, std::string_view key) {
  if (const auto value = field_of(frame.value, key)) frame.parts.push_back({*value, key});
}

NodeId TreeBuilder::part_named(const Frame& frame, std::string_view key) {
  for (size_t i = 0; i < frame.parts.size(); ++i)
    if (frame.parts[i].key == key) return frame.made[i];
  return kNoNode;
}

TreeBuilder::Nodes TreeBuilder::parts_named(const Frame& frame, std::string_view key) {
  Nodes nodes;
  for (size_t i = 0; i < frame.parts.size(); ++i)
    if (frame.parts[i].key == key) nodes.push_back(frame.made[i]);
  return nodes;
}

NodeId TreeBuilder::call(NodeId callee, const Nodes& args, CallKind kind) {
  return graph_.add_call({.kind = kind,
                          .callee = callee,
                          .args = tuple(args),
                          .kwargs = kNoNode,
                          .states = {},
                          .items = {},
                          .values = {},
                          .offset = 0});
}

}  // namespace unbrine
