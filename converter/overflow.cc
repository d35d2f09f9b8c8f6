#include "converter/overflow.h"

#include <algorithm>

#include "formats/error.h"
#include "formats/text.h"

namespace unbrine {
namespace {

constexpr size_t kNamed = 8;  // tensors that notes name one by one

bool has_loss(const CastStatistics& cast) { return cast.overflowed != 0 || cast.became_nan != 0; }

std::string what_is_lost(const SelectedTensor& selected, const CastStatistics& cast) {
  std::string text = quoted(selected.name) + " as " +
                     std::string(info(*selected.cast).safetensors) + ": " +
                     std::to_string(cast.overflowed) +
                     (cast.overflowed == 1 ? " value overflows" : " values overflow");
  if (cast.became_nan != 0) text += ", " + std::to_string(cast.became_nan) + " would be NaN";
  return text;
}

// The selected tensors that are to be cast, alone.
Selection only_cast(const Selection& selection, std::vector<size_t>& positions) {
  Selection cast;
  cast.table = selection.table;
  for (size_t i = 0; i < selection.tensors.size(); ++i) {
    if (!selection.tensors[i].cast) continue;
    positions.push_back(i);
    cast.tensors.push_back(selection.tensors[i]);
    cast.tensors.back().group = 0;
  }
  return cast;
}

// One file that nobody writes: slots one behind the other.
Layout in_a_row(const Selection& selection) {
  Layout layout;
  LayoutFile& file = layout.files.emplace_back();
  for (uint32_t i = 0; i < selection.tensors.size(); ++i) {
    const uint64_t size = selection.written_size(selection.tensors[i]);
    layout.slots.push_back({.selected = i, .file = 0, .offset = file.size, .size = size});
    file.size += size;
  }
  return layout;
}

}  // namespace

Overflow overflow_mode(OnOverflow on_overflow) {
  return on_overflow == OnOverflow::Saturate ? Overflow::Saturate : Overflow::Inf;
}

void keep_what_overflows(Choice& choice, const ConvertOptions& options) {
  std::vector<size_t> positions;
  const Selection cast = only_cast(choice.selection, positions);
  if (positions.empty()) return;
  const Layout layout = in_a_row(cast);
  Sink* const nowhere[] = {nullptr};
  RunOptions run;
  run.backend = available_backends().front();
  run.workers = options.workers;
  run.stop = options.stop;
  const std::vector<SlotResult> results = run_layout(layout, cast, nowhere, run);
  size_t kept = 0;
  for (size_t i = 0; i < results.size(); ++i) {
    if (!has_loss(results[i].cast)) continue;
    if (++kept <= kNamed)
      choice.notes.push_back("kept as it is: " + what_is_lost(cast.tensors[i], results[i].cast));
    choice.selection.tensors[positions[i]].cast.reset();
  }
  if (kept > kNamed)
    choice.notes.push_back(
        "kept as they are for the same reason: " + std::to_string(kept - kNamed) + " more tensors");
}

void refuse_overflow(const Layout& layout, const Selection& selection,
                     const std::vector<SlotResult>& results) {
  const auto loses = [](const SlotResult& result) { return has_loss(result.cast); };
  const auto first = std::ranges::find_if(results, loses);
  if (first == results.end()) return;
  const auto slot = static_cast<size_t>(first - results.begin());
  const auto others = std::ranges::count_if(first + 1, results.end(), loses);
  fail(ErrorCode::Usage, "cast of tensor ",
       what_is_lost(selection.tensors[layout.slots[slot].selected], first->cast),
       others == 0 ? "" : ", and so in " + std::to_string(others) + " more",
       "; choose --on-overflow keep, saturate or inf");
}

}  // namespace unbrine
