// What the output will be, decided before a weight is read: files, their headers and sizes, and
// where each tensor lies.
#pragma once

#include <string>
#include <vector>

#include "formats/limits.h"
#include "formats/selection.h"

namespace unbrine {

struct Slot {
  uint32_t selected;  // index into Selection::tensors
  uint32_t file;      // index into Layout::files
  uint64_t offset;    // bytes, in the file
  uint64_t size;      // bytes
};

struct LayoutFile {
  std::string header;  // the first bytes of the file, complete
  uint64_t size = 0;   // of the whole file
};

// Slots are in order of file and offset, do not overlap, and with the headers cover the files.
struct Layout {
  std::vector<LayoutFile> files;
  std::vector<Slot> slots;
};

struct WriterFormat {
  std::string_view name;    // as in --to
  std::string_view suffix;  // of output files, with the dot
  Layout (*layout)(const Selection& selection, const Limits& limits);
};

const WriterFormat& default_writer();  // safetensors

}  // namespace unbrine
