#include "converter/run_layout.h"

#include <exception>
#include <mutex>
#include <system_error>
#include <thread>

#include "converter/carrier.h"
#include "kernels/crc32.h"

namespace unbrine {
namespace {

// Takes pieces until there are no more, on as many threads as are wanted and can be had.
class Crew {
 public:
  Crew(Run& run, const Pieces& pieces) : run_(run), pieces_(pieces) {}

  void work(unsigned workers) {
    {
      std::vector<std::jthread> others;
      try {
        while (others.size() + 1 < workers) others.emplace_back([this] { take_pieces_guarded(); });
      } catch (const std::system_error&) {
        // Fewer threads than wanted: slower, and the same result.
      }
      take_pieces_guarded();
    }
    if (failure_) std::rethrow_exception(failure_);
  }

 private:
  // The first failure is kept; it makes the others stop.
  void take_pieces_guarded() {
    try {
      take_pieces();
    } catch (...) {
      const std::scoped_lock lock(mutex_);
      if (!failure_) failure_ = std::current_exception();
      run_.abandoned = true;
    }
  }

  void take_pieces() {
    Carrier carrier(run_);
    const size_t carried = pieces_.carried.size();
    const size_t total = carried + pieces_.checked.size();
    for (size_t i = next_++; i < total; i = next_++) {
      if (i < carried)
        carrier.carry(pieces_.carried[i]);
      else
        carrier.check(pieces_.checked[i - carried]);
    }
    carrier.finish();
  }

  Run& run_;
  const Pieces& pieces_;
  std::atomic<size_t> next_ = 0;
  std::mutex mutex_;
  std::exception_ptr failure_;  // guarded by mutex_ while threads run
};

std::vector<bool> crc_wanted(const Layout& layout) {
  std::vector<bool> wanted(layout.slots.size());
  for (const CrcPlace& place : layout.crc_places) wanted[place.slot] = true;
  return wanted;
}

// Chunks and parts are in the order of the slots.
std::vector<SlotResult> join_results(const Layout& layout, std::span<const uint64_t> chunks,
                                     std::span<const PartResult> parts) {
  std::vector<SlotResult> results(layout.slots.size());
  for (size_t i = 0; i < results.size(); ++i) {
    const uint64_t count = chunk_count(layout.slots[i].size);
    results[i].digest = combine_chunk_digests(chunks.first(count));
    chunks = chunks.subspan(count);
  }
  for (const PartResult& part : parts) {
    SlotResult& result = results[part.slot];
    result.crc32 = crc32_combine(result.crc32, part.crc32, part.size);
    result.cast.add(part.cast);
  }
  return results;
}

void write_crcs(const Layout& layout, std::span<Sink* const> sinks,
                const std::vector<SlotResult>& results) {
  for (const CrcPlace& place : layout.crc_places) {
    const uint32_t crc = results[place.slot].crc32;
    const uint8_t bytes[] = {static_cast<uint8_t>(crc), static_cast<uint8_t>(crc >> 8),
                             static_cast<uint8_t>(crc >> 16), static_cast<uint8_t>(crc >> 24)};
    Sink* const sink = sinks[layout.slots[place.slot].file];
    if (sink != nullptr) sink->write_at(place.offset, bytes);
  }
}

}  // namespace

std::vector<SlotResult> run_layout(const Layout& layout, const Selection& selection,
                                   std::span<Sink* const> sinks, const RunOptions& options) {
  StorageCheck check(layout, selection);
  const Pieces pieces = cut_into_pieces(layout, selection, check);
  const std::vector<bool> wanted = crc_wanted(layout);
  std::vector<uint64_t> chunk_digests(pieces.chunks);
  std::vector<PartResult> parts(pieces.parts);
  Run run{layout, selection, sinks, options, check, wanted, chunk_digests, parts};
  Crew(run, pieces).work(options.workers);
  std::vector<SlotResult> results = join_results(layout, chunk_digests, parts);
  write_crcs(layout, sinks, results);
  return results;
}

}  // namespace unbrine
