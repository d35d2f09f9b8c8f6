// One worker of a run: carries pieces from their source through the backend to their place, and
// takes digests and CRC-32s while the bytes are in its cache.
#pragma once

#include <atomic>
#include <exception>
#include <memory>
#include <vector>

#include "converter/block_writer.h"
#include "converter/run_layout.h"
#include "converter/segment.h"
#include "kernels/digest.h"

namespace unbrine {

// What became of the part of a slot that lies in one piece.
struct PartResult {
  uint32_t slot = 0;
  uint64_t size = 0;  // bytes, as written
  uint32_t crc32 = 0;
  CastStatistics cast = {};
};

// What all workers of a run share. Results are each written by the one worker that has the piece.
struct Run {
  const Layout& layout;
  const Selection& selection;
  std::span<Sink* const> sinks;
  const RunOptions& options;
  StorageCheck& check;
  const std::vector<bool>& crc_wanted;  // by slot: of the bytes as written
  std::vector<uint64_t>& chunk_digests;
  std::vector<PartResult>& parts;
  std::atomic<uint64_t> bytes_done = 0;
  std::atomic<bool> abandoned = false;  // another worker failed
};

// Memory that is reused and never shrinks; its contents do not survive take().
class ScratchBuffer {
 public:
  MutableByteSpan take(uint64_t size) {
    if (size > size_) {
      bytes_.reset();  // before the next: never both
      bytes_ = std::make_unique_for_overwrite<uint8_t[]>(size);
      size_ = size;
    }
    return {bytes_.get(), size};
  }

 private:
  std::unique_ptr<uint8_t[]> bytes_;
  uint64_t size_ = 0;
};

class Carrier {
 public:
  explicit Carrier(Run& run) : run_(run), worker_(run.options.backend->worker()) {}

  void carry(const Piece& piece);
  void check(const CheckPiece& piece);
  void finish();  // writes what is still gathered

 private:
  struct SmallSegment {
    Segment segment;
    uint64_t staged_at = 0;  // bytes, in staging_
    uint64_t source_begin() const { return segment.storage->offset + segment.source_offset; }
  };

  Segment segment_at(const Piece& piece, uint32_t slot) const;
  void start(const Piece& piece);
  void write_texts(uint64_t limit);
  void open(const Segment& segment);
  void close();

  uint32_t collect_small(const Piece& piece, uint32_t slot);
  void carry_small();
  MutableByteSpan stage_small();
  void carry_large(const Segment& segment);
  void carry_contiguous(const Segment& segment, const uint8_t* staged);
  MutableByteSpan target_room(const Segment& segment, uint64_t done);
  ByteSpan source_at(const Segment& segment, uint64_t done, MutableByteSpan target,
                     const uint8_t* staged);
  void carry_strided(const Segment& segment);
  void carry_slab(const Segment& segment, std::span<const GatherDim> staged_dims, ByteSpan staged);

  void run(const Segment& segment, Job job);
  void read(const Storage& storage, uint64_t offset, MutableByteSpan target);
  void account(ByteSpan written);
  void report_progress();
  void check_stop() const;

  Run& run_;
  std::unique_ptr<Worker> worker_;
  BlockWriter writer_;
  ChunkDigester digester_;
  uint64_t next_chunk_ = 0;
  uint64_t next_part_ = 0;
  PartResult part_;                    // of the open segment
  bool takes_crc_ = false;             // of what is written to the open segment
  std::span<const LayoutText> texts_;  // of the piece, that are still to be written
  uint64_t unreported_ = 0;
  ScratchBuffer staging_;  // source bytes of strided and small tensors
  // Target bytes of part of a slab; source bytes of part of a cast, or read for their CRC-32.
  ScratchBuffer block_;
  std::vector<SmallSegment> small_;  // of one batch, in the order of the target
};

}  // namespace unbrine
