// Bytes that come in one after another and are wanted by position: kept in memory while they are
// few, in a temporary file without a name from then on. So memory stays flat however large a
// compressed checkpoint is, and nothing is left behind, whatever happens.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "formats/source.h"

namespace unbrine {

inline constexpr uint64_t kMostSpooledInMemory = 16 << 20;

class SpoolFile;

class Spool {
 public:
  Spool();
  ~Spool();

  // Throws Io if the folder for temporary files ($TMPDIR, else /var/tmp or /tmp) cannot be used or
  // is full.
  void write(ByteSpan bytes);

  uint64_t size() const { return size_; }

  // All that was written. The last call.
  std::shared_ptr<const Source> finish();

 private:
  std::vector<uint8_t> memory_;
  std::shared_ptr<SpoolFile> file_;  // once there were too many
  uint64_t size_ = 0;
};

}  // namespace unbrine
