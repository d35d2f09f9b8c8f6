// The tensors of an output, where they lie in its files: as a manifest or an index lists them, or
// as the files themselves do.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "converter/manifest_reader.h"
#include "converter/run_layout.h"
#include "formats/checkpoint.h"
#include "formats/selection.h"

namespace unbrine {

struct WrittenTensorRow {
  std::string file;
  std::string name;
  std::string source = {};  // path in the checkpoint; "": not known
  uint64_t digest = 0;      // of the bytes as they are
  bool is_there = true;     // false: the file is missing or too short; then there is no digest
  bool is_listed = true;    // false: a manifest knows nothing of it
};

// Not copyable: the selection refers to the table.
struct WrittenTensors {
  WrittenTensors() = default;
  WrittenTensors(const WrittenTensors&) = delete;
  WrittenTensors& operator=(const WrittenTensors&) = delete;

  std::unique_ptr<const Checkpoint> checkpoint;  // if the files were asked
  std::unique_ptr<TensorTable> own_table;        // if a manifest was
  Selection selection;                           // tensor i is that of rows[i]
  std::vector<WrittenTensorRow> rows;
  std::map<std::string, std::string> aliases;  // names not written -> the one that is
};

using SourcesByName = std::map<std::string, std::shared_ptr<const Source>, std::less<>>;

// Fills in the digests of the files' bytes. Rows in files that are missing, or that reach beyond
// the end of theirs, are not there.
void list_by_manifest(WrittenTensors& tensors, const Manifest& manifest,
                      const SourcesByName& sources, const RunOptions& run);

// Tensors of a .pt that have no bytes of their own there, as the scale of a quantised one: their
// numbers stand in the pickle, and its manifest does not list them.
void add_unlisted(WrittenTensors& tensors, const Checkpoint& checkpoint, const std::string& file,
                  const RunOptions& run);

// All tensors of a checkpoint: names as `whole_object` or the weights have them.
void list_by_checkpoint(WrittenTensors& tensors, std::unique_ptr<const Checkpoint> checkpoint,
                        const std::string& file, bool whole_object, const RunOptions& run);

}  // namespace unbrine
