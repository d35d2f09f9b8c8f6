#include "converter/carrier.h"

#include <algorithm>
#include <utility>

#include "converter/slab.h"
#include "formats/error.h"
#include "formats/text.h"
#include "kernels/crc32.h"
#include "kernels/gather.h"

namespace unbrine {
namespace {

constexpr uint64_t kBlock = 256 << 10;        // half of a common second cache
constexpr uint64_t kStagingBytes = 4 << 20;   // of one slab
constexpr uint64_t kProgressBytes = 1 << 20;  // between two calls of RunOptions::progress
constexpr uint64_t kSmallSlot = 32 << 10;     // a read of its own costs more than a copy
constexpr size_t kSmallSlots = 512;           // staged together
constexpr uint64_t kNear = 4 << 10;           // gap that is cheaper to read than to skip

uint32_t item_size(const Tensor& tensor) {
  return std::max<uint32_t>(info(tensor.dtype).bits / 8, 1);
}

Fixup fixup_of(const Tensor& tensor, const Storage& storage) {
  const DTypeInfo& dtype = info(tensor.dtype);
  return {.swap_unit = storage.big_endian ? dtype.swap_unit : uint8_t{1},
          .conj = tensor.conj && dtype.is_complex,
          .neg = tensor.neg,
          .floating = dtype.is_floating,
          .normalize_bool = tensor.dtype == DType::Bool,
          .unit = dtype.swap_unit};
}

// One read that serves several small tensors. Positions count from the start of the source.
struct SmallRead {
  const Storage* storage;  // of the first of them
  uint64_t begin;
  uint64_t end;
  uint64_t staged_at;  // bytes, in the staging buffer
  uint64_t size() const { return end - begin; }

  // `first` is not before `begin`.
  bool takes_in(const Storage& other, uint64_t first, uint64_t count) const {
    return other.source == storage->source && first <= end + kNear &&
           first + count - begin <= kBlock;
  }
};

std::vector<GatherDim> view_dims(const Tensor& tensor) {
  std::vector<GatherDim> dims;
  for (size_t i = 0; i < tensor.shape.size(); ++i)
    dims.push_back({tensor.shape[i], tensor.stride[i] * item_size(tensor)});
  return joined_dims(dims);
}

}  // namespace

void Carrier::carry(const Piece& piece) {
  next_chunk_ = piece.first_chunk;
  if (piece.with_header) {
    const LayoutFile& file = run_.layout.files[piece.file];
    writer_.move_to(*run_.outputs[piece.file], block_size_for(file.size), 0);
    writer_.append(as_bytes(file.header));
  }
  for (uint32_t slot = piece.first_slot; slot < piece.last_slot;) {
    const uint32_t after_small = collect_small(piece, slot);
    carry_small();
    if (after_small == slot) carry_large(segment_of(piece, slot));
    slot = std::max(after_small, slot + 1);
  }
}

void Carrier::check(const CheckPiece& piece) {
  const Storage& storage = run_.selection.table->storages()[piece.storage];
  uint32_t crc = 0;
  for (uint64_t done = 0; done < piece.size;) {
    const MutableByteSpan block = block_.take(std::min(kBlock, piece.size - done));
    read(storage, piece.begin + done, block);
    crc = crc32_update(crc, block);
    done += block.size();
  }
  run_.check.add(piece.storage, piece.begin, piece.size, crc);
}

void Carrier::finish() {
  writer_.flush();
  report_progress();
}

Carrier::Segment Carrier::segment_of(const Piece& piece, uint32_t slot) const {
  const Slot& row = run_.layout.slots[slot];
  const Tensor& tensor = run_.selection.tensor(run_.selection.tensors[row.selected]);
  const uint64_t begin = slot == piece.first_slot ? piece.begin : 0;
  const uint64_t end = slot + 1 == piece.last_slot ? piece.end : row.size;
  return {.slot = slot,
          .row = &row,
          .tensor = &tensor,
          .storage = &run_.selection.table->storage_of(tensor),
          .begin = begin,
          .size = end - begin,
          .source_offset = first_byte(tensor) + begin,
          .contiguous = row.size == 0 || is_contiguous(tensor)};
}

void Carrier::move_to(const Segment& segment) {
  writer_.move_to(*run_.outputs[segment.row->file],
                  block_size_for(run_.layout.files[segment.row->file].size),
                  segment.row->offset + segment.begin);
}

// Puts small contiguous slots from `slot` on into small_; gives the first that is not among them.
uint32_t Carrier::collect_small(const Piece& piece, uint32_t slot) {
  small_.clear();
  uint64_t total = 0;
  for (; slot < piece.last_slot && small_.size() < kSmallSlots; ++slot) {
    const Segment segment = segment_of(piece, slot);
    total += segment.size;
    if (!segment.contiguous || segment.size > kSmallSlot || total > kBlock) break;
    small_.push_back({segment});
  }
  return slot;
}

void Carrier::carry_small() {
  if (small_.empty()) return;
  const ByteSpan staged = stage_small();
  for (const SmallSegment& small : small_)
    carry_contiguous(small.segment, staged.data() + small.staged_at);
}

// Reads the sources of small_ in their own order, those that are near each other with one read.
MutableByteSpan Carrier::stage_small() {
  std::vector<SmallSegment*> order;
  for (SmallSegment& small : small_) order.push_back(&small);
  std::ranges::sort(order, {}, [](const SmallSegment* small) {
    return std::pair(small->segment.storage->source.get(), small->source_begin());
  });

  std::vector<SmallRead> reads;
  uint64_t staged = 0;
  for (SmallSegment* small : order) {
    const Segment& segment = small->segment;
    const uint64_t begin = small->source_begin();
    if (reads.empty() || !reads.back().takes_in(*segment.storage, begin, segment.size))
      reads.push_back({segment.storage, begin, begin, staged});
    reads.back().end = std::max(reads.back().end, begin + segment.size);
    small->staged_at = reads.back().staged_at + (begin - reads.back().begin);
    staged = reads.back().staged_at + reads.back().size();
  }

  const MutableByteSpan bytes = staging_.take(staged);
  for (const SmallRead& small : reads)
    read(*small.storage, small.begin - small.storage->offset,
         bytes.subspan(small.staged_at, small.size()));
  return bytes;
}

void Carrier::carry_large(const Segment& segment) {
  if (segment.contiguous)
    carry_contiguous(segment, nullptr);
  else
    carry_strided(segment);
}

// `staged` holds the segment's source bytes; if it is null, they are read now.
void Carrier::carry_contiguous(const Segment& segment, const uint8_t* staged) {
  const bool checked = run_.check.taken_from(segment.slot);
  const uint32_t item = item_size(*segment.tensor);
  const Fixup fixup = fixup_of(*segment.tensor, *segment.storage);
  uint32_t crc = 0;
  move_to(segment);
  for (uint64_t done = 0; done < segment.size;) {
    const MutableByteSpan target = writer_.room(segment.size - done, item);
    ByteSpan source = target;
    if (staged != nullptr)
      source = {staged + done, target.size()};
    else
      read(*segment.storage, segment.source_offset + done, target);
    if (checked) crc = crc32_update(crc, source);
    worker_->run({.source = source, .target = target, .item_size = item, .fixup = fixup});
    account(target);
    writer_.commit(target.size());
    done += target.size();
  }
  close_digests();
  if (checked) run_.check.add(segment.tensor->storage, segment.begin, segment.size, crc);
}

void Carrier::carry_strided(const Segment& segment) {
  const uint32_t item = item_size(*segment.tensor);
  const std::vector<GatherDim> dims = view_dims(*segment.tensor);
  const StagingPlan plan = plan_staging(dims, item, kStagingBytes);
  const uint64_t slabs = slab_count(dims, plan.cut);
  move_to(segment);
  for (uint64_t i = 0; i < slabs; ++i) {
    const Slab slab = slab_at(dims, plan.cut, i);
    const Staging staging = stage(slab.dims, item, plan.spanned);
    const MutableByteSpan staged = staging_.take(staging.size());
    for (uint64_t j = 0; j < staging.reads; ++j)
      read(*segment.storage,
           segment.source_offset + slab.offset +
               gather_offset(j, staging.read_dims.data(), staging.read_dims.size()),
           staged.subspan(j * staging.read_size, staging.read_size));
    carry_slab(segment, staging.staged, staged);
  }
  close_digests();
}

// In parts of a block, so that they are digested and written while in the cache.
void Carrier::carry_slab(const Segment& segment, std::span<const GatherDim> staged_dims,
                         ByteSpan staged) {
  const uint32_t item = item_size(*segment.tensor);
  const Fixup fixup = fixup_of(*segment.tensor, *segment.storage);
  const SlabCut cut = cut_by_target(staged_dims, item, kBlock);
  const uint64_t parts = slab_count(staged_dims, cut);
  for (uint64_t i = 0; i < parts; ++i) {
    const Slab part = slab_at(staged_dims, cut, i);
    const MutableByteSpan target = block_.take(element_count(part.dims) * item);
    worker_->run({.source = staged.subspan(part.offset),
                  .target = target,
                  .dims = part.dims,
                  .item_size = item,
                  .fixup = fixup});
    account(target);
    writer_.append(target);
  }
}

// `offset` counts from the start of the storage.
void Carrier::read(const Storage& storage, uint64_t offset, MutableByteSpan target) {
  check_stop();
  try {
    storage.source->read_at(storage.offset + offset, target);
  } catch (const Error& error) {
    fail(error.code(), "storage ", quoted(storage.name), ": ", std::string_view(error.what()));
  }
}

void Carrier::account(ByteSpan written) {
  check_stop();
  digester_.update(written);
  unreported_ += written.size();
  if (unreported_ >= kProgressBytes) report_progress();
}

void Carrier::close_digests() {
  for (const uint64_t digest : digester_.finish()) run_.chunk_digests[next_chunk_++] = digest;
}

void Carrier::report_progress() {
  const uint64_t done = run_.bytes_done.fetch_add(unreported_) + unreported_;
  unreported_ = 0;
  if (run_.options.progress) run_.options.progress(done);
}

void Carrier::check_stop() const {
  const bool stopped = run_.options.stop != nullptr && run_.options.stop->load();
  if (stopped || run_.abandoned) throw Interrupted{};
}

}  // namespace unbrine
