// The index beside a blob, NAME.blob.json (schema unbrine.blob/1), one line of JSON:
//
//     {"schema":"unbrine.blob/1","file":"model.blob","size":4096,"align":4096,
//      "metadata":{"format":"pt"},
//      "tensors":[{"name":"w","dtype":"F32","shape":[2],"offset":0,"size":8,
//                  "digest":"xxh3-256k:51eb5f1a7f3fb0ca"}]}
#pragma once

#include <map>
#include <string>
#include <vector>

#include "formats/dtype.h"
#include "formats/limits.h"
#include "formats/source.h"

namespace unbrine {

inline constexpr std::string_view kBlobSchema = "unbrine.blob/1";
inline constexpr std::string_view kBlobSuffix = ".blob";
inline constexpr std::string_view kBlobIndexSuffix = ".blob.json";

struct BlobEntry {
  std::string name;
  DType dtype;
  std::vector<uint64_t> shape;
  uint64_t offset;     // bytes, in the blob
  uint64_t size;       // bytes
  std::string digest;  // "xxh3-256k:" and 16 digits
};

struct BlobIndex {
  std::string file;  // a plain name
  uint64_t size;     // bytes of the blob
  uint64_t align;
  std::map<std::string, std::string> metadata;
  std::vector<BlobEntry> tensors;
};

// After it names are unique, each tensor has the bytes that its shape and dtype ask for, begins at
// a multiple of the alignment, lies inside the blob and overlaps no other. What lies between them
// is nobody's. Throws Corrupt, Limit, or Unsupported (another version, a dtype that is not known).
BlobIndex read_blob_index(const Source& source, const Limits& limits);

bool is_blob_alignment(uint64_t align);  // a power of two

}  // namespace unbrine
