// What a comparison found, in words and as JSON.
#include "converter/diff.h"
#include "converter/json_parts.h"
#include "formats/json.h"
#include "formats/text.h"

namespace unbrine {
namespace {

std::string_view kind_name(DiffKind kind) {
  switch (kind) {
    case DiffKind::OnlyInA: return "only_in_a";
    case DiffKind::OnlyInB: return "only_in_b";
    case DiffKind::Shape: return "shape";
    case DiffKind::DType: return "dtype";
    case DiffKind::Values: return "values";
    case DiffKind::Rounded: return "rounded";
    case DiffKind::Tolerated: return "tolerated";
  }
  return "";
}

void write_values(JsonWriter& json, const ValueComparison& values) {
  json.begin_object().key("elements").value(values.elements);
  json.key("different").value(values.different);
  if (values.different != 0) {
    write_numbers(json.key("first"), values.first_index);
    json.key("a").value(values.first_a).key("b").value(values.first_b);
  }
  json.key("max_abs_difference").value(values.max_abs);
  json.key("max_rel_difference").value(values.max_rel).end_object();
}

void write_difference(JsonWriter& json, const TensorDiff& difference) {
  json.begin_object().key("name").value(difference.name);
  json.key("kind").value(kind_name(difference.kind));
  if (!difference.a.empty()) json.key("a").value(difference.a);
  if (!difference.b.empty()) json.key("b").value(difference.b);
  if (!difference.rounded_to.empty()) json.key("rounded_to").value(difference.rounded_to);
  if (difference.values) write_values(json.key("values"), *difference.values);
  json.end_object();
}

void write_side(JsonWriter& json, const DiffSide& side) {
  json.begin_object().key("file").value(repaired_utf8(side.path.native()));
  json.key("format").value(side.format);
  json.key("selected").value(repaired_utf8(side.root));
  write_omissions(json.key("left_out"), side.left_out);
  json.end_object();
}

}  // namespace

std::string describe(const TensorDiff& difference, const std::optional<Tolerance>& tolerance) {
  const std::string both = difference.a + " and " + difference.b;
  switch (difference.kind) {
    case DiffKind::OnlyInA: return "only in A: " + difference.a;
    case DiffKind::OnlyInB: return "only in B: " + difference.b;
    case DiffKind::Shape: return "shapes differ: " + both;
    case DiffKind::DType: return "dtypes differ: " + both;
    case DiffKind::Rounded: return both + ": equal after rounding to " + difference.rounded_to;
    case DiffKind::Tolerated:
      return "equal within the tolerance: " + describe(*difference.values, tolerance);
    case DiffKind::Values: break;
  }
  const std::string kinds = difference.a == difference.b ? "" : both + ", ";
  return kinds + "values differ" +
         (difference.values ? ": " + describe(*difference.values, tolerance) : "");
}

std::string diff_json(const DiffReport& report) {
  JsonWriter json;
  json.begin_object().key("schema").value("unbrine.diff/1");
  write_side(json.key("a"), report.a);
  write_side(json.key("b"), report.b);
  json.key("equal").value(report.equal());
  json.key("tensors").value(report.tensors).key("bytes").value(report.bytes);
  json.key("differences").begin_array();
  for (const TensorDiff& difference : report.differences) write_difference(json, difference);
  json.end_array().key("metadata").begin_array();
  for (const std::string& key : report.metadata) json.value(repaired_utf8(key));
  json.end_array();
  if (report.compared_state) {
    json.key("state").begin_object().key("equal").value(!report.state);
    if (report.state)
      json.key("path")
          .value(report.state->path)
          .key("a")
          .value(report.state->a)
          .key("b")
          .value(report.state->b);
    json.end_object();
  }
  write_strings(json.key("notes"), report.notes);
  return json.end_object().take();
}

}  // namespace unbrine
