// The work of a run, cut into pieces that workers may take in any order. Where the cuts are follows
// from the layout alone, and so do all results.
#pragma once

#include <vector>

#include "converter/storage_check.h"
#include "formats/layout.h"

namespace unbrine {

// About as many target bytes make a piece. Slots that are cut are cut at multiples of it, and it is
// a multiple of the digest's chunk.
inline constexpr uint64_t kPieceBytes = uint64_t{4} << 20;

// A range of one file: slots [first_slot, last_slot), the first of them from `begin` on, the last
// of them up to `end`, and the texts between them.
struct Piece {
  uint32_t file = 0;
  uint64_t offset = 0;       // bytes, in the file: where the piece starts
  bool with_header = false;  // of the file, before all else
  uint32_t first_slot = 0;
  uint32_t last_slot = 0;
  uint64_t begin = 0;       // bytes, in the first slot
  uint64_t end = 0;         // bytes, in the last slot
  uint64_t first_text = 0;  // of the file's
  uint64_t last_text = 0;
  uint64_t first_chunk = 0;  // where the digests go, in the list of all chunks of all slots
  uint64_t first_part = 0;   // where the rest of the results goes, in the list of all parts
};

// Bytes of a storage that are read for nothing but their CRC-32.
struct CheckPiece {
  uint32_t storage;
  uint64_t begin;
  uint64_t size;
};

struct Pieces {
  std::vector<Piece> carried;
  std::vector<CheckPiece> checked;
  uint64_t chunks = 0;  // of the digests of all slots
  uint64_t parts = 0;   // of all slots; a slot that is not cut is one
};

Pieces cut_into_pieces(const Layout& layout, const Selection& selection, const StorageCheck& check);

uint64_t chunk_count(uint64_t size);

}  // namespace unbrine
