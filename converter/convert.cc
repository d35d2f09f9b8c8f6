#include "converter/convert.h"

#include <future>

#include "converter/conversion.h"
#include "converter/outputs.h"
#include "converter/overflow.h"
#include "converter/report.h"
#include "converter/run_layout.h"
#include "formats/error.h"
#include "formats/text.h"

namespace unbrine {
namespace {

namespace fs = std::filesystem;

uint64_t written_bytes(const Layout& layout) {
  uint64_t bytes = 0;
  for (const LayoutFile& file : layout.files) bytes += file.size;
  return bytes;
}

RunOptions run_options(const ConvertOptions& options, uint64_t total) {
  RunOptions run;
  run.backend = available_backends().front();
  run.workers = options.workers;
  run.overflow = overflow_mode(options.on_overflow);
  run.stop = options.stop;
  if (options.progress)
    run.progress = [&options, total](uint64_t done) { options.progress(done, total); };
  return run;
}

}  // namespace

ConvertReport convert(const fs::path& input, const fs::path& output,
                      const ConvertOptions& options) {
  return in_context(escaped(input.native()), [&] {
    // Small and careful: everything about the checkpoint but its weights.
    const std::unique_ptr<const Conversion> conversion = plan(input, output, options);
    const auto& [checkpoint, choice, layout] = *conversion;

    // Large and plain: every offset is known, so pieces may go in any order. A second opinion on
    // the container is formed meanwhile.
    std::future<void> cross_check =
        std::async(checkpoint.cross_checks.empty() ? std::launch::deferred : std::launch::async,
                   [&] { conversion->checkpoint.cross_check(); });
    Outputs outputs(output, layout, options);
    const std::vector<SlotResult> results = run_layout(layout, choice.selection, outputs.sinks(),
                                                       run_options(options, written_bytes(layout)));
    if (options.on_overflow == OnOverflow::Error)
      refuse_overflow(layout, choice.selection, results);

    // What describes the weights, and the object around them.
    ConvertReport report = make_report(input, output, *conversion, options, results);
    outputs.add_side_files(*conversion, report);

    // Names appear only when all agree that what they name is right.
    if (options.verify) outputs.verify(*conversion, results);
    cross_check.get();
    checkpoint.check_unchanged();
    outputs.commit(report);
    return report;
  });
}

ConvertPlan plan_conversion(const fs::path& input, const fs::path& output,
                            const ConvertOptions& options) {
  return in_context(escaped(input.native()), [&] {
    const std::unique_ptr<const Conversion> conversion = plan(input, output, options);
    conversion->checkpoint.cross_check();
    ConvertPlan result;
    result.report = make_report(input, output, *conversion, options, {});
    result.bytes_needed = written_bytes(conversion->layout);
    for (const WrittenFile& file : planned_side_files(*conversion, options)) {
      result.bytes_needed += file.size;
      result.report.files.push_back(file);
    }
    result.bytes_free = bytes_free_for(output);
    return result;
  });
}

}  // namespace unbrine
