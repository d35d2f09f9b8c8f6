// Reads back the manifest of a conversion (schema unbrine.manifest/1; manifest.cc writes it).
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "formats/dtype.h"
#include "formats/limits.h"
#include "formats/source.h"

namespace unbrine {

struct ManifestFile {
  std::string name;  // plain: no folders in it
  uint64_t size = 0;
  std::optional<uint64_t> tensors = {};             // in it; none: a file that is not tensors
  std::optional<uint64_t> digest = {};              // of the whole file; instead of `tensors`
  std::map<std::string, std::string> aliases = {};  // names not written -> the one in the file
  std::string sha256 = {};                          // 64 hex digits, or ""
};

struct ManifestTensor {
  std::string name;
  std::string file;  // one of the manifest's, with tensors
  uint64_t offset = 0;
  uint64_t size = 0;  // the bytes from `offset` on are in the file, as many as dtype and shape need
  DType dtype = DType::F32;  // as written
  std::vector<uint64_t> shape;
  std::string source = {};  // path in the checkpoint
  uint64_t digest = 0;
  std::string alias_of = {};
};

struct Manifest {
  std::string source_file;
  std::string source_format;
  std::string selected;  // path of the part of the checkpoint; "": the whole, or its weights
  std::vector<ManifestFile> files;
  std::vector<ManifestTensor> tensors;
  uint64_t excluded = 0;  // tensors that rules left out

  const ManifestFile* file(std::string_view name) const;  // nullptr: there is none
};

// After it file names are plain and unique, names of tensors are unique in their file, and each
// tensor lies inside its file. Throws Corrupt, naming the place, and Limit.
Manifest read_manifest(const Source& source, const Limits& limits);

// "xxh3-256k:" and 16 hex digits, as digest_text writes it. Throws Corrupt.
uint64_t parse_digest(std::string_view text);

// Whether `name` can be that of a file in a folder and leads nowhere else.
bool is_plain_file_name(std::string_view name);

}  // namespace unbrine
