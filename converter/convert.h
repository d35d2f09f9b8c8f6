// The story: one checkpoint in, one output out, a file or a folder.
#pragma once

#include <atomic>
#include <filesystem>
#include <functional>
#include <optional>

#include "converter/inspect.h"
#include "converter/select.h"
#include "formats/layout.h"
#include "formats/limits.h"
#include "kernels/backend.h"

namespace unbrine {

struct ConvertOptions {
  Rules rules;
  OnOverflow on_overflow = OnOverflow::Error;
  const WriterFormat* writer = &default_writer();
  WriteOptions write;      // its limits bound the reading too
  bool as_folder = false;  // the output is a folder with the whole tree
  bool overwrite = false;
  bool verify = false;     // read back and compare before the output gets its name
  bool hash_name = false;  // -<8 hex digits of SHA-256> behind the stem of the output's name
  bool sha256 = false;     // a SHA256SUMS file beside what is written
  std::vector<std::filesystem::path> carried;  // files copied into the output folder
  std::filesystem::path manifest;              // where to write the manifest too; empty: nowhere
  unsigned workers = 1;  // threads that move bytes; the result does not depend on it
  // Called with target bytes written and the total, from any worker.
  std::function<void(uint64_t done, uint64_t total)> progress;
  const std::atomic<bool>* stop = nullptr;  // set it to interrupt
};

struct WrittenTensor {
  std::string name;
  std::string file;    // name of the file
  std::string source;  // the path below the root of the checkpoint
  DType source_dtype;
  DType written_dtype;
  std::string_view dtype;  // as the output names it
  std::vector<uint64_t> shape;
  uint64_t offset;  // bytes, in the file
  uint64_t size;    // bytes
  uint64_t digest;
  std::string alias_of;  // an earlier name in the same file with the same view, or ""
  std::optional<CastStatistics> cast;
};

struct WrittenFile {
  std::string name;
  uint64_t size;
  uint64_t tensors = 0;
  std::string digest = {};  // of files that hold no tensors; "" otherwise
  std::string sha256 = {};  // if asked for
  // Names that stand for another one with the same view, and are not written: name -> kept name.
  std::map<std::string, std::string> aliases = {};
};

struct ConvertReport {
  std::filesystem::path input;
  std::string input_format;
  uint64_t input_bytes = 0;
  std::filesystem::path output;  // the file or folder; of shards the first
  std::string root;              // path of the part that was written; "" for the whole object
  std::vector<WrittenFile> files;
  std::vector<WrittenTensor> tensors;  // in the order of the files
  std::vector<Omission> left_out;
  uint64_t excluded = 0;
  std::vector<NamedGlobal> globals;  // all that the pickle names, sorted
  std::vector<std::string> notes;
  std::vector<std::string> warnings;
};

// Writes the part of `input` that the rules select. `output` appears whole or not at all. Throws
// Error, or Interrupted if `stop` was set.
ConvertReport convert(const std::filesystem::path& input, const std::filesystem::path& output,
                      const ConvertOptions& options);

// What convert would write, and whether there is room for it; nothing is written.
struct ConvertPlan {
  ConvertReport report;  // without digests
  uint64_t bytes_needed = 0;
  uint64_t bytes_free = 0;  // where the output would go
};
ConvertPlan plan_conversion(const std::filesystem::path& input, const std::filesystem::path& output,
                            const ConvertOptions& options);

// Schemas unbrine.manifest/1 and unbrine.plan/1.
std::string manifest_json(const ConvertReport& report);
std::string plan_json(const ConvertPlan& plan);

}  // namespace unbrine
