// How fast a block of a checkpoint is summed, by every implementation that this machine can run,
// beside memcpy of the same bytes. /256KiB: the block stays in the second cache, as in a
// conversion. /256MiB: one such block after another from memory.
#include <benchmark/benchmark.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "kernels/crc32.h"
#include "kernels/crc32_implementations.h"
#include "kernels/digest.h"
#include "kernels/xxh3_implementations.h"

namespace unbrine {
namespace {

constexpr size_t kBlock = kDigestChunk;
constexpr size_t kFromMemory = 256 << 20;

ByteSpan source_bytes() {
  static const std::vector<uint8_t> bytes(kFromMemory, 0x5a);
  return bytes;
}

// Calls `sum` for every block.
template <class Sum>
void over_blocks(benchmark::State& state, size_t size, Sum sum) {
  const ByteSpan bytes = source_bytes().first(size);
  for (auto _ : state)
    for (size_t i = 0; i < bytes.size(); i += kBlock) sum(bytes.subspan(i, kBlock));
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(size));
}

void copy(benchmark::State& state, size_t size) {
  std::vector<uint8_t> target(kBlock);
  over_blocks(state, size, [&](ByteSpan block) {
    std::memcpy(target.data(), block.data(), block.size());
    benchmark::DoNotOptimize(target.data());
    benchmark::ClobberMemory();
  });
}

void xxh3(benchmark::State& state, size_t size, const Xxh3Implementation& row) {
  if (!row.supported()) return state.SkipWithError("this CPU cannot run it");
  XXH3_state_t sum;
  over_blocks(state, size, [&](ByteSpan block) {
    XXH3_64bits_reset(&sum);
    row.update(&sum, block.data(), block.size());
    benchmark::DoNotOptimize(XXH3_64bits_digest(&sum));
  });
}

void crc32(benchmark::State& state, size_t size, const Crc32Implementation& row) {
  if (!row.supported()) return state.SkipWithError("this CPU cannot run it");
  over_blocks(state, size, [&](ByteSpan block) {
    benchmark::DoNotOptimize(row.update(0, block.data(), block.size()));
  });
}

// What a conversion does with each block.
void crc32_and_digest(benchmark::State& state, size_t size) {
  over_blocks(state, size, [&](ByteSpan block) {
    benchmark::DoNotOptimize(crc32_update(0, block));
    benchmark::DoNotOptimize(digest_bytes(block));
  });
}

// At both sizes.
template <class Function, class... Arguments>
void add(const std::string& name, Function function, const Arguments&... arguments) {
  const auto add_size = [&](const std::string& suffix, size_t size) {
    benchmark::RegisterBenchmark((name + suffix).c_str(), [=, &arguments...](auto& state) {
      function(state, size, arguments...);
    });
  };
  add_size("/256KiB", kBlock);
  add_size("/256MiB", kFromMemory);
}

void add_all() {
  using std::string_literals::operator""s;
  add("memcpy", copy);
  for (const Xxh3Implementation* row : kXxh3Implementations) add("xxh3/"s + row->name, xxh3, *row);
  for (const Crc32Implementation* row : kCrc32Implementations)
    add("crc32/"s + row->name, crc32, *row);
  add("crc32_and_digest", crc32_and_digest);
}

}  // namespace
}  // namespace unbrine

int main(int argc, char** argv) {
  unbrine::add_all();
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
}
