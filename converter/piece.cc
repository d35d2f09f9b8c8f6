#include "converter/piece.h"

#include <algorithm>

#include "kernels/digest.h"

namespace unbrine {
namespace {

static_assert(kPieceBytes % kDigestChunk == 0);

// Collects stretches of slots in order and closes a piece whenever it has become large enough.
class Cutter {
 public:
  void start_file(uint32_t file, uint32_t first_slot) {
    close();
    open_ = {.file = file,
             .with_header = true,
             .first_slot = first_slot,
             .last_slot = first_slot,
             .first_chunk = chunks_};
    is_open_ = true;
  }

  void add(uint32_t file, uint32_t slot, uint64_t begin, uint64_t end) {
    if (!is_open_)
      open_ = {.file = file, .first_slot = slot, .begin = begin, .first_chunk = chunks_};
    is_open_ = true;
    open_.last_slot = slot + 1;
    open_.end = end;
    chunks_ += chunk_count(end - begin);
    bytes_ += end - begin;
    if (bytes_ >= kPieceBytes) close();
  }

  void close() {
    if (is_open_) pieces_.push_back(open_);
    is_open_ = false;
    bytes_ = 0;
  }

  std::vector<Piece> take() { return std::move(pieces_); }
  uint64_t chunks() const { return chunks_; }

 private:
  std::vector<Piece> pieces_;
  Piece open_;
  bool is_open_ = false;
  uint64_t bytes_ = 0;
  uint64_t chunks_ = 0;
};

// A row-major slot may be shared by workers; a strided one is carried by slabs, which are not cut
// where chunks are.
void add_slot(Cutter& cutter, uint32_t index, const Slot& slot, bool may_be_cut) {
  const uint64_t step = may_be_cut ? kPieceBytes : std::max<uint64_t>(slot.size, 1);
  uint64_t begin = 0;
  do {
    const uint64_t end = begin + std::min(step, slot.size - begin);
    cutter.add(slot.file, index, begin, end);
    begin = end;
  } while (begin < slot.size);
}

std::vector<CheckPiece> cut_checks(const TensorTable& table, const StorageCheck& check) {
  std::vector<CheckPiece> pieces;
  for (const uint32_t storage : check.left_over()) {
    const uint64_t size = table.storages()[storage].size;
    uint64_t begin = 0;
    do {
      pieces.push_back({storage, begin, std::min(kPieceBytes, size - begin)});
      begin += pieces.back().size;
    } while (begin < size);
  }
  return pieces;
}

}  // namespace

uint64_t chunk_count(uint64_t size) { return size / kDigestChunk + (size % kDigestChunk != 0); }

Pieces cut_into_pieces(const Layout& layout, const Selection& selection,
                       const StorageCheck& check) {
  Cutter cutter;
  uint32_t slot = 0;
  for (uint32_t file = 0; file < layout.files.size(); ++file) {
    cutter.start_file(file, slot);
    for (; slot < layout.slots.size() && layout.slots[slot].file == file; ++slot) {
      const Slot& row = layout.slots[slot];
      add_slot(cutter, slot, row, is_contiguous(selection.tensor(selection.tensors[row.selected])));
    }
  }
  cutter.close();
  return {cutter.take(), cut_checks(*selection.table, check), cutter.chunks()};
}

}  // namespace unbrine
