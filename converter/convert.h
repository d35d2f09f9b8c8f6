// The story: one checkpoint in, one file out.
#pragma once

#include <atomic>
#include <filesystem>
#include <functional>

#include "converter/select.h"
#include "formats/layout.h"
#include "formats/limits.h"

namespace unbrine {

struct ConvertOptions {
  Rules rules;
  Limits limits;
  bool overwrite = false;
  unsigned workers = 1;  // threads that move bytes; the result does not depend on it
  // Called with target bytes written and the total, from any worker.
  std::function<void(uint64_t done, uint64_t total)> progress;
  const std::atomic<bool>* stop = nullptr;  // set it to interrupt
};

struct WrittenTensor {
  std::string name;
  DType source_dtype;
  std::string_view dtype;  // as the output names it
  std::vector<uint64_t> shape;
  uint64_t offset;  // bytes, in the file
  uint64_t size;    // bytes
  uint64_t digest;
};

struct ConvertReport {
  std::filesystem::path input;
  std::string input_format;
  uint64_t input_bytes = 0;
  std::filesystem::path output;
  uint64_t output_bytes = 0;
  std::string root;                    // path of the part that was written; "" for the whole object
  std::vector<WrittenTensor> tensors;  // in the order of the file
  std::vector<Omission> left_out;
  std::vector<std::string> notes;
};

// Writes the part of `input` that the rules select as a safetensors file. `output` appears whole or
// not at all. Throws Error, or Interrupted if `stop` was set.
ConvertReport convert(const std::filesystem::path& input, const std::filesystem::path& output,
                      const ConvertOptions& options);

// The manifest of a conversion, as JSON: schema unbrine.manifest/1.
std::string manifest_json(const ConvertReport& report);

}  // namespace unbrine
