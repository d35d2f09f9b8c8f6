#include "converter/conversion.h"

#include <set>

#include "converter/output_path.h"
#include "converter/overflow.h"
#include "formats/error.h"
#include "formats/text.h"

namespace unbrine {
namespace {

namespace fs = std::filesystem;

Scope scope_of(const ConvertOptions& options) {
  if (options.as_folder) return Scope::Tree;
  return options.writer->keeps_objects ? Scope::Object : Scope::Weights;
}

void require_tensors(const Checkpoint& checkpoint, const Choice& choice) {
  if (!choice.selection.tensors.empty()) return;
  if (choice.excluded != 0)
    fail(ErrorCode::Usage, "--include and --exclude leave no tensor to write",
         choice.warnings.empty() ? "" : ": " + choice.warnings.front());
  if (choice.left_out.empty())
    fail(ErrorCode::Unsupported, "holds no tensors: nothing to convert",
         checkpoint.notes.empty() ? "" : " (" + checkpoint.notes.front() + ")");
  fail(ErrorCode::Unsupported, "no tensors are selected; there are some below ",
       quoted(choice.left_out.front().key), ": see --select");
}

void check_names(const Layout& layout, const ConvertOptions& options) {
  std::set<std::string> names = {"state.json", "manifest.json", "SHA256SUMS"};
  for (const LayoutFile& file : layout.files) names.insert(file.name);
  for (const fs::path& file : options.carried)
    if (!names.insert(file.filename().native()).second)
      fail(ErrorCode::Usage, "--carry ", quoted(file.native()),
           ": the output has a file of this name already");
}

// Before anything is read: a name that is wrong should not cost a conversion.
void check_carried(const ConvertOptions& options) {
  for (const fs::path& file : options.carried) {
    std::error_code ignored;
    if (!fs::is_regular_file(file, ignored))
      fail(ErrorCode::Io, "--carry ", quoted(file.native()), ": there is no such file");
  }
}

}  // namespace

std::unique_ptr<const Conversion> plan(const fs::path& input, const fs::path& output,
                                       const ConvertOptions& options) {
  check_carried(options);
  auto conversion = std::make_unique<Conversion>(
      Conversion{open_checkpoint(input, options.write.limits), {}, {}});
  Choice& choice = conversion->choice;
  choice = select(conversion->checkpoint, options.rules, scope_of(options));
  if (!options.as_folder) {
    require_tensors(conversion->checkpoint, choice);
    choice.selection.groups.front().stem = stem_of(output, *options.writer);
  }
  if (options.on_overflow == OnOverflow::Keep) keep_what_overflows(choice, options);
  Layout& layout = conversion->layout;
  layout = options.writer->layout(choice.selection, options.write);
  if (options.as_folder)
    check_names(layout, options);
  else if (layout.files.size() == 1)
    layout.files.front().name = output.filename().native();  // its suffix may be another
  return conversion;
}

}  // namespace unbrine
