// One worker of a run: carries pieces from their source through the backend to their place, and
// takes digests and CRC-32s while the bytes are in its cache.
#pragma once

#include <atomic>
#include <exception>
#include <memory>
#include <vector>

#include "converter/block_writer.h"
#include "converter/piece.h"
#include "converter/run_layout.h"
#include "kernels/digest.h"

namespace unbrine {

// What all workers of a run share.
struct Run {
  const Layout& layout;
  const Selection& selection;
  std::span<OutputFile* const> outputs;
  const RunOptions& options;
  StorageCheck& check;
  std::vector<uint64_t>& chunk_digests;  // each written by the one worker that has its piece
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
  // Bytes [begin, begin + size) of a slot.
  struct Segment {
    uint32_t slot;
    const Slot* row;
    const Tensor* tensor;
    const Storage* storage;
    uint64_t begin;
    uint64_t size;
    uint64_t source_offset;  // of `begin` in the storage, if the tensor is contiguous
    bool contiguous;
  };
  struct SmallSegment {
    Segment segment;
    uint64_t staged_at = 0;  // bytes, in staging_
    uint64_t source_begin() const { return segment.storage->offset + segment.source_offset; }
  };

  Segment segment_of(const Piece& piece, uint32_t slot) const;
  void move_to(const Segment& segment);

  uint32_t collect_small(const Piece& piece, uint32_t slot);
  void carry_small();
  MutableByteSpan stage_small();
  void carry_large(const Segment& segment);
  void carry_contiguous(const Segment& segment, const uint8_t* staged);
  void carry_strided(const Segment& segment);
  void carry_slab(const Segment& segment, std::span<const GatherDim> staged_dims, ByteSpan staged);

  void read(const Storage& storage, uint64_t offset, MutableByteSpan target);
  void account(ByteSpan written);
  void close_digests();
  void report_progress();
  void check_stop() const;

  Run& run_;
  std::unique_ptr<Worker> worker_;
  BlockWriter writer_;
  ChunkDigester digester_;
  uint64_t next_chunk_ = 0;
  uint64_t unreported_ = 0;
  ScratchBuffer staging_;            // source bytes of strided and small tensors
  ScratchBuffer block_;              // target bytes of part of a slab; bytes read for their CRC-32
  std::vector<SmallSegment> small_;  // of one batch, in the order of the target
};

}  // namespace unbrine
