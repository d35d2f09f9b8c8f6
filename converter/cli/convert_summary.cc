#include "converter/cli/convert_summary.h"

#include <algorithm>
#include <cstdio>
#include <map>

#include "converter/cli/command.h"
#include "formats/text.h"

namespace unbrine {
namespace {

std::string short_number(double number) {
  char text[32];
  std::snprintf(text, sizeof text, "%.3g", number);
  return text;
}

std::string dtype_list(const ConvertReport& report) {
  std::map<std::string_view, uint64_t> counts;
  for (const WrittenTensor& tensor : report.tensors) ++counts[tensor.dtype];
  std::string list;
  for (const auto& [dtype, count] : counts)
    list += (list.empty() ? "" : ", ") + std::to_string(count) + " " + std::string(dtype);
  return list;
}

uint64_t tensor_bytes(const ConvertReport& report) {
  uint64_t bytes = 0;
  for (const WrittenTensor& tensor : report.tensors) bytes += tensor.size;
  return bytes;
}

std::string file_list(const ConvertReport& report) {
  if (report.files.size() < 2) return "";
  size_t width = 0;
  for (const WrittenFile& file : report.files) width = std::max(width, escaped(file.name).size());
  std::string text;
  for (const WrittenFile& file : report.files) {
    const std::string name = escaped(file.name);
    text += "  " + name + std::string(width - name.size(), ' ') + "  " + human_bytes(file.size);
    if (file.tensors != 0) text += ", " + counted(file.tensors, "tensor");
    text += "\n";
  }
  return text;
}

std::string omission_list(const ConvertReport& report) {
  std::string text;
  for (const Omission& omission : report.left_out) {
    const std::string key = escaped(omission.key);
    text += "left out: " + key + ", " + counted(omission.tensors, "tensor") + ", " +
            human_bytes(omission.bytes) + "; keep with " +
            (omission.whole ? "--select " + key + " or " : "") + "--select all\n";
  }
  if (report.excluded != 0)
    text += "left out by --include and --exclude: " + counted(report.excluded, "tensor") + "\n";
  return text;
}

// A class is named, so that whoever needs its code knows which; none was looked up.
std::string class_list(const ConvertReport& report) {
  constexpr size_t kShown = 6;
  size_t count = 0;
  std::string names;
  for (const NamedGlobal& global : report.globals) {
    if (global.interpreted || ++count > kShown) continue;
    names += (names.empty() ? "" : ", ") + global.name;
  }
  if (count == 0) return "";
  if (count > kShown) names += " and " + std::to_string(count - kShown) + " more";
  return "named in the pickle, never looked up: " + names + "\n";
}

std::string cast_list(const ConvertReport& report) {
  uint64_t tensors = 0;
  CastStatistics all;
  for (const WrittenTensor& tensor : report.tensors) {
    if (!tensor.cast) continue;
    ++tensors;
    all.add(*tensor.cast);
  }
  if (tensors == 0) return "";
  std::string text = "cast: " + counted(tensors, "tensor") + ", max abs error " +
                     short_number(all.max_abs_error) + ", max rel error " +
                     short_number(all.max_rel_error);
  if (all.overflowed != 0) text += ", " + counted(all.overflowed, "value") + " overflowed";
  if (all.became_nan != 0) text += ", " + std::to_string(all.became_nan) + " became NaN";
  return text + "\n";
}

}  // namespace

std::string summary(const ConvertReport& report) {
  std::string text = escaped(report.output.native()) + ": " +
                     counted(report.tensors.size(), "tensor") + " (" + dtype_list(report) + "), " +
                     human_bytes(tensor_bytes(report));
  if (!report.root.empty()) text += ", from " + quoted(report.root);
  return text + "\n" + file_list(report) + cast_list(report) + omission_list(report) +
         class_list(report);
}

std::string plan_text(const ConvertPlan& plan) {
  return "nothing is written; it would be\n" + summary(plan.report) + "needs " +
         human_bytes(plan.bytes_needed) + ", free are " + human_bytes(plan.bytes_free) + "\n";
}

}  // namespace unbrine
