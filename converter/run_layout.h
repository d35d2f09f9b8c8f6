// The large and plain part: every offset is known, so workers carry pieces from the source through
// the backend to their final place, in any order.
#pragma once

#include <atomic>
#include <functional>
#include <vector>

#include "converter/sink.h"
#include "formats/layout.h"
#include "kernels/backend.h"

namespace unbrine {

struct RunOptions {
  const Backend* backend = nullptr;   // required
  unsigned workers = 1;               // threads; the result does not depend on it
  Overflow overflow = Overflow::Inf;  // of casts
  // Called now and then, from any worker, with target bytes written so far.
  std::function<void(uint64_t bytes_done)> progress;
  // Set by a signal handler: the run stops with Interrupted at the next piece.
  const std::atomic<bool>* stop = nullptr;
};

// Thrown when RunOptions::stop was set. Not an Error: nothing is wrong.
struct Interrupted {};

struct SlotResult {
  uint64_t digest = 0;  // of the bytes as written (DESIGN: XXH3-64 by 256 KiB chunks)
  uint32_t crc32 = 0;   // of the same, if the layout has a place for it
  CastStatistics cast;  // of tensors that are cast
};

// Writes headers, texts, all slots and the CRC places; sinks[i] takes layout.files[i], and may be
// null: then the bytes go no further than into results. Every storage that a slot reads and that
// records a CRC-32 is read whole and checked. Results are in slot order. Memory does not grow with
// the tensors. Throws Corrupt (CRC, naming storage and tensor), Io, Interrupted.
std::vector<SlotResult> run_layout(const Layout& layout, const Selection& selection,
                                   std::span<Sink* const> sinks, const RunOptions& options);

}  // namespace unbrine
