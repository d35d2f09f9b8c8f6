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

}  // namespace

void Carrier::carry(const Piece& piece) {
  start(piece);
  for (uint32_t slot = piece.first_slot; slot < piece.last_slot;) {
    const uint32_t after_small = collect_small(piece, slot);
    carry_small();
    if (after_small == slot) carry_large(segment_at(piece, slot));
    slot = std::max(after_small, slot + 1);
  }
  write_texts(UINT64_MAX);
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

Segment Carrier::segment_at(const Piece& piece, uint32_t slot) const {
  return segment_of(run_.layout, run_.selection, piece, slot, run_.options.overflow);
}

void Carrier::start(const Piece& piece) {
  const LayoutFile& file = run_.layout.files[piece.file];
  next_chunk_ = piece.first_chunk;
  next_part_ = piece.first_part;
  texts_ = std::span(file.texts).subspan(piece.first_text, piece.last_text - piece.first_text);
  writer_.move_to(run_.sinks[piece.file], block_size_for(file.size), piece.offset);
  if (piece.with_header) writer_.append(as_bytes(file.header));
}

// Those that start before `limit` in the file.
void Carrier::write_texts(uint64_t limit) {
  for (; !texts_.empty() && texts_.front().offset < limit; texts_ = texts_.subspan(1)) {
    writer_.advance_to(texts_.front().offset);
    writer_.append(as_bytes(texts_.front().bytes));
  }
}

void Carrier::open(const Segment& segment) {
  write_texts(segment.row->offset);
  writer_.advance_to(segment.row->offset + segment.begin);
  part_ = {.slot = segment.slot, .size = segment.size};
  takes_crc_ = run_.crc_wanted[segment.slot];
}

void Carrier::close() {
  for (const uint64_t digest : digester_.finish()) run_.chunk_digests[next_chunk_++] = digest;
  run_.parts[next_part_++] = part_;
}

// Puts small contiguous slots from `slot` on into small_; gives the first that is not among them.
uint32_t Carrier::collect_small(const Piece& piece, uint32_t slot) {
  small_.clear();
  uint64_t total = 0;
  for (; slot < piece.last_slot && small_.size() < kSmallSlots; ++slot) {
    const Segment segment = segment_at(piece, slot);
    total += segment.source_size();
    if (!segment.contiguous || segment.source_size() > kSmallSlot || total > kBlock) break;
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
    const Storage& storage = *small->segment.storage;
    const uint64_t begin = small->source_begin();
    const uint64_t size = small->segment.source_size();
    if (reads.empty() || !reads.back().takes_in(storage, begin, size))
      reads.push_back({&storage, begin, begin, staged});
    reads.back().end = std::max(reads.back().end, begin + size);
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
  uint32_t source_crc = 0;
  open(segment);
  const bool once = checked && takes_crc_ && is_verbatim(segment);  // one CRC-32 serves for both
  if (once) takes_crc_ = false;
  for (uint64_t done = 0; done < segment.size;) {
    const MutableByteSpan target = target_room(segment, done);
    const ByteSpan source = source_at(segment, done, target, staged);
    if (checked) source_crc = crc32_update(source_crc, source);
    run(segment, {.source = source, .target = target});
    writer_.commit(target.size());
    done += target.size();
  }
  if (once) part_.crc32 = source_crc;
  close();
  if (checked)
    run_.check.add(segment.tensor->storage, segment.source_bytes(segment.begin),
                   segment.source_size(), source_crc);
}

// As much of the block as can be made from one block of the source.
MutableByteSpan Carrier::target_room(const Segment& segment, uint64_t done) {
  const uint64_t from_block = kBlock / segment.item * segment.target_item;
  return writer_.room(std::min(segment.size - done, from_block), segment.target_item);
}

// What `target` is made of: read into place, unless a cast needs room of its own.
ByteSpan Carrier::source_at(const Segment& segment, uint64_t done, MutableByteSpan target,
                            const uint8_t* staged) {
  const uint64_t offset = segment.source_bytes(done);
  const uint64_t size = segment.source_bytes(target.size());
  if (staged != nullptr) return {staged + offset, size};
  const MutableByteSpan place = segment.cast ? block_.take(size) : target;
  read(*segment.storage, segment.source_offset + offset, place);
  return place;
}

void Carrier::carry_strided(const Segment& segment) {
  const std::vector<GatherDim> dims = view_dims(segment);
  const StagingPlan plan = plan_staging(dims, segment.item, kStagingBytes);
  const uint64_t slabs = slab_count(dims, plan.cut);
  open(segment);
  for (uint64_t i = 0; i < slabs; ++i) {
    const Slab slab = slab_at(dims, plan.cut, i);
    const Staging staging = stage(slab.dims, segment.item, plan.spanned);
    const MutableByteSpan staged = staging_.take(staging.size());
    for (uint64_t j = 0; j < staging.reads; ++j)
      read(*segment.storage,
           segment.source_offset + slab.offset +
               gather_offset(j, staging.read_dims.data(), staging.read_dims.size()),
           staged.subspan(j * staging.read_size, staging.read_size));
    carry_slab(segment, staging.staged, staged);
  }
  close();
}

// In parts of a block, so that they are digested and written while in the cache.
void Carrier::carry_slab(const Segment& segment, std::span<const GatherDim> staged_dims,
                         ByteSpan staged) {
  const uint32_t wider = std::max(segment.item, segment.target_item);
  const SlabCut cut = cut_by_target(staged_dims, wider, kBlock);
  const uint64_t parts = slab_count(staged_dims, cut);
  for (uint64_t i = 0; i < parts; ++i) {
    const Slab part = slab_at(staged_dims, cut, i);
    const MutableByteSpan target = block_.take(element_count(part.dims) * segment.target_item);
    run(segment, {.source = staged.subspan(part.offset), .target = target, .dims = part.dims});
    writer_.append(target);
  }
}

// Completes the job and does it.
void Carrier::run(const Segment& segment, Job job) {
  job.item_size = segment.item;
  job.fixup = fixup_of(segment);
  if (segment.cast) {
    job.cast = &*segment.cast;
    job.statistics = &part_.cast;
  }
  worker_->run(job);
  account(job.target);
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

// In the order of the target.
void Carrier::account(ByteSpan written) {
  check_stop();
  digester_.update(written);
  if (takes_crc_) part_.crc32 = crc32_update(part_.crc32, written);
  unreported_ += written.size();
  if (unreported_ >= kProgressBytes) report_progress();
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
