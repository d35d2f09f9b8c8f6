// Proves that each storage holds what its archive recorded: collects the CRC-32 of its parts, which
// may be computed in any order and by any thread, and compares once all are there.
#pragma once

#include <mutex>
#include <unordered_map>
#include <vector>

#include "formats/layout.h"

namespace unbrine {

class StorageCheck {
 public:
  // Takes in every storage that a slot of `layout` reads, itself or through one that is made of it,
  // and that records a CRC-32.
  StorageCheck(const Layout& layout, const Selection& selection);

  // Whether this slot's bytes are its storage, whole and in order, and the CRC-32 is to be taken
  // from them. True for at most one slot of a storage.
  bool taken_from(uint32_t slot) const;

  // Storages to check that no slot reads in this way.
  std::vector<uint32_t> left_over() const;

  // The CRC-32 of `size` bytes at `begin` of the storage. Each byte must be told once. Thread-safe.
  // Throws Corrupt if the storage is complete and its CRC-32 is wrong.
  void add(uint32_t storage, uint64_t begin, uint64_t size, uint32_t crc);

 private:
  struct Part {
    uint64_t begin;
    uint64_t size;
    uint32_t crc;
  };
  struct Progress {
    uint64_t size = 0;
    std::vector<Part> parts;
  };
  // A slot that reads the storage: the one its CRC-32 is taken from, if there is one.
  struct Reader {
    uint32_t slot = kNone;
    bool whole = false;
  };
  static constexpr uint32_t kNone = UINT32_MAX;

  void take_in(uint32_t slot);
  void take_in_parts(uint32_t slot, const Storage& storage);
  const Tensor& tensor_of(uint32_t slot) const;
  void compare(uint32_t storage, uint32_t crc) const;

  const Layout& layout_;
  const Selection& selection_;
  std::vector<Reader> readers_;  // by storage; kNone: none
  std::mutex mutex_;
  std::unordered_map<uint32_t, Progress> open_;  // guarded by mutex_
};

}  // namespace unbrine
