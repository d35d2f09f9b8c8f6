#include "converter/piece.h"

#include <algorithm>

#include "kernels/digest.h"

namespace unbrine {
namespace {

static_assert(kPieceBytes % kDigestChunk == 0);

// Collects stretches of slots, and the texts between them, in order, and closes a piece whenever it
// has become large enough.
class Cutter {
 public:
  void start_file(uint32_t file, uint32_t first_slot) {
    close();
    file_ = file;
    text_ = 0;
    open(first_slot, 0, 0);
    open_.with_header = true;
  }

  // `next_slot` is the first that lies behind it.
  void add_text(const LayoutText& text, uint32_t next_slot) {
    open(next_slot, 0, text.offset);
    open_.last_text = ++text_;
  }

  void add(uint32_t index, const Slot& slot, uint64_t begin, uint64_t end) {
    open(index, begin, slot.offset + begin);
    open_.last_slot = index + 1;
    open_.end = end;
    chunks_ += chunk_count(end - begin);
    ++parts_;
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
  uint64_t parts() const { return parts_; }

 private:
  // Unless a piece is open already.
  void open(uint32_t slot, uint64_t begin, uint64_t offset) {
    if (is_open_) return;
    open_ = {.file = file_,
             .offset = offset,
             .first_slot = slot,
             .last_slot = slot,
             .begin = begin,
             .first_text = text_,
             .last_text = text_,
             .first_chunk = chunks_,
             .first_part = parts_};
    is_open_ = true;
  }

  std::vector<Piece> pieces_;
  Piece open_;
  bool is_open_ = false;
  uint32_t file_ = 0;
  uint64_t text_ = 0;   // the next of the file
  uint64_t bytes_ = 0;  // of slots, in the open piece
  uint64_t chunks_ = 0;
  uint64_t parts_ = 0;
};

// A row-major slot may be shared by workers; a strided one is carried by slabs, which are not cut
// where chunks are.
void add_slot(Cutter& cutter, uint32_t index, const Slot& slot, bool may_be_cut) {
  const uint64_t step = may_be_cut ? kPieceBytes : std::max<uint64_t>(slot.size, 1);
  uint64_t begin = 0;
  do {
    const uint64_t end = begin + std::min(step, slot.size - begin);
    cutter.add(index, slot, begin, end);
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
    std::span<const LayoutText> texts = layout.files[file].texts;
    const auto add_texts = [&](uint64_t limit) {
      for (; !texts.empty() && texts.front().offset < limit; texts = texts.subspan(1))
        cutter.add_text(texts.front(), slot);
    };
    cutter.start_file(file, slot);
    for (; slot < layout.slots.size() && layout.slots[slot].file == file; ++slot) {
      const Slot& row = layout.slots[slot];
      add_texts(row.offset);
      add_slot(cutter, slot, row, is_contiguous(selection.tensor(selection.tensors[row.selected])));
    }
    add_texts(UINT64_MAX);
  }
  cutter.close();
  return {cutter.take(), cut_checks(*selection.table, check), cutter.chunks(), cutter.parts()};
}

}  // namespace unbrine
