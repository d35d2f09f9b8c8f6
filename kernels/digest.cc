#include "kernels/digest.h"

#define XXH_INLINE_ALL  // so that all that touches a state comes from one version of xxHash
#include <xxhash.h>

#include <algorithm>
#include <utility>

#include "kernels/cpu_features.h"
#include "kernels/xxh3_implementations.h"

namespace unbrine {
namespace {

void update_portably(void* state, const uint8_t* bytes, size_t size) {
  XXH3_64bits_update(static_cast<XXH3_state_t*>(state), bytes, size);
}

// XXH3-64 of a byte string that arrives in pieces.
class Xxh3 {
 public:
  Xxh3() { reset(); }
  void reset() { XXH3_64bits_reset(&state_); }
  uint64_t digest() const { return XXH3_64bits_digest(&state_); }

  void update(ByteSpan piece) {
    static const Xxh3Implementation& fastest = fastest_supported(kXxh3Implementations);
    fastest.update(&state_, piece.data(), piece.size());
  }

 private:
  XXH3_state_t state_;
};

}  // namespace

const Xxh3Implementation kXxh3Portable = {"portable", [] { return true; }, update_portably};

uint64_t combine_chunk_digests(std::span<const uint64_t> chunks) {
  if (chunks.size() == 1) return chunks.front();
  Xxh3 list;
  for (const uint64_t chunk : chunks) {
    XXH64_canonical_t canonical;
    XXH64_canonicalFromHash(&canonical, chunk);
    list.update(canonical.digest);
  }
  return list.digest();
}

uint64_t digest_bytes(ByteSpan bytes) {
  ChunkDigester digester;
  digester.update(bytes);
  return combine_chunk_digests(digester.finish());
}

std::string digest_text(uint64_t digest) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text = "xxh3-256k:";
  for (int shift = 60; shift >= 0; shift -= 4) text += kDigits[digest >> shift & 15];
  return text;
}

struct ChunkDigester::State {
  Xxh3 chunk;
  uint64_t filled = 0;  // bytes of the open chunk
  std::vector<uint64_t> closed;

  void update(ByteSpan piece) {
    chunk.update(piece);
    filled += piece.size();
    if (filled == kDigestChunk) close();
  }

  void close() {
    closed.push_back(chunk.digest());
    chunk.reset();
    filled = 0;
  }
};

ChunkDigester::ChunkDigester() : state_(std::make_unique<State>()) {}
ChunkDigester::~ChunkDigester() = default;

void ChunkDigester::update(ByteSpan piece) {
  while (!piece.empty()) {
    const uint64_t taken = std::min<uint64_t>(piece.size(), kDigestChunk - state_->filled);
    state_->update(piece.first(taken));
    piece = piece.subspan(taken);
  }
}

std::vector<uint64_t> ChunkDigester::finish() {
  if (state_->filled != 0) state_->close();
  return std::exchange(state_->closed, {});
}

}  // namespace unbrine
