// Scalars and containers.
#include <algorithm>

#include "formats/error.h"
#include "formats/numpy/dtype_string.h"
#include "formats/pickle/literals.h"
#include "formats/text.h"
#include "formats/tree/base64.h"
#include "formats/tree/json_fields.h"
#include "formats/tree/tree_builder.h"

namespace unbrine {

// --- Scalars ---

NodeId TreeBuilder::literal(const JsonValue& value) {
  switch (value.kind()) {
    case JsonKind::Null: return graph_.add_none();
    case JsonKind::Bool: return graph_.add_bool(value.boolean());
    case JsonKind::Integer: return graph_.add_int(value.integer());
    case JsonKind::Unsigned: return graph_.add_big_int(std::to_string(value.whole()));
    case JsonKind::Real: return graph_.add_float(value.number());
    default: return text(value.text());
  }
}

NodeId TreeBuilder::big_integer(const JsonValue& content) {
  const std::string_view digits = content.text();
  if (!is_decimal(digits)) fail(ErrorCode::Corrupt, quoted(digits), " is no decimal number");
  check_limit("decimal digits of an int:", digits.size() - digits.starts_with('-'),
              "max_integer_digits", checkpoint_.limits.max_integer_digits);
  if (const auto number = int64_of_decimal(digits)) return graph_.add_int(*number);
  return graph_.add_big_int(digits);
}

NodeId TreeBuilder::special_float(const JsonValue& content) {
  const auto number = float_of_name(content.text());
  if (!number)
    fail(ErrorCode::Corrupt, quoted(content.text()),
         " is neither nan, inf, -inf nor the bits of a NaN");
  return graph_.add_float(*number);
}

std::vector<uint8_t> TreeBuilder::decoded(const JsonValue& content) const {
  auto bytes = bytes_of_base64(content.text());
  if (!bytes) fail(ErrorCode::Corrupt, "is no base64");
  return *std::move(bytes);
}

NodeId TreeBuilder::surrogate_text(const JsonValue& content) {
  return graph_.add_text(NodeKind::String, decoded(content));
}

NodeId TreeBuilder::bytes(const JsonValue& content) {
  return graph_.add_text(NodeKind::Bytes, decoded(content));
}

NodeId TreeBuilder::byte_array(const JsonValue& content) {
  return graph_.add_text(NodeKind::ByteArray, decoded(content));
}

NodeId TreeBuilder::dtype(const JsonValue& content) {
  const std::string_view name = content.text();
  return dtype_by_torch_name(name) ? global("torch", name) : add_dtype(graph_, name);
}

// "cuda:1" is torch.device('cuda', 1).
NodeId TreeBuilder::device(const JsonValue& content) {
  const std::string_view name = content.text();
  const size_t colon = std::min(name.find(':'), name.size());
  const std::string_view digits = name.substr(std::min(colon + 1, name.size()));
  Nodes args = {text(name.substr(0, colon))};
  const auto number = is_decimal(digits) ? int64_of_decimal(digits) : std::nullopt;
  if (number)
    args.push_back(graph_.add_int(*number));
  else
    args = {text(name)};
  return call(global("torch", "device"), args);
}

// --- Containers ---

void TreeBuilder::collect_items(Frame& frame) { add_items(frame.parts, content_of(frame)); }

NodeId TreeBuilder::finish_tuple(Frame& frame) { return tuple(frame.made); }

NodeId TreeBuilder::finish_frozen_set(Frame& frame) {
  if (!field_of(frame.value, "attrs"))
    return graph_.add_frozen_set(frame.made.data(), frame.made.size());
  return finish_sequence_call(frame, "builtins", "frozenset");
}

NodeId TreeBuilder::finish_size(Frame& frame) {
  return finish_sequence_call(frame, "torch", "Size");
}

NodeId TreeBuilder::finish_sequence_call(Frame& frame, std::string_view module,
                                         std::string_view name) {
  const NodeId made = call(global(module, name), {tuple(frame.made)});
  set_attrs(made, frame);
  return made;
}

NodeId TreeBuilder::finish_set(Frame& frame) {
  std::vector<Part> items;
  add_items(items, content_of(frame));
  const bool has_attrs = field_of(frame.value, "attrs").has_value();
  const NodeId content = graph_.add_container(has_attrs ? NodeKind::List : NodeKind::Set);
  fill_later(content, frame.value, std::move(items), &TreeBuilder::fill_items);
  if (!has_attrs) return content;
  const NodeId made = call(global("builtins", "set"), {content});
  set_attrs(made, frame);
  return made;
}

NodeId TreeBuilder::finish_dict(Frame& frame) {
  const NodeId dict = graph_.add_container(NodeKind::Dict);
  fill_mapping(dict, frame.value);
  return dict;
}

NodeId TreeBuilder::finish_ordered_dict(Frame& frame) {
  const NodeId made = call(global("collections", "OrderedDict"), {});
  fill_mapping(made, content_of(frame));
  set_attrs(made, frame);
  return made;
}

NodeId TreeBuilder::finish_counter(Frame& frame) {
  const NodeId made = call(global("collections", "Counter"), {});
  std::vector<Part> pairs;
  add_pairs(pairs, content_of(frame));
  fill_later(made, frame.value, std::move(pairs), &TreeBuilder::fill_entries);
  set_attrs(made, frame);
  return made;
}

void TreeBuilder::collect_default_dict(Frame& frame) { add_companion(frame, "factory"); }

NodeId TreeBuilder::finish_default_dict(Frame& frame) {
  const NodeId made = call(global("collections", "defaultdict"), parts_named(frame, "factory"));
  std::vector<Part> pairs;
  add_pairs(pairs, content_of(frame));
  fill_later(made, frame.value, std::move(pairs), &TreeBuilder::fill_entries);
  set_attrs(made, frame);
  return made;
}

void TreeBuilder::collect_deque(Frame& frame) { add_companion(frame, "maxlen"); }

NodeId TreeBuilder::finish_deque(Frame& frame) {
  Nodes args;
  const NodeId longest = part_named(frame, "maxlen");
  if (longest != kNoNode) args = {graph_.add_empty_tuple(), longest};
  const NodeId made = call(global("collections", "deque"), args);
  std::vector<Part> items;
  add_items(items, content_of(frame));
  fill_later(made, frame.value, std::move(items), &TreeBuilder::fill_values);
  set_attrs(made, frame);
  return made;
}

NodeId TreeBuilder::finish_complex(Frame& frame) {
  return call(global("builtins", "complex"), frame.made);
}

NodeId TreeBuilder::finish_slice(Frame& frame) {
  return call(global("builtins", "slice"), frame.made);
}

NodeId TreeBuilder::finish_range(Frame& frame) {
  return call(global("builtins", "range"), frame.made);
}

// An object, or {"$dict": pairs}.
void TreeBuilder::fill_mapping(NodeId target, const JsonValue& form) {
  std::vector<Part> parts;
  const std::vector<JsonField> fields = form.fields();
  if (const auto special = special_field(fields)) {
    require_companions(fields, "");
    if (special->key != "$dict")
      fail(ErrorCode::Corrupt, "expected the entries of a dict, found ", quoted(special->key));
    add_pairs(parts, special->value);
    return fill_later(target, form, std::move(parts), &TreeBuilder::fill_entries);
  }
  for (const JsonField& field : fields) parts.push_back({field.value, field.key});
  fill_later(target, form, std::move(parts), &TreeBuilder::fill_named);
}

// Several states stand in a tuple, as one of a dict and one of slots does: they mean the same.
void TreeBuilder::set_attrs(NodeId call, const Frame& frame) {
  const auto attrs = field_of(frame.value, "attrs");
  if (attrs) fill_later(call, *attrs, {{*attrs, "attrs"}}, &TreeBuilder::fill_states);
}

NodeId TreeBuilder::fill_items(Frame& frame) {
  graph_.append(frame.target, frame.made.data(), frame.made.size());
  return frame.target;
}

NodeId TreeBuilder::fill_entries(Frame& frame) {
  if (graph_.is(frame.target, NodeKind::Dict))
    graph_.append(frame.target, frame.made.data(), frame.made.size());
  else
    graph_.append_items(frame.target, frame.made.data(), frame.made.size());
  return frame.target;
}

NodeId TreeBuilder::fill_named(Frame& frame) {
  Nodes pairs;
  for (size_t i = 0; i < frame.made.size(); ++i) {
    pairs.push_back(text(frame.parts[i].key));
    pairs.push_back(frame.made[i]);
  }
  frame.made = std::move(pairs);
  return fill_entries(frame);
}

NodeId TreeBuilder::fill_values(Frame& frame) {
  graph_.append_values(frame.target, frame.made.data(), frame.made.size());
  return frame.target;
}

NodeId TreeBuilder::fill_states(Frame& frame) {
  for (const NodeId state : frame.made) graph_.append_state(frame.target, state);
  return frame.target;
}

}  // namespace unbrine
