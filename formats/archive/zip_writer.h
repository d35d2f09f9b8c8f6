// Lays out a zip of stored entries: some whole texts, others slots whose bytes and CRC-32 come
// later. Every entry's data begins at a multiple of the alignment, by an extra field "FB" filled
// with 'Z' as torch writes it. There are no times in it (1980-01-01) and no data descriptors;
// zip64 records stand only where a size, an offset or the number of entries needs them.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "formats/layout.h"

namespace unbrine {

class ZipWriter {
 public:
  explicit ZipWriter(uint64_t align) : align_(align) {}  // a power of two, at most 32768

  // Names are plain ASCII paths, each used once.
  void add_text(std::string name, std::string_view content);
  // An entry that is a slot of the layout; gives the offset of its data. Throws Limit when the file
  // would not fit 64 bits.
  uint64_t add_slot(std::string name, uint64_t size, uint32_t slot);

  // Adds the directory and ends the file. `places` gets two for each slot that is not empty.
  LayoutFile finish(std::vector<CrcPlace>& places);

 private:
  struct Entry {
    std::string name;
    uint64_t local_offset;
    uint64_t size;
    uint32_t crc32;  // 0 for a slot
    std::optional<uint32_t> slot;
  };

  uint64_t end() const { return text_offset_ + text_.size(); }
  void add_local_header(const Entry& entry);
  void add_central_header(const Entry& entry);
  void add_end(uint64_t directory_offset);
  void close_text();

  uint64_t align_;
  std::vector<Entry> entries_;
  LayoutFile file_;
  uint64_t text_offset_ = 0;  // of text_ in the file
  std::string text_;          // since the last slot
};

}  // namespace unbrine
