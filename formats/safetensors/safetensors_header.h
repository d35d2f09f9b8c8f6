// The header of a safetensors file, parsed and held against the size of the file.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "formats/dtype.h"
#include "formats/limits.h"
#include "formats/source.h"

namespace unbrine {

struct SafetensorsEntry {
  std::string name;
  DType dtype;
  std::vector<uint64_t> shape;
  uint64_t begin;  // bytes, from the end of the header
  uint64_t end;
};

struct SafetensorsHeader {
  std::vector<SafetensorsEntry> tensors;  // in the order of the header
  std::map<std::string, std::string> metadata;
  uint64_t data_offset;  // of the first tensor byte, in the file
};

// After it names are unique, each tensor has the bytes that its shape and dtype ask for, and the
// tensors cover the rest of the file without gap or overlap. Throws Corrupt, Limit, Unsupported.
SafetensorsHeader read_safetensors_header(const std::shared_ptr<const Source>& source,
                                          const Limits& limits);

}  // namespace unbrine
