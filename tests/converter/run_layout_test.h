// What tests of run_layout share: sources that are watched, tensors laid out one behind the other,
// and what must come out of them, said one element and one byte after the other.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <random>

#include "converter/output_file.h"
#include "converter/run_layout.h"
#include "kernels/crc32.h"
#include "kernels/digest.h"
#include "tests/support/error_of.h"
#include "tests/support/scratch_folder.h"

namespace unbrine {

using Bytes = std::vector<uint8_t>;

inline constexpr uint64_t kMiB = 1 << 20;

inline Bytes random_bytes(uint64_t size) {
  std::mt19937_64 random(size);
  Bytes bytes(size);
  for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random() >> 56);
  return bytes;
}

// Counts what is read from it, and may do something at each read.
class WatchedSource : public Source {
 public:
  explicit WatchedSource(Bytes bytes) : bytes_(std::move(bytes)) {}
  uint64_t size() const override { return bytes_.size(); }
  uint64_t reads() const { return reads_; }
  uint64_t bytes_read() const { return bytes_read_; }
  const Bytes& bytes() const { return bytes_; }
  void at_each_read(std::function<void()> action) { action_ = std::move(action); }

 private:
  void read_range(uint64_t offset, MutableByteSpan target) const override {
    ++reads_;
    bytes_read_ += target.size();
    if (action_) action_();
    std::copy_n(bytes_.begin() + static_cast<ptrdiff_t>(offset), target.size(), target.begin());
  }

  Bytes bytes_;
  std::function<void()> action_;
  mutable std::atomic<uint64_t> reads_ = 0;
  mutable std::atomic<uint64_t> bytes_read_ = 0;
};

// The view's elements in row-major order, as they are stored.
inline Bytes gathered_bytes(const Tensor& tensor, const Storage& storage) {
  const size_t item = info(tensor.dtype).bits / 8;
  const Bytes stored = storage.source->read_all(storage.offset, storage.size);
  Bytes target(byte_count(tensor));
  std::vector<uint64_t> index(tensor.shape.size());
  for (size_t place = 0; place < target.size(); place += item) {
    uint64_t element = tensor.offset;
    for (size_t i = 0; i < index.size(); ++i) element += index[i] * tensor.stride[i];
    std::memcpy(&target[place], &stored[element * item], item);
    for (size_t i = index.size(); i-- > 0 && ++index[i] == tensor.shape[i];) index[i] = 0;
  }
  return target;
}

// What the target must hold without a cast.
inline Bytes expected_bytes(const Tensor& tensor, const Storage& storage) {
  Bytes target = gathered_bytes(tensor, storage);
  const size_t unit = info(tensor.dtype).swap_unit;
  for (size_t i = 0; i < target.size(); i += unit) {
    if (storage.big_endian)
      std::reverse(target.begin() + static_cast<ptrdiff_t>(i),
                   target.begin() + static_cast<ptrdiff_t>(i + unit));
    if (tensor.conj && i / unit % 2 == 1) target[i + unit - 1] ^= 0x80;
    if (tensor.neg) target[i + unit - 1] ^= 0x80;
    if (tensor.dtype == DType::Bool) target[i] = target[i] != 0;
  }
  return target;
}

// Stands for a cast where the way of the bytes is tested and not their values: the last bytes of
// each element are kept; if there are too few, zeros go before them. (Of F32 to BF16 and back that
// is the true cast, rounded toward zero.)
inline Bytes resized_elements(ByteSpan source, size_t from, size_t to) {
  const size_t kept = std::min(from, to);
  Bytes target(source.size() / from * to);
  for (size_t i = 0; i < source.size() / from; ++i)
    std::memcpy(&target[i * to + to - kept], &source[i * from + from - kept], kept);
  return target;
}

struct Written {
  Bytes file;
  std::vector<uint64_t> digests;
  bool operator==(const Written&) const = default;
};

// Tensors written to one file in the order in which they were added, behind a header of any length.
class RunLayoutTest : public ::testing::Test {
 protected:
  RunLayoutTest() { options_.backend = available_backends().front(); }

  static Limits no_limits() {
    Limits limits;
    limits.free_output_bytes = UINT64_MAX;
    return limits;
  }

  std::shared_ptr<WatchedSource> source(uint64_t size) {
    return std::make_shared<WatchedSource>(random_bytes(size));
  }

  uint32_t add_storage(std::shared_ptr<const Source> from, uint64_t offset, uint64_t size) {
    return table_.add_storage({.name = "archive/data/" + std::to_string(table_.storages().size()),
                               .source = std::move(from),
                               .offset = offset,
                               .size = size});
  }
  uint32_t add_storage(uint64_t size) { return add_storage(source(size), 0, size); }

  // A storage that records a CRC-32, which is off by `error`.
  uint32_t add_checked_storage(std::shared_ptr<const Source> from, uint32_t error = 0) {
    const uint64_t size = from->size();
    const uint32_t crc = crc32_update(0, from->read_all(0, size));
    return table_.add_storage({.name = "archive/data/7",
                               .source = std::move(from),
                               .size = size,
                               .has_crc = true,
                               .crc32 = crc ^ error});
  }

  void add(Tensor tensor, std::optional<DType> cast = {}) {
    const auto number = static_cast<uint32_t>(selection_.tensors.size());
    selection_.tensors.push_back({.name = "layer." + std::to_string(number),
                                  .row = table_.add(std::move(tensor)),
                                  .cast = cast});
    const uint64_t size = selection_.written_size(selection_.tensors.back());
    layout_.slots.push_back({number, 0, end_, size});
    end_ += size;
  }

  // A row-major tensor.
  void add(DType dtype, uint32_t storage, std::vector<uint64_t> shape, uint64_t offset = 0,
           std::optional<DType> cast = {}) {
    std::vector<uint64_t> stride = contiguous_stride(shape);
    add({.dtype = dtype,
         .storage = storage,
         .offset = offset,
         .shape = std::move(shape),
         .stride = std::move(stride)},
        cast);
  }

  Layout layout_behind(const std::string& header) const {
    Layout layout = layout_;
    for (Slot& slot : layout.slots) slot.offset += header.size();
    layout.files = {{header, header.size() + end_}};
    return layout;
  }

  std::vector<SlotResult> run(const Layout& layout, std::vector<Sink*> sinks,
                              unsigned workers = 1) {
    options_.workers = workers;
    return run_layout(layout, selection_, sinks, options_);
  }

  Written write(unsigned workers = 1, const std::string& header = "header!!") {
    const Layout layout = layout_behind(header);
    OutputFile output(folder_ / "out.bin", layout.files[0].size, true);
    Written written;
    for (const SlotResult& result : run(layout, {&output}, workers))
      written.digests.push_back(result.digest);
    output.commit();
    const std::string file = folder_.read("out.bin");
    written.file.assign(file.begin(), file.end());
    return written;
  }

  Bytes expected_of(const SelectedTensor& selected) const {
    const Tensor& tensor = selection_.tensor(selected);
    Bytes bytes = expected_bytes(tensor, table_.storage_of(tensor));
    if (!selected.cast) return bytes;
    return resized_elements(bytes, info(tensor.dtype).bits / 8, info(*selected.cast).bits / 8);
  }

  Written expected(const std::string& header = "header!!") const {
    Written written{{header.begin(), header.end()}, {}};
    for (const SelectedTensor& selected : selection_.tensors) {
      const Bytes bytes = expected_of(selected);
      written.file.insert(written.file.end(), bytes.begin(), bytes.end());
      written.digests.push_back(digest_bytes(bytes));
    }
    return written;
  }

  Error error_of_write(unsigned workers = 1) {
    return error_of([&] { write(workers); });
  }

  ScratchFolder folder_;
  TensorTable table_{no_limits()};
  Selection selection_{.table = &table_, .tensors = {}, .metadata = {}};
  Layout layout_;
  uint64_t end_ = 0;
  RunOptions options_;
};

}  // namespace unbrine
