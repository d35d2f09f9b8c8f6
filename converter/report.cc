#include "converter/report.h"

#include "converter/placement.h"
#include "formats/safetensors/safetensors_writer.h"

namespace unbrine {
namespace {

WrittenTensor written_tensor(const Conversion& conversion, const WriterFormat& writer,
                             const Slot& slot, uint32_t index) {
  const Selection& selection = conversion.choice.selection;
  const SelectedTensor& selected = selection.tensors[index];
  Tensor tensor = selection.tensor(selected);
  WrittenTensor written;
  written.name = selected.name;
  written.file = conversion.layout.files[slot.file].name;
  written.source = selected.source;
  written.source_dtype = tensor.dtype;
  tensor.dtype = written.written_dtype = selection.written_dtype(selected);
  const DTypeInfo& dtype = info(tensor.dtype);
  written.dtype = writer.keeps_objects ? dtype.torch_name : dtype.safetensors;
  written.shape = writer.keeps_objects ? tensor.shape : safetensors_shape(tensor);
  written.offset = slot.offset;
  written.size = slot.size;
  return written;
}

void add_result(WrittenTensor& written, const SelectedTensor& selected, const SlotResult& result) {
  written.digest = result.digest;
  if (selected.cast) written.cast = result.cast;
}

std::vector<WrittenTensor> written_tensors(const Conversion& conversion, const WriterFormat& writer,
                                           std::span<const SlotResult> results) {
  const Layout& layout = conversion.layout;
  const Selection& selection = conversion.choice.selection;
  const std::vector<std::string> aliases = alias_names(layout, selection);
  std::vector<WrittenTensor> list;
  const auto add = [&](uint32_t slot, uint32_t selected) {
    list.push_back(written_tensor(conversion, writer, layout.slots[slot], selected));
    list.back().alias_of = aliases[selected];
    if (!results.empty()) add_result(list.back(), selection.tensors[selected], results[slot]);
  };
  for (uint32_t i = 0; i < layout.slots.size(); ++i) add(i, layout.slots[i].selected);
  for (const SharedSlot& shared : layout.shared) add(shared.slot, shared.selected);
  return list;
}

std::vector<WrittenFile> written_files(const Conversion& conversion) {
  const Layout& layout = conversion.layout;
  const Selection& selection = conversion.choice.selection;
  std::vector<WrittenFile> files;
  for (const LayoutFile& file : layout.files)
    files.push_back({.name = file.name, .size = file.size});
  for (const Slot& slot : layout.slots) files[slot.file].tensors += 1;
  for (const SharedSlot& shared : layout.shared) files[layout.slots[shared.slot].file].tensors += 1;
  const std::vector<TensorPlace> places = tensor_places(layout, selection);
  for (const SelectedTensor& aliased : selection.aliased)
    for (WrittenFile& file : files)
      if (file.name == places[aliased.row].file)
        file.aliases.emplace(aliased.name,
                             selection.groups[aliased.group].aliases.at(aliased.name));
  return files;
}

void append(std::vector<std::string>& list, const std::vector<std::string>& more) {
  list.insert(list.end(), more.begin(), more.end());
}

}  // namespace

ConvertReport make_report(const std::filesystem::path& input, const std::filesystem::path& output,
                          const Conversion& conversion, const ConvertOptions& options,
                          std::span<const SlotResult> results) {
  const auto& [checkpoint, choice, layout] = conversion;
  ConvertReport report;
  report.input = input;
  report.input_format = checkpoint.format;
  report.input_bytes = checkpoint.input_bytes();
  report.output = output;
  report.root = choice.root;
  report.files = written_files(conversion);
  report.tensors = written_tensors(conversion, *options.writer, results);
  report.left_out = choice.left_out;
  report.excluded = choice.excluded;
  report.globals = list_globals(checkpoint.graph);
  append(report.notes, checkpoint.notes);
  append(report.notes, choice.notes);
  append(report.notes, layout.notes);
  report.warnings = choice.warnings;
  return report;
}

}  // namespace unbrine
