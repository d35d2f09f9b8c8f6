#include <algorithm>

#include "converter/cli/command.h"
#include "converter/cli/compare_options.h"
#include "converter/cli/rule_options.h"
#include "converter/diff.h"
#include "formats/text.h"

namespace unbrine {
namespace {

constexpr int kDiffers = 1;

constexpr OptionRow kWhatOptions[] = {
    {"metadata", 0, "", false, "a difference of safetensors metadata counts"},
    {"state", 0, "", false, "compare also what is no tensor: epochs, learning rates, schedulers"},
};
constexpr OptionRow kCommonOptions[] = {kLimitOption, kJsonOption, kHelpOption};

constexpr auto kOptions =
    joined(joined(std::to_array(kToleranceOptions), std::to_array(kWhatOptions)),
           joined(std::to_array(kTensorRuleOptions), std::to_array(kCommonOptions)));

constexpr CommandLine kCommandLine = {
    "diff", "A B",
    "Lists the tensors in which two inputs differ, whatever their formats: files or folders that\n"
    "inspect reads. Compares the weights, or everything if both hold more than weights; bit by\n"
    "bit unless --rtol or --atol is given. A tensor that is the other one, rounded to another\n"
    "dtype, counts as equal. The rules apply to both.",
    kOptions};

DiffOptions diff_options(const Options& options) {
  DiffOptions result;
  Options rules = options;
  rules.values.erase("metadata");  // a flag here
  result.rules = rules_from(rules);
  result.limits = limits_from(options);
  result.tolerance = tolerance_from(options);
  result.metadata = options.has("metadata");
  result.state = options.has("state");
  return result;
}

std::string omission_lines(const DiffSide& side) {
  std::string text;
  for (const Omission& omission : side.left_out)
    text += "not compared: " + escaped(omission.key) + " of " + escaped(side.path.native()) + ", " +
            counted(omission.tensors, "tensor") + ", " + human_bytes(omission.bytes) + "\n";
  return text;
}

std::string value_of(const DiffSide& side, const std::string& key) {
  const auto found = side.metadata.find(key);
  return found == side.metadata.end() ? "absent" : quoted(found->second);
}

std::string metadata_lines(const DiffReport& report) {
  std::string text;
  for (const std::string& key : report.metadata)
    text += "metadata " + quoted(key) + ": " + value_of(report.a, key) + " and " +
            value_of(report.b, key) + "\n";
  return text;
}

std::string state_line(const DiffReport& report) {
  if (!report.state) return "";
  return "the state that is no tensor differs, first at " + report.state->path + ": " +
         report.state->a + " and " + report.state->b + "\n";
}

std::string headline(const DiffReport& report) {
  const auto differing = std::ranges::count_if(report.differences, &TensorDiff::counts);
  std::string text = "A " + escaped(report.a.path.native()) + ", B " +
                     escaped(report.b.path.native()) + ": " +
                     counted(report.tensors, "common tensor") + ", " + human_bytes(report.bytes);
  if (report.equal()) return text + ", equal\n";
  return text + ": " + counted(static_cast<uint64_t>(differing), "tensor") +
         (differing == 1 ? " differs\n" : " differ\n");
}

std::string report_text(const DiffReport& report, const std::optional<Tolerance>& tolerance) {
  std::string text;
  for (const TensorDiff& difference : report.differences)
    text += escaped(difference.name) + ": " + describe(difference, tolerance) + "\n";
  return text + metadata_lines(report) + state_line(report) + omission_lines(report.a) +
         omission_lines(report.b) + headline(report);
}

}  // namespace

int run_diff(const Arguments& arguments) {
  const Options options = parse(kCommandLine, arguments);
  if (options.has("help")) return print(help_text(kCommandLine)), 0;
  const DiffOptions wanted = diff_options(options);
  const DiffReport report = diff(options.operand, options.others.front(), wanted);
  for (const std::string& note : report.notes) say("note: " + note);
  print(options.has("json") ? diff_json(report) + "\n" : report_text(report, wanted.tolerance));
  return report.equal() ? 0 : kDiffers;
}

}  // namespace unbrine
