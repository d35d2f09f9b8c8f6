#include <set>

#include "converter/cli/command.h"
#include "converter/cli/compare_options.h"
#include "converter/cli/rule_options.h"
#include "converter/verify.h"
#include "formats/text.h"

namespace unbrine {
namespace {

constexpr int kDiffers = 1;
constexpr int kMalformed = 5;

constexpr OptionRow kSourceOptions[] = {
    {"against", 0, "IN", false, "hold every tensor against the checkpoint it was made from"},
    {"manifest", 0, "FILE", false,
     "the manifest that convert --manifest wrote (default: manifest.json in the folder, the index "
     "of a blob)"},
};
constexpr OptionRow kCommonOptions[] = {kLimitOption, kJsonOption, kHelpOption};

constexpr auto kOptions =
    joined(joined(std::to_array(kSourceOptions), std::to_array(kToleranceOptions)),
           joined(kRuleOptions, std::to_array(kCommonOptions)));

constexpr CommandLine kCommandLine = {
    "verify", "OUT",
    "Reads what convert wrote, a folder or a file, and holds it against the digests in its\n"
    "manifest; with --against also against the checkpoint, tensor by tensor, casts included:\n"
    "give the rules that convert was given. A file without a manifest needs --against.",
    kOptions};

VerifyOptions verify_options(const Options& options) {
  VerifyOptions result;
  result.rules = rules_from(options);
  result.limits = limits_from(options);
  result.manifest = options.text("manifest");
  result.against = options.text("against");
  result.tolerance = tolerance_from(options);
  return result;
}

std::string finding_line(const VerifyFinding& finding) {
  std::string line;
  for (const std::string& part : {finding.file, finding.name})
    if (!part.empty()) line += escaped(part) + ": ";
  return line + finding.what + "\n";
}

// Tensors and files with a finding, each once.
uint64_t count_differing(const VerifyReport& report) {
  std::set<std::pair<std::string, std::string>> places;
  for (const VerifyFinding& finding : report.differences)
    places.emplace(finding.file, finding.name);
  return places.size();
}

std::string agreement(const VerifyReport& report) {
  std::string text = report.has_digests ? ", all digests agree" : "";
  if (!report.against.empty()) {
    text += std::string(report.has_digests ? "; " : ", ") + "equal to " +
            escaped(report.against.filename().native());
    if (report.cast != 0) text += ", " + counted(report.cast, "tensor") + " after the cast";
    if (report.tolerated != 0)
      text += ", " + counted(report.tolerated, "tensor") + " within the tolerance";
  }
  return text + (report.has_state ? "; state.json agrees" : "");
}

std::string report_text(const VerifyReport& report) {
  std::string text;
  for (const VerifyFinding& finding : report.differences) text += finding_line(finding);
  text += escaped(report.output.native()) + ": " + counted(report.tensors, "tensor") + ", " +
          human_bytes(report.bytes);
  const std::string differing = counted(count_differing(report), "difference");
  return text + (report.agrees() ? agreement(report) : ": " + differing) + "\n";
}

}  // namespace

int run_verify(const Arguments& arguments) {
  const Options options = parse(kCommandLine, arguments);
  if (options.has("help")) return print(help_text(kCommandLine)), 0;
  const VerifyReport report = verify(options.operand, verify_options(options));
  for (const std::string& note : report.notes) say("note: " + note);
  print(options.has("json") ? verify_json(report) + "\n" : report_text(report));
  if (report.agrees()) return 0;
  return report.malformed() ? kMalformed : kDiffers;
}

}  // namespace unbrine
