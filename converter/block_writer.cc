#include "converter/block_writer.h"

#include <algorithm>
#include <cstring>

namespace unbrine {
namespace {

constexpr uint64_t kLargestBlock = 256 << 10;
constexpr uint64_t kMebi = 1 << 20;
constexpr uint64_t kLargestItem = 16;
constexpr uint64_t kShortGap = 4 << 10;  // cheaper to write than to skip

// A block at its multiple gets one folio of the page cache. The larger the folio, the fewer there
// are, but in a virtual machine the more likely is its memory absent at the first touch, which
// costs more than all else: so the larger the file, the smaller the block (benchmarks/README.md).
struct BlockRow {
  uint64_t below;  // bytes of the file
  uint64_t block;
};
constexpr BlockRow kBlocks[] = {
    {256 * kMebi, kLargestBlock}, {2048 * kMebi, 128 << 10}, {UINT64_MAX, 64 << 10}};

}  // namespace

uint64_t block_size_for(uint64_t file_size) {
  return std::ranges::upper_bound(kBlocks, file_size, {}, &BlockRow::below)->block;
}

BlockWriter::BlockWriter()
    : buffer_(std::make_unique_for_overwrite<uint8_t[]>(kLargestBlock + kLargestItem)) {}

void BlockWriter::move_to(Sink* sink, uint64_t block_size, uint64_t offset) {
  if (sink != nullptr && sink == sink_ && offset == offset_ + filled_) return;
  flush();
  sink_ = sink;
  block_size_ = block_size;
  offset_ = offset;
}

void BlockWriter::advance_to(uint64_t offset) {
  static constexpr uint8_t kZeros[kShortGap] = {};
  const uint64_t gap = offset - (offset_ + filled_);
  if (gap <= kShortGap) return append({kZeros, gap});
  flush();
  offset_ = offset;
}

uint64_t BlockWriter::to_block_end() const { return block_size_ - offset_ % block_size_; }

MutableByteSpan BlockWriter::room(uint64_t wanted, uint32_t item_size) {
  const uint64_t items = (to_block_end() - filled_ + item_size - 1) / item_size;
  return {buffer_.get() + filled_, std::min(wanted, items * item_size)};
}

void BlockWriter::commit(uint64_t size) {
  filled_ += size;
  const uint64_t block = to_block_end();
  if (filled_ < block) return;
  write(block);
  std::memmove(buffer_.get(), buffer_.get() + block, filled_ - block);
  offset_ += block;
  filled_ -= block;
}

void BlockWriter::write(uint64_t size) {
  if (sink_ != nullptr) sink_->write_at(offset_, {buffer_.get(), size});
}

void BlockWriter::append(ByteSpan bytes) {
  while (!bytes.empty()) {
    const MutableByteSpan place = room(bytes.size(), 1);
    std::memcpy(place.data(), bytes.data(), place.size());
    commit(place.size());
    bytes = bytes.subspan(place.size());
  }
}

void BlockWriter::flush() {
  if (filled_ != 0) write(filled_);
  offset_ += filled_;
  filled_ = 0;
}

}  // namespace unbrine
