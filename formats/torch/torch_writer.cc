#include "formats/torch/torch_writer.h"

#include "formats/archive/zip_writer.h"
#include "formats/error.h"
#include "formats/text.h"
#include "formats/torch/torch_pickle.h"

namespace unbrine {
namespace {

constexpr uint64_t kAlignment = 64;

void check_options(const Selection& selection, const WriteOptions& options) {
  if (options.max_shard_size != 0)
    fail(ErrorCode::Usage, "a .pt is not split into shards: only safetensors files are");
  if (selection.groups.size() > 1)
    fail(ErrorCode::Usage, "a .pt holds one object, not ", selection.groups.size(), " groups");
}

// Entries in the order of torch.save; what it adds for its own use is left out.
LayoutFile zip_of(const TorchPickle& pickle, const Selection& selection, Layout& layout) {
  ZipWriter zip(kAlignment);
  zip.add_text("archive/data.pkl", pickle.bytes);
  zip.add_text("archive/byteorder", "little");
  for (const uint32_t selected : pickle.storages.selected()) {
    const auto slot = static_cast<uint32_t>(layout.slots.size());
    const uint64_t size = selection.written_size(selection.tensors[selected]);
    const uint64_t offset = zip.add_slot("archive/data/" + std::to_string(slot), size, slot);
    layout.slots.push_back({selected, 0, offset, size});
  }
  zip.add_text("archive/version", "3\n");
  return zip.finish(layout.crc_places);
}

void note_unplaced(const TorchStorages& storages, std::vector<std::string>& notes) {
  const std::vector<std::string> names = storages.unplaced();
  if (names.empty()) return;
  notes.push_back("nothing in the object leads to tensor " + quoted(names[0]) +
                  (names.size() == 1 ? "" : " and " + std::to_string(names.size() - 1) + " more") +
                  ": left out");
}

void note_metadata(const Selection& selection, std::vector<std::string>& notes) {
  for (const auto& [key, text] : selection.metadata)
    if (key != "format")
      notes.push_back("a .pt has no metadata: " + quoted(key) + " is not written");
}

}  // namespace

Layout torch_layout(const Selection& selection, const WriteOptions& options) {
  check_options(selection, options);
  TorchPickle pickle =
      selection.graph == nullptr ? pickle_tensors(selection) : pickle_object(selection);
  Layout layout;
  layout.align = kAlignment;
  layout.notes = std::move(pickle.notes);
  note_unplaced(pickle.storages, layout.notes);
  note_metadata(selection, layout.notes);
  layout.shared = pickle.storages.shared();
  layout.files.push_back(zip_of(pickle, selection, layout));
  layout.files[0].name = selection.groups.empty() ? "model.pt" : selection.groups[0].stem + ".pt";
  return layout;
}

}  // namespace unbrine
