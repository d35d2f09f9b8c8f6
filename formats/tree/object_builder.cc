// Names, objects, streams and ids.
#include <algorithm>

#include "formats/error.h"
#include "formats/text.h"
#include "formats/tree/base64.h"
#include "formats/tree/json_fields.h"
#include "formats/tree/tree_builder.h"

namespace unbrine {
namespace {

struct KindName {
  std::string_view name;
  CallKind kind;
};

constexpr KindName kCallKinds[] = {
    {"reduce", CallKind::Reduce}, {"newobj", CallKind::NewObj}, {"newobj_ex", CallKind::NewObjEx},
    {"obj", CallKind::Obj},       {"inst", CallKind::Inst},
};

CallKind call_kind(std::string_view name) {
  const auto row = std::ranges::find(kCallKinds, name, &KindName::name);
  if (row == std::end(kCallKinds))
    fail(ErrorCode::Corrupt, "'by' is ", quoted(name),
         ", expected reduce, newobj, newobj_ex, obj or inst");
  return row->kind;
}

}  // namespace

// Of a module or a name: text, or {"$str": base64} where it is no UTF-8.
std::string TreeBuilder::name_part(const JsonValue& value) const {
  if (value.is_text()) return std::string(value.text());
  const std::vector<uint8_t> bytes = decoded(required_field(value, "$str"));
  return {bytes.begin(), bytes.end()};
}

NodeId TreeBuilder::class_of_pair(const JsonValue& pair) {
  const std::vector<JsonValue> parts = pair.items();
  if (parts.size() != 2)
    fail(ErrorCode::Corrupt, "a class has ", parts.size(), " parts, expected [module, name]");
  return global(name_part(parts[0]), name_part(parts[1]));
}

// The class of an object or a tensor, where it is no [module, name].
void TreeBuilder::add_class(Frame& frame, const JsonValue& object) {
  const auto type = field_of(object, "class");
  if (type && type->kind() != JsonKind::Array) frame.parts.push_back({*type, "class"});
}

NodeId TreeBuilder::class_node(const Frame& frame, const JsonValue& object) {
  const NodeId made = part_named(frame, "class");
  if (made != kNoNode) return made;
  const auto type = field_of(object, "class");
  return type ? class_of_pair(*type) : kNoNode;
}

void TreeBuilder::collect_global(Frame& frame) { add_companion(frame, "source"); }

// With the text of its source it was a persistent id of a legacy file.
NodeId TreeBuilder::finish_global(Frame& frame) {
  const NodeId name = class_of_pair(content_of(frame));
  const NodeId source = part_named(frame, "source");
  if (source == kNoNode) return name;
  return graph_.add_persistent_id(tuple({text("module"), name, text(""), source}));
}

void TreeBuilder::collect_object(Frame& frame) {
  const JsonValue object = content_of(frame);
  require_only(object, "class by args kwargs state items values ");
  add_class(frame, object);
  if (const auto args = field_of(object, "args")) {
    if (args->kind() == JsonKind::Array)
      add_items(frame.parts, *args, "args");
    else
      frame.parts.push_back({*args, "args"});
  }
  if (const auto kwargs = field_of(object, "kwargs")) frame.parts.push_back({*kwargs, "kwargs"});
}

NodeId TreeBuilder::finish_object(Frame& frame) {
  const JsonValue object = content_of(frame);
  const CallKind kind = call_kind(required_field(object, "by").text());
  const NodeId type = class_node(frame, object);
  if (type == kNoNode) fail(ErrorCode::Corrupt, "has no 'class'");
  const NodeId kwargs = part_named(frame, "kwargs");
  const NodeId made = graph_.add_call({.kind = kind,
                                       .callee = type,
                                       .args = arguments_of(frame),
                                       .kwargs = kwargs,
                                       .states = {},
                                       .items = {},
                                       .values = {},
                                       .offset = 0});
  const auto fill = [&](std::string_view key, Finish finish, bool are_pairs) {
    const auto values = field_of(object, key);
    if (!values) return;
    std::vector<Part> parts;
    are_pairs ? add_pairs(parts, *values) : add_items(parts, *values, key);
    fill_later(made, *values, std::move(parts), finish);
  };
  fill("state", &TreeBuilder::fill_states, false);
  fill("items", &TreeBuilder::fill_entries, true);
  fill("values", &TreeBuilder::fill_values, false);
  return made;
}

NodeId TreeBuilder::arguments_of(const Frame& frame) {
  const Nodes args = parts_named(frame, "args");
  for (const Part& part : frame.parts)
    if (part.key == "args" && part.index == kNoIndex) return args[0];
  return tuple(args);
}

void TreeBuilder::collect_content(Frame& frame) { frame.parts.push_back({content_of(frame)}); }

NodeId TreeBuilder::finish_stream(Frame& frame) {
  const NodeId bytes = graph_.add_text(NodeKind::Bytes, {});
  graph_.become_stream(bytes,
                       {frame.made[0], std::string(required_field(frame.value, "kind").text())});
  return bytes;
}

NodeId TreeBuilder::finish_persistent_id(Frame& frame) {
  return graph_.add_persistent_id(frame.made[0]);
}

}  // namespace unbrine
