#include <csignal>
#include <mutex>
#include <thread>

#include "converter/cli/command.h"
#include "converter/cli/convert_summary.h"
#include "converter/cli/rule_options.h"
#include "converter/convert.h"
#include "converter/output_path.h"
#include "converter/progress.h"
#include "formats/error.h"
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

constexpr OptionRow kOutputOptions[] = {
    {"output", 'o', "OUT", false,
     "the file to write; or, if it ends with / or is one, a folder that keeps everything: weights "
     "and other tensors by group, state.json with all that is no tensor, manifest.json"},
    {"to", 0, "safetensors|torch|blob", false,
     "the format: safetensors (default); torch, a .pt that loads with weights_only=True and keeps "
     "the whole object; blob, aligned raw tensors and a JSON index"},
    {"overwrite", 0, "", false, "replace an existing output"},
    {"dry-run", 0, "", false, "say what would be written, and whether there is room for it"},
    {"verify", 0, "", false, "read everything back before the output gets its name"},
};

constexpr OptionRow kFormOptions[] = {
    {"on-overflow", 0, "error|keep|saturate|inf", false,
     "values that --dtype cannot hold: refuse (default), leave that tensor as it is, store the "
     "largest finite value, or infinity"},
    {"max-shard-size", 0, "SIZE", false,
     "split a file into shards of at most SIZE (5GB, 500MiB) and write an index"},
    {"align", 0, "SIZE", false, "of tensors in a blob: a power of two (default: 4096)"},
    {"carry", 0, "FILE", true, "copy FILE into the output folder too; repeatable"},
    {"manifest", 0, "FILE", false, "write the manifest, with a digest for each tensor, to FILE"},
    {"sha256", 0, "", false, "add SHA-256 sums, to check with sha256sum -c"},
    {"hash-name", 0, "", false, "put the first 8 digits of the file's SHA-256 into its name"},
    kLimitOption,
    kJsonOption,
    kHelpOption,
};

constexpr auto kOptions =
    joined(joined(std::to_array(kOutputOptions), kRuleOptions), std::to_array(kFormOptions));

constexpr CommandLine kCommandLine = {
    "convert", "IN",
    "Writes the weights of a checkpoint as a safetensors file, or all of it as a folder. Nothing\n"
    "in IN, a file or a folder of shards, is executed.\n"
    "Without -o the output lies beside IN, with its suffix replaced.\n"
    "Patterns match names as `unbrine inspect IN` shows them; * matches dots too.",
    kOptions};

const WriterFormat& writer_from(const Options& options) {
  if (!options.has("to")) return default_writer();
  if (const WriterFormat* writer = writer_by_name(options.text("to"))) return *writer;
  std::string names;
  for (const WriterFormat& writer : writer_formats())
    names += (names.empty() ? "" : ", ") + std::string(writer.name);
  fail(ErrorCode::Usage, "--to ", quoted(options.text("to")), ": expected one of ", names);
}

uint64_t size_option(const Options& options, const std::string& name, uint64_t otherwise) {
  return options.has(name) ? parse_size("--" + name, options.text(name)) : otherwise;
}

ConvertOptions convert_options(const Options& options) {
  ConvertOptions result;
  result.rules = rules_from(options);
  if (options.has("on-overflow"))
    result.on_overflow = parse_on_overflow(options.text("on-overflow"));
  result.writer = &writer_from(options);
  result.write.limits = limits_from(options);
  result.write.max_shard_size = size_option(options, "max-shard-size", 0);
  result.write.align = size_option(options, "align", result.write.align);
  result.overwrite = options.has("overwrite");
  result.verify = options.has("verify");
  result.hash_name = options.has("hash-name");
  result.sha256 = options.has("sha256");
  for (const std::string& file : options.texts("carry")) result.carried.emplace_back(file);
  result.manifest = options.text("manifest");
  result.stop = &interrupted;
  return result;
}

// Decides where the output goes, and whether that is a folder.
fs::path output_path(const Options& given, const fs::path& input, ConvertOptions& options) {
  const bool wants_folder = options.rules.split_top || !options.carried.empty();
  const fs::path output = given.text("output");
  options.as_folder = output.empty() ? wants_folder : names_folder(output);
  if (options.as_folder) {
    if (output.empty()) return default_folder(input);
    check_output_folder(input, output);
    return output;
  }
  if (output.empty()) return default_output(input, *options.writer);
  check_output(input, output, *options.writer);
  return output;
}

// What only some outputs have.
void check_options(const Options& given, const ConvertOptions& options) {
  const auto refuse = [&](bool wrong, const char* option, const char* reason) {
    if (wrong && given.has(option)) fail(ErrorCode::Usage, "--", option, ": ", reason);
  };
  const bool is_blob = options.writer->name == "blob";
  const bool one_file = !options.as_folder && !is_blob && options.write.max_shard_size == 0;
  if (options.as_folder && options.writer->keeps_objects)
    fail(ErrorCode::Usage, "--to ", std::string(options.writer->name),
         " writes one file: name it with -o, as in -o DIR/model.pt");
  refuse(!options.as_folder, "split-top", "needs a folder as output: -o DIR/");
  refuse(!options.as_folder, "carry", "needs a folder as output: -o DIR/");
  refuse(!one_file, "hash-name", "is for an output of one file");
  refuse(!is_blob, "align", "is for --to blob");
  refuse(options.writer->name != "safetensors", "max-shard-size", "is for safetensors");
  refuse(options.writer->keeps_objects, "metadata", "a .pt has no place for it");
  refuse(options.rules.dtypes.empty(), "on-overflow", "needs --dtype: nothing is cast");
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

void say_notes(const ConvertReport& report) {
  for (const std::string& note : report.notes) say("note: " + note);
  for (const std::string& warning : report.warnings) say("warning: " + warning);
}

int dry_run(const Options& given, const fs::path& input, const fs::path& output,
            const ConvertOptions& options) {
  const ConvertPlan plan = plan_conversion(input, output, options);
  say_notes(plan.report);
  print(given.has("json") ? plan_json(plan) + "\n" : plan_text(plan));
  if (plan.bytes_needed > plan.bytes_free)
    fail(ErrorCode::Io, "not enough room for ", quoted(output.native()), ": needs ",
         human_bytes(plan.bytes_needed), ", free are ", human_bytes(plan.bytes_free));
  return 0;
}

}  // namespace

int run_convert(const Arguments& arguments) {
  const Options given = parse(kCommandLine, arguments);
  if (given.has("help")) return print(help_text(kCommandLine)), 0;
  const fs::path input = given.operand;
  ConvertOptions options = convert_options(given);
  const fs::path output = output_path(given, input, options);
  check_options(given, options);
  if (given.has("dry-run")) return dry_run(given, input, output, options);
  const ConvertReport report = convert_with_progress(input, output, options);
  say_notes(report);
  print(given.has("json") ? manifest_json(report) + "\n" : summary(report));
  return 0;
}

}  // namespace unbrine
