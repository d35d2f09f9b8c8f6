#include "kernels/digest.h"

#include <xxhash.h>

#include <algorithm>
#include <new>
#include <utility>

namespace unbrine {
namespace {

struct FreeState {
  void operator()(XXH3_state_t* state) const { XXH3_freeState(state); }
};
using StatePointer = std::unique_ptr<XXH3_state_t, FreeState>;

StatePointer new_state() {
  StatePointer state(XXH3_createState());
  if (state == nullptr) throw std::bad_alloc();
  XXH3_64bits_reset(state.get());
  return state;
}

}  // namespace

uint64_t combine_chunk_digests(std::span<const uint64_t> chunks) {
  if (chunks.empty()) return XXH3_64bits(nullptr, 0);
  if (chunks.size() == 1) return chunks.front();
  const StatePointer state = new_state();
  for (const uint64_t chunk : chunks) {
    XXH64_canonical_t canonical;
    XXH64_canonicalFromHash(&canonical, chunk);
    XXH3_64bits_update(state.get(), canonical.digest, sizeof canonical.digest);
  }
  return XXH3_64bits_digest(state.get());
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
  StatePointer chunk = new_state();
  uint64_t filled = 0;  // bytes of the open chunk
  std::vector<uint64_t> closed;

  void update(ByteSpan piece) {
    XXH3_64bits_update(chunk.get(), piece.data(), piece.size());
    filled += piece.size();
    if (filled == kDigestChunk) close();
  }

  void close() {
    closed.push_back(XXH3_64bits_digest(chunk.get()));
    XXH3_64bits_reset(chunk.get());
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
