// The large and plain part: every offset is known, so workers carry pieces from the source through
// the backend to their final place, in any order.
#pragma once

#include <atomic>
#include <functional>
#include <vector>

#include "converter/output_file.h"
#include "formats/layout.h"
#include "kernels/backend.h"

namespace unbrine {

struct RunOptions {
  const Backend* backend = nullptr;  // required
  unsigned workers = 1;              // threads; the result does not depend on it
  // Called now and then, from any worker, with target bytes written so far.
  std::function<void(uint64_t bytes_done)> progress;
  // Set by a signal handler: the run stops with Interrupted at the next piece.
  const std::atomic<bool>* stop = nullptr;
};

// Thrown when RunOptions::stop was set. Not an Error: nothing is wrong.
struct Interrupted {};

// Writes headers and all slots; outputs[i] is layout.files[i]. Every storage that a slot reads and
// that records a CRC-32 is read whole and checked. Returns the digest (DESIGN: XXH3-64 by 256 KiB
// chunks) of each slot's bytes, in slot order. Memory does not grow with the tensors. Throws
// Corrupt (CRC, naming storage and tensor), Io, Interrupted.
std::vector<uint64_t> run_layout(const Layout& layout, const Selection& selection,
                                 std::span<OutputFile* const> outputs, const RunOptions& options);

}  // namespace unbrine
