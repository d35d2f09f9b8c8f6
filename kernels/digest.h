// The digest of a byte string: XXH3-64 (seed 0) of each 256 KiB chunk; if there is more than one
// chunk, XXH3-64 over the list of chunk digests in canonical (big-endian) form. The same for any
// number of threads, checkable with `split -b 262144` and `xxhsum -H3`.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "formats/bytes.h"

namespace unbrine {

inline constexpr uint64_t kDigestChunk = 256 << 10;

// Digest from the chunk digests, of all chunks in order (none for no bytes).
uint64_t combine_chunk_digests(std::span<const uint64_t> chunks);

uint64_t digest_bytes(ByteSpan bytes);

// "xxh3-256k:" and 16 hex digits.
std::string digest_text(uint64_t digest);

// Digests of the chunks of a run of bytes that starts at a chunk boundary and arrives in pieces.
class ChunkDigester {
 public:
  ChunkDigester();
  ~ChunkDigester();
  ChunkDigester(const ChunkDigester&) = delete;
  ChunkDigester& operator=(const ChunkDigester&) = delete;
  void update(ByteSpan piece);
  // Closes the last chunk if it has bytes, gives all digests, and starts anew.
  std::vector<uint64_t> finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace unbrine
