// A checkpoint as every reader gives it: a value graph whose leaves are tensors, the table of
// these tensors, and what the reader noticed.
//
// Readers add to one Checkpoint, so that containers nest: a gzip holds a tar, the tar a torch zip,
// its pickle a byte string with another torch stream. Each gives the node that stands for what it
// read; the outermost one's is the root.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "formats/limits.h"
#include "formats/pickle/graph.h"
#include "formats/tensor.h"

namespace unbrine {

struct Checkpoint {
  explicit Checkpoint(const Limits& bounds) : limits(bounds), tensors(bounds) {}

  std::string format;  // "torch-zip", as in kCheckpointFormats[]; "gzip+torch-zip" in a wrapper
  Limits limits;
  Graph graph;
  NodeId root = kNoNode;
  TensorTable tensors;
  std::vector<std::shared_ptr<const Source>> files;  // all that were opened
  std::map<std::string, std::string> metadata;       // of a safetensors input
  std::vector<std::string> notes;                    // one sentence each, for the user

  // Second opinions on containers that may run beside the copy but must pass before a commit: they
  // throw Corrupt.
  std::vector<std::function<void()>> cross_checks;

  uint64_t inflated_bytes = 0;  // by all containers together: max_inflated_bytes bounds it
  unsigned depth = 0;           // of containers and streams that are open: max_nesting bounds it

  uint64_t input_bytes() const;  // of all files
  void check_unchanged() const;  // throws Io
  void cross_check() const;      // runs all
};

// What a format sees when it is asked whether some bytes are its own.
struct Probe {
  std::shared_ptr<const Source> source;
  ByteSpan head;  // the first bytes, up to 4096
  const Limits& limits;
};

// What a reader found.
struct Content {
  NodeId root;
  std::string format;
};

struct CheckpointFormat {
  std::string_view name;
  bool (*matches)(const Probe& probe);  // cheap; never throws
  Content (*read)(const Probe& probe, Checkpoint& checkpoint);
};

// Sniffs by content alone and reads into `checkpoint`: a file, a member of an archive, the bytes of
// a nested stream. Throws Corrupt (empty, truncated, or two formats fit), Unsupported (recognised
// but not a checkpoint that unbrine reads: named, with advice), Limit (nested too deep), and what
// the readers throw.
Content read_content(const std::shared_ptr<const Source>& source, Checkpoint& checkpoint);

// What remains once the outermost content is read: its node becomes the root.
void finish_checkpoint(Checkpoint& checkpoint, Content content);

// One file.
Checkpoint open_checkpoint(const std::shared_ptr<const Source>& source, const Limits& limits);

// A file, or a folder of shards. Throws Io as well.
Checkpoint open_checkpoint(const std::filesystem::path& path, const Limits& limits);

}  // namespace unbrine
