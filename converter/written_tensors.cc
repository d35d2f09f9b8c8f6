#include "converter/written_tensors.h"

#include <set>

#include "converter/select.h"
#include "converter/tensor_values.h"
#include "formats/error.h"
#include "formats/text.h"

namespace unbrine {
namespace {

bool lies_inside(const Source& source, const ManifestTensor& tensor) {
  return tensor.offset <= source.size() && tensor.size <= source.size() - tensor.offset;
}

// The source of a tensor's bytes, if they are there.
std::shared_ptr<const Source> source_of(const SourcesByName& sources,
                                        const ManifestTensor& tensor) {
  const auto found = sources.find(tensor.file);
  if (found == sources.end() || !lies_inside(*found->second, tensor)) return nullptr;
  return found->second;
}

class ManifestLister {
 public:
  ManifestLister(WrittenTensors& tensors, const SourcesByName& sources)
      : tensors_(tensors), sources_(sources) {
    tensors_.own_table = std::make_unique<TensorTable>(no_limits());
    tensors_.selection.table = tensors_.own_table.get();
    nothing_ = {.name = {}, .source = std::make_shared<MemorySource>(std::vector<uint8_t>())};
  }

  void add(const ManifestTensor& row) {
    const std::shared_ptr<const Source> source = source_of(sources_, row);
    tensors_.selection.tensors.push_back(
        {.name = row.name, .row = source ? add_tensor(row, source) : add_nothing()});
    tensors_.rows.push_back(
        {.file = row.file, .name = row.name, .source = row.source, .is_there = source != nullptr});
    if (source) ranges_.push_back({source, row.offset, row.size});
  }

  void add_digests(const RunOptions& run) {
    const std::vector<uint64_t> digests = digests_of(ranges_, run);
    size_t next = 0;
    for (WrittenTensorRow& row : tensors_.rows)
      if (row.is_there) row.digest = digests[next++];
  }

 private:
  uint32_t add_tensor(const ManifestTensor& row, const std::shared_ptr<const Source>& source) {
    TensorTable& table = *tensors_.own_table;
    const uint32_t storage = table.add_storage(
        {.name = row.name, .source = source, .offset = row.offset, .size = row.size});
    return table.add(row_major_tensor(row.dtype, row.shape, storage));
  }

  uint32_t add_nothing() {
    TensorTable& table = *tensors_.own_table;
    return table.add(row_major_tensor(DType::U8, {0}, table.add_storage(nothing_)));
  }

  WrittenTensors& tensors_;
  const SourcesByName& sources_;
  Storage nothing_;
  std::vector<ByteRange> ranges_;
};

}  // namespace

void list_by_manifest(WrittenTensors& tensors, const Manifest& manifest,
                      const SourcesByName& sources, const RunOptions& run) {
  ManifestLister lister(tensors, sources);
  for (const ManifestTensor& row : manifest.tensors)
    in_context(escaped(row.file), [&] { lister.add(row); });
  lister.add_digests(run);
  for (const ManifestFile& file : manifest.files)
    tensors.aliases.insert(file.aliases.begin(), file.aliases.end());
}

void add_unlisted(WrittenTensors& tensors, const Checkpoint& checkpoint, const std::string& file,
                  const RunOptions& run) {
  std::set<std::string_view> known;
  for (const WrittenTensorRow& row : tensors.rows) known.insert(row.source);
  Rules everything;
  everything.select = "all";
  Selection unlisted = select(checkpoint, everything, Scope::Object).selection;
  std::erase_if(unlisted.tensors,
                [&](const SelectedTensor& tensor) { return known.contains(tensor.source); });
  const std::vector<uint64_t> digests = digests_of(unlisted, run);
  for (size_t i = 0; i < digests.size(); ++i) {
    const SelectedTensor& tensor = unlisted.tensors[i];
    const uint32_t row =
        copy_tensor(checkpoint.tensors, unlisted.tensor(tensor), *tensors.own_table);
    tensors.selection.tensors.push_back({.name = tensor.name, .row = row});
    tensors.rows.push_back({.file = file,
                            .name = tensor.name,
                            .source = tensor.source,
                            .digest = digests[i],
                            .is_listed = false});
  }
}

void list_by_checkpoint(WrittenTensors& tensors, std::unique_ptr<const Checkpoint> checkpoint,
                        const std::string& file, bool whole_object, const RunOptions& run) {
  Rules rules;
  if (whole_object) rules.select = "all";
  Choice choice = select(*checkpoint, rules, whole_object ? Scope::Object : Scope::Weights);
  tensors.selection = std::move(choice.selection);
  const std::vector<uint64_t> digests = digests_of(tensors.selection, run);
  for (size_t i = 0; i < digests.size(); ++i)
    tensors.rows.push_back(
        {.file = file, .name = tensors.selection.tensors[i].name, .digest = digests[i]});
  tensors.aliases =
      checkpoint->metadata;  // where safetensors files note names that are not written
  tensors.checkpoint = std::move(checkpoint);
}

}  // namespace unbrine
