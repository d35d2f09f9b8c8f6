#include "converter/convert.h"

#include <future>

#include "converter/output_file.h"
#include "converter/run_layout.h"
#include "formats/error.h"
#include "formats/safetensors/safetensors_writer.h"
#include "formats/text.h"

namespace unbrine {
namespace {

namespace fs = std::filesystem;

void require_tensors(const Checkpoint& checkpoint, const Choice& choice) {
  if (!choice.selection.tensors.empty()) return;
  if (choice.left_out.empty())
    fail(ErrorCode::Unsupported, "holds no tensors: nothing to convert",
         checkpoint.notes.empty() ? "" : " (" + checkpoint.notes.front() + ")");
  fail(ErrorCode::Unsupported, "no tensors are selected; there are some below ",
       quoted(choice.left_out.front().key), ": see --select");
}

RunOptions run_options(const ConvertOptions& options, uint64_t total) {
  RunOptions run;
  run.backend = available_backends().front();
  run.workers = options.workers;
  run.stop = options.stop;
  if (options.progress)
    run.progress = [&options, total](uint64_t done) { options.progress(done, total); };
  return run;
}

std::vector<WrittenTensor> written_tensors(const Layout& layout, const Selection& selection,
                                           const std::vector<uint64_t>& digests) {
  std::vector<WrittenTensor> written;
  for (size_t i = 0; i < layout.slots.size(); ++i) {
    const Slot& slot = layout.slots[i];
    const SelectedTensor& selected = selection.tensors[slot.selected];
    const Tensor& tensor = selection.tensor(selected);
    written.push_back({selected.name, tensor.dtype, info(tensor.dtype).safetensors,
                       safetensors_shape(tensor), slot.offset, slot.size, digests[i]});
  }
  return written;
}

ConvertReport make_report(const fs::path& input, const Checkpoint& checkpoint, Choice& choice,
                          const OutputFile& output, const Layout& layout) {
  ConvertReport report;
  report.input = input;
  report.input_format = checkpoint.format;
  report.input_bytes = checkpoint.input_bytes();
  report.output = output.path();
  report.output_bytes = layout.files.front().size;
  report.root = std::move(choice.root);
  report.left_out = std::move(choice.left_out);
  report.notes = checkpoint.notes;
  report.notes.insert(report.notes.end(), choice.notes.begin(), choice.notes.end());
  return report;
}

}  // namespace

ConvertReport convert(const fs::path& input, const fs::path& output,
                      const ConvertOptions& options) {
  return in_context(escaped(input.native()), [&] {
    // Small and careful: everything about the checkpoint but its weights.
    const Checkpoint checkpoint = open_checkpoint(input, options.limits);
    Choice choice = select(checkpoint, options.rules);
    require_tensors(checkpoint, choice);
    const Layout layout = default_writer().layout(choice.selection, options.limits);

    // Large and plain: every offset is known, so pieces may go in any order. A second opinion on
    // the container is formed meanwhile.
    std::future<void> cross_check =
        std::async(checkpoint.cross_checks.empty() ? std::launch::deferred : std::launch::async,
                   [&] { checkpoint.cross_check(); });
    OutputFile file(output, layout.files.front().size, options.overwrite);
    OutputFile* const files[] = {&file};
    const std::vector<uint64_t> digests = run_layout(
        layout, choice.selection, files, run_options(options, layout.files.front().size));

    // The name appears only when all agree that what it names is right.
    cross_check.get();
    checkpoint.check_unchanged();
    file.commit();
    ConvertReport report = make_report(input, checkpoint, choice, file, layout);
    report.tensors = written_tensors(layout, choice.selection, digests);
    return report;
  });
}

}  // namespace unbrine
