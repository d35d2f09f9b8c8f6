#include <algorithm>

#include "converter/cli/command.h"
#include "converter/inspect.h"
#include "formats/text.h"

namespace unbrine {
namespace {

constexpr OptionRow kOptions[] = {kSelectOption, kLimitOption, kJsonOption, kHelpOption};

constexpr CommandLine kCommandLine = {
    "inspect", "IN",
    "Lists the tensors of a checkpoint that convert would write, what it would leave out, and\n"
    "the names that the pickle mentions. Reads no weights, runs nothing.",
    kOptions};

std::string shape_text(const std::vector<uint64_t>& shape) {
  std::string text = "[";
  for (const uint64_t size : shape) text += (text.size() > 1 ? ", " : "") + std::to_string(size);
  return text + "]";
}

std::string padded(std::string text, size_t width) {
  if (text.size() < width) text.append(width - text.size(), ' ');
  return text;
}

std::string tensor_table(const std::vector<InspectedTensor>& tensors) {
  constexpr size_t kWidestColumn = 60;
  std::vector<std::string> names;
  size_t name_width = 0;
  size_t shape_width = 0;
  for (const InspectedTensor& tensor : tensors) {
    names.push_back(escaped(tensor.name));
    name_width = std::max(name_width, std::min(names.back().size(), kWidestColumn));
    shape_width = std::max(shape_width, std::min(shape_text(tensor.shape).size(), kWidestColumn));
  }
  std::string text;
  for (size_t i = 0; i < tensors.size(); ++i) {
    const InspectedTensor& tensor = tensors[i];
    text += "  " + padded(names[i], name_width) + "  " +
            padded(std::string(info(tensor.dtype).torch_name), 9) + " " +
            padded(shape_text(tensor.shape), shape_width) + "  " + human_bytes(tensor.bytes);
    if (!tensor.alias_of.empty()) text += ", same as " + escaped(tensor.alias_of);
    text += "\n";
  }
  return text;
}

std::string headline(const Inspection& inspection) {
  uint64_t bytes = 0;
  for (const InspectedTensor& tensor : inspection.tensors) bytes += tensor.bytes;
  return escaped(inspection.file.native()) + ": " + inspection.format + ", " +
         human_bytes(inspection.bytes) + "\nconvert writes " +
         counted(inspection.tensors.size(), "tensor") + ", " + human_bytes(bytes) +
         (inspection.root.empty() ? "" : ", from " + quoted(inspection.root)) + ":\n";
}

std::string globals_text(const std::vector<NamedGlobal>& globals) {
  std::string text;
  for (const NamedGlobal& global : globals)
    if (!global.interpreted)
      text += "  " + global.name + (global.called ? " (a call, kept as a record)" : "") + "\n";
  return text.empty() ? text : "named in the pickle, never looked up:\n" + text;
}

std::string report_text(const Inspection& inspection) {
  std::string text = headline(inspection) + tensor_table(inspection.tensors);
  for (const Omission& omission : inspection.left_out)
    text += "left out: " + escaped(omission.key) + ", " + counted(omission.tensors, "tensor") +
            ", " + human_bytes(omission.bytes) + "\n";
  for (const auto& [key, value] : inspection.metadata)
    text += "metadata: " + escaped(key) + " = " + escaped(value) + "\n";
  return text + globals_text(inspection.globals);
}

}  // namespace

int run_inspect(const Arguments& arguments) {
  const Options options = parse(kCommandLine, arguments);
  if (options.has("help")) return print(help_text(kCommandLine)), 0;
  Rules rules;
  rules.select = options.text("select");
  const Inspection inspection = inspect(options.operand, rules, limits_from(options));
  for (const std::string& note : inspection.notes) say("note: " + note);
  print(options.has("json") ? inspection_json(inspection) + "\n" : report_text(inspection));
  return 0;
}

}  // namespace unbrine
