#include "converter/run_layout.h"

#include <exception>
#include <mutex>
#include <system_error>
#include <thread>

#include "converter/carrier.h"

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

std::vector<uint64_t> slot_digests(const Layout& layout, std::span<const uint64_t> chunks) {
  std::vector<uint64_t> digests;
  digests.reserve(layout.slots.size());
  for (const Slot& slot : layout.slots) {
    const uint64_t count = chunk_count(slot.size);
    digests.push_back(combine_chunk_digests(chunks.first(count)));
    chunks = chunks.subspan(count);
  }
  return digests;
}

}  // namespace

std::vector<uint64_t> run_layout(const Layout& layout, const Selection& selection,
                                 std::span<OutputFile* const> outputs, const RunOptions& options) {
  StorageCheck check(layout, selection);
  const Pieces pieces = cut_into_pieces(layout, selection, check);
  std::vector<uint64_t> chunk_digests(pieces.chunks);
  Run run{layout, selection, outputs, options, check, chunk_digests};
  Crew(run, pieces).work(options.workers);
  return slot_digests(layout, chunk_digests);
}

}  // namespace unbrine
