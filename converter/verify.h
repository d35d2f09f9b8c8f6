// Holds an output against what is known of it: the digests that were recorded when it was written,
// and, if asked, the checkpoint it was made from.
#pragma once

#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "converter/compare.h"
#include "converter/rules.h"
#include "converter/run_layout.h"
#include "formats/layout.h"

namespace unbrine {

struct VerifyOptions {
  Rules rules;  // those of the conversion: names and parts as they were chosen then
  Limits limits;
  std::filesystem::path manifest;      // empty: manifest.json of a folder, the index of a blob
  std::filesystem::path against;       // the checkpoint; empty: digests alone
  std::optional<Tolerance> tolerance;  // for tensors that are not equal to those of the checkpoint
  unsigned workers = 1;
  const std::atomic<bool>* stop = nullptr;
};

struct VerifyFinding {
  std::string file;  // name in the output
  std::string name;  // of the tensor; "": it concerns the whole file
  std::string what;
  bool malformed = false;  // broken, not merely another
};

struct VerifyReport {
  std::filesystem::path output;
  std::filesystem::path against;
  uint64_t tensors = 0;      // of the output, that were looked at
  uint64_t bytes = 0;        // of these
  uint64_t cast = 0;         // of them equal to a cast of the checkpoint's tensor
  uint64_t tolerated = 0;    // of them equal within the tolerance only
  bool has_digests = false;  // recorded ones, that the bytes were held against
  bool has_state = false;    // a state.json, that was read
  std::vector<VerifyFinding> differences;
  std::vector<std::string> notes;

  bool agrees() const { return differences.empty(); }
  bool malformed() const;
};

// Reads nothing but `output`, the manifest and the checkpoint. What is wrong with the output is in
// the report. Throws Usage (nothing is known of the output), Io, and for a damaged manifest or
// checkpoint what their readers throw.
VerifyReport verify(const std::filesystem::path& output, const VerifyOptions& options);

// Schema unbrine.verify/1.
std::string verify_json(const VerifyReport& report);

// Reads back, from the disk where the system allows it, what run_layout has written as file number
// `file` of `layout` to `path`. Throws Io, naming the tensor, if it is not that.
void verify_written(const std::filesystem::path& path, const Layout& layout, uint32_t file,
                    const Selection& selection, std::span<const SlotResult> results,
                    const std::atomic<bool>* stop = nullptr);

}  // namespace unbrine
