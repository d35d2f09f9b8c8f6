// A row-major tensor put together from blocks that lie in other sources:
//
//     shape [3, 4], two blocks          read_at(byte 2, 4 bytes) of 1-byte elements
//       a a a b                           a a [a b
//       a a a b                           a a] a b
//       a a a b                           takes "a" of the first row from one source, "b" from the
//                                         other, and "a a" of the second row from the first again
#pragma once

#include <memory>
#include <vector>

#include "formats/source.h"

namespace unbrine {

struct MosaicBlock {
  std::shared_ptr<const Source> source;
  uint64_t offset = 0;          // bytes, of its first element in the source; row-major from there
  std::vector<uint64_t> first;  // where its first element goes
  std::vector<uint64_t> sizes;  // in elements
};

class MosaicSource : public Source {
 public:
  // Throws Corrupt unless each element of the shape is in exactly one block and each block in its
  // source; Unsupported for blocks that are cut along very many dimensions.
  MosaicSource(const std::vector<uint64_t>& shape, uint32_t item_size,
               const std::vector<MosaicBlock>& blocks);
  uint64_t size() const override { return size_; }

 private:
  struct Dim {
    uint64_t count;
    uint64_t stride;  // bytes, in the whole
  };
  // A block as runs of bytes: one behind the other in its source, spread over the whole.
  struct Runs {
    std::shared_ptr<const Source> source;
    uint64_t offset;        // bytes, in the source
    uint64_t begin;         // of the first run, in the whole
    uint64_t end;           // of the last run, in the whole
    uint64_t run;           // bytes of each
    uint64_t count;         // of runs
    std::vector<Dim> dims;  // outermost first

    uint64_t start_of(uint64_t index) const;  // of a run, in the whole
  };

  // What a read wants of one run: `size` bytes at `source`, for `target` of the bytes to fill.
  struct Piece {
    uint64_t source;
    uint64_t target;
    uint64_t size;
  };

  static Runs runs_of(const MosaicBlock& block, const std::vector<uint64_t>& shape,
                      uint32_t item_size);
  static void copy(const Runs& runs, uint64_t begin, MutableByteSpan target);
  static Piece piece_of(const Runs& runs, uint64_t index, uint64_t begin, uint64_t end);
  static void copy_run(const Runs& runs, uint64_t index, uint64_t begin, MutableByteSpan target);
  static void copy_batch(const Runs& runs, uint64_t first, uint64_t count, uint64_t begin,
                         MutableByteSpan target);
  void read_range(uint64_t offset, MutableByteSpan target) const override;

  uint64_t size_ = 0;
  std::vector<Runs> blocks_;     // by begin
  std::vector<uint64_t> reach_;  // largest end of this and all blocks before
};

}  // namespace unbrine
