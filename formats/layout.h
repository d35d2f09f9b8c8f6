// What the output will be, decided before a weight is read: files, their own text and sizes, and
// where each tensor lies.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "formats/limits.h"
#include "formats/selection.h"

namespace unbrine {

struct Slot {
  uint32_t selected;  // index into Selection::tensors
  uint32_t file;      // index into Layout::files
  uint64_t offset;    // bytes, in the file
  uint64_t size;      // bytes, as written
};

struct LayoutText {
  uint64_t offset;  // in the file
  std::string bytes;
};

struct LayoutFile {
  std::string header;                  // the first bytes of the file, complete
  uint64_t size = 0;                   // of the whole file
  std::string name = {};               // "model.safetensors", "model-00001-of-00002.safetensors"
  std::vector<LayoutText> texts = {};  // what else is the writer's own, in order of offset
};

// Where the CRC-32 of a slot's bytes is written once it is known: 4 bytes, little endian.
struct CrcPlace {
  uint32_t slot;
  uint64_t offset;  // in the slot's file
};

// A selected tensor whose bytes are those of a slot that has another's name.
struct SharedSlot {
  uint32_t selected;
  uint32_t slot;
};

// Slots are in order of file and offset. Slots, headers and texts do not overlap; what none of them
// covers is zero.
struct Layout {
  std::vector<LayoutFile> files;
  std::vector<Slot> slots;
  std::vector<CrcPlace> crc_places = {};  // in the order of slots; lie in texts or headers
  std::vector<SharedSlot> shared = {};    // writers that store equal views once
  std::vector<std::string> notes = {};    // one sentence each, for the user
  uint64_t align = 1;                     // every slot begins at a multiple of so many bytes
};

struct WriteOptions {
  Limits limits = {};
  uint64_t max_shard_size = 0;  // bytes of tensors in one file; 0: all in one
  uint64_t align = 4096;        // bytes, of each tensor in a blob; a power of two
};

// A small file beside the large ones.
struct SideFile {
  std::string name;
  std::string text;
};

struct WriterFormat {
  std::string_view name;  // as in --to
  std::span<const std::string_view>
      suffixes;        // of output files, with the dot; the first by default
  bool keeps_objects;  // writes the whole object in one file, not groups of weights
  Layout (*layout)(const Selection& selection, const WriteOptions& options);
  // Files that describe what was written; `digests` are texts ("xxh3-256k:..."), one per slot.
  // nullptr: there are none.
  std::vector<SideFile> (*side_files)(const Layout& layout, const Selection& selection,
                                      std::span<const std::string> digests);
};

std::span<const WriterFormat> writer_formats();
const WriterFormat& default_writer();                       // safetensors
const WriterFormat* writer_by_name(std::string_view name);  // nullptr: there is none

}  // namespace unbrine
