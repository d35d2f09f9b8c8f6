#include <algorithm>
#include <csignal>
#include <map>
#include <thread>

#include "converter/cli/command.h"
#include "converter/convert.h"
#include "converter/output_path.h"
#include "converter/progress.h"
#include "formats/text.h"

namespace unbrine {
namespace {

namespace fs = std::filesystem;

std::atomic<bool> interrupted = false;

// While an output is half-written, an interrupt must end in its removal; before and after, it may
// end the process as usual.
class InterruptGuard {
 public:
  InterruptGuard() {
    for (size_t i = 0; i < std::size(kSignals); ++i)
      previous_[i] = std::signal(kSignals[i], [](int) { interrupted = true; });
  }
  ~InterruptGuard() {
    for (size_t i = 0; i < std::size(kSignals); ++i) std::signal(kSignals[i], previous_[i]);
  }

 private:
  static constexpr int kSignals[] = {SIGINT, SIGTERM, SIGHUP};
  void (*previous_[std::size(kSignals)])(int);
};

constexpr OptionRow kOptions[] = {
    {"output", 'o', "OUT.safetensors", false, "the file to write"},
    {"overwrite", 0, "", false, "replace an existing output"},
    kSelectOption,
    kLimitOption,
    kJsonOption,
    kHelpOption,
};

constexpr CommandLine kCommandLine = {
    "convert", "IN",
    "Writes the weights of a checkpoint as a safetensors file. Nothing in IN, a file or a folder\n"
    "of shards, is executed.\n"
    "Without -o the output lies beside IN, with its suffix replaced.",
    kOptions};

ConvertOptions convert_options(const Options& options) {
  ConvertOptions result;
  result.rules.select = options.text("select");
  result.limits = limits_from(options);
  result.overwrite = options.has("overwrite");
  result.stop = &interrupted;
  return result;
}

fs::path output_path(const Options& options, const fs::path& input) {
  if (!options.has("output")) return default_output(input, default_writer());
  const fs::path output = options.text("output");
  check_output(input, output, default_writer());
  return output;
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

std::string summary(const ConvertReport& report) {
  std::string text = escaped(report.output.native()) + ": " +
                     counted(report.tensors.size(), "tensor") + " (" + dtype_list(report) + "), " +
                     human_bytes(tensor_bytes(report));
  if (!report.root.empty()) text += ", from " + quoted(report.root);
  text += "\n";
  for (const Omission& omission : report.left_out) {
    const std::string key = escaped(omission.key);
    text += "left out: " + key + ", " + counted(omission.tensors, "tensor") + ", " +
            human_bytes(omission.bytes) + "; keep with " +
            (omission.whole ? "--select " + key + " or " : "") + "--select all\n";
  }
  return text;
}

ConvertReport convert_with_progress(const fs::path& input, const fs::path& output,
                                    ConvertOptions options) {
  const InterruptGuard guard;
  std::unique_ptr<ProgressLine> line;
  std::once_flag once;
  const bool wanted = terminal_wants_progress();
  options.progress = [&](uint64_t done, uint64_t total) {
    std::call_once(once, [&] {
      line = std::make_unique<ProgressLine>(escaped(input.filename().native()), total, wanted);
    });
    line->update(done);
  };
  return convert(input, output, options);
}

}  // namespace

int run_convert(const Arguments& arguments) {
  const Options options = parse(kCommandLine, arguments);
  if (options.has("help")) return print(help_text(kCommandLine)), 0;
  const fs::path input = options.operand;
  const ConvertReport report =
      convert_with_progress(input, output_path(options, input), convert_options(options));
  for (const std::string& note : report.notes) say("note: " + note);
  print(options.has("json") ? manifest_json(report) + "\n" : summary(report));
  return 0;
}

}  // namespace unbrine
