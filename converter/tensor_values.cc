#include "converter/tensor_values.h"

#include <algorithm>
#include <utility>

namespace unbrine {
namespace {

class MemorySink : public Sink {
 public:
  explicit MemorySink(uint64_t size) : bytes_(size) {}
  void write_at(uint64_t offset, ByteSpan bytes) override {
    std::ranges::copy(bytes, bytes_.begin() + static_cast<ptrdiff_t>(offset));
  }
  std::vector<uint8_t> take() { return std::move(bytes_); }

 private:
  std::vector<uint8_t> bytes_;
};

}  // namespace

Layout row_major_layout(const Selection& selection) {
  Layout layout{{{.header = {}}}, {}};
  uint64_t& size = layout.files.front().size;
  for (uint32_t i = 0; i < selection.tensors.size(); ++i) {
    const uint64_t bytes = selection.written_size(selection.tensors[i]);
    layout.slots.push_back({.selected = i, .file = 0, .offset = size, .size = bytes});
    size += bytes;
  }
  return layout;
}

std::vector<SlotResult> results_of(const Selection& selection, const RunOptions& options) {
  if (selection.tensors.empty()) return {};
  Sink* const nowhere[] = {nullptr};
  return run_layout(row_major_layout(selection), selection, nowhere, options);
}

std::vector<uint64_t> digests_of(const Selection& selection, const RunOptions& options) {
  std::vector<uint64_t> digests;
  for (const SlotResult& result : results_of(selection, options)) digests.push_back(result.digest);
  return digests;
}

std::vector<uint64_t> digests_of(std::span<const ByteRange> ranges, const RunOptions& options) {
  TensorTable table(no_limits());
  Selection selection;
  selection.table = &table;
  for (const ByteRange& range : ranges) {
    const uint32_t storage = table.add_storage(
        {.name = {}, .source = range.source, .offset = range.offset, .size = range.size});
    const uint32_t row = table.add(row_major_tensor(DType::U8, {range.size}, storage));
    selection.tensors.push_back({.name = {}, .row = row});
  }
  return digests_of(selection, options);
}

Tensor row_major_tensor(DType dtype, std::vector<uint64_t> shape, uint32_t storage) {
  Tensor tensor;
  tensor.dtype = dtype;
  tensor.storage = storage;
  tensor.stride = contiguous_stride(shape);
  tensor.shape = std::move(shape);
  return tensor;
}

uint32_t copy_tensor(const TensorTable& from, Tensor tensor, TensorTable& to) {
  Storage storage = from.storage_of(tensor);
  storage.has_crc = false;
  storage.made_of.clear();  // rows of the other table
  tensor.storage = to.add_storage(std::move(storage));
  return to.add(std::move(tensor));
}

Tensor with_whole_bytes(const Tensor& tensor) {
  if (info(tensor.dtype).bits >= 8) return tensor;
  Tensor bytes = tensor;
  bytes.dtype = DType::U8;
  bytes.shape = {byte_count(tensor)};
  bytes.stride = {1};
  return bytes;
}

ViewBatch::ViewBatch() : table_(no_limits()) {}

void ViewBatch::add(const TensorTable& table, Tensor view) {
  bytes_ += byte_count(view);
  tensors_.push_back({.name = {}, .row = copy_tensor(table, std::move(view), table_)});
}

std::vector<uint8_t> ViewBatch::take(const RunOptions& options) {
  Selection selection;
  selection.table = &table_;
  selection.tensors = std::exchange(tensors_, {});
  MemorySink sink(std::exchange(bytes_, 0));
  Sink* const sinks[] = {&sink};
  RunOptions quiet = options;
  quiet.progress = nullptr;
  run_layout(row_major_layout(selection), selection, sinks, quiet);
  table_ = TensorTable(no_limits());
  return sink.take();
}

Limits no_limits() {
  Limits limits;
  for (const LimitName& row : limit_names()) limits.*row.member = UINT64_MAX;
  return limits;
}

}  // namespace unbrine
