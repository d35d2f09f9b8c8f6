// Gathers consecutive target bytes into blocks that end at multiples of the block size in the file,
// and writes each with one call: the system then places it in one large page.
#pragma once

#include <memory>

#include "converter/sink.h"

namespace unbrine {

class BlockWriter {
 public:
  BlockWriter();

  // What follows goes to `offset` of `sink`; null: nowhere. Writes out what was gathered, unless it
  // ends there.
  void move_to(Sink* sink, uint64_t block_size, uint64_t offset);

  // The same further on in the same file, where nothing lies in between: zeros fill a short gap.
  void advance_to(uint64_t offset);

  // Where the next bytes may be put, before commit() takes them: up to the end of the block, or
  // beyond it by less than an item so that they are whole items; at most `wanted`, itself whole
  // items. item_size is at most 16.
  MutableByteSpan room(uint64_t wanted, uint32_t item_size);
  void commit(uint64_t size);

  // The same for bytes that lie elsewhere.
  void append(ByteSpan bytes);

  void flush();

 private:
  uint64_t to_block_end() const;
  void write(uint64_t size);

  std::unique_ptr<uint8_t[]> buffer_;
  Sink* sink_ = nullptr;
  uint64_t block_size_ = 0;
  uint64_t offset_ = 0;  // of the first gathered byte, in the file
  uint64_t filled_ = 0;
};

// Blocks beyond 256 KiB fall out of the second cache. In large files 64 KiB are quicker: 256 KiB
// ask the system for large runs of free memory, which it may have to fetch from its host.
uint64_t block_size_for(uint64_t file_size);

}  // namespace unbrine
