// Reading a whole source a block at a time, for what looks at every byte of a file once.
#pragma once

#include <algorithm>
#include <atomic>
#include <vector>

#include "converter/run_layout.h"
#include "formats/source.h"
#include "kernels/digest.h"

namespace unbrine {

// Calls `visit` with each block's offset and bytes, in order. Throws Io if the source changes
// meanwhile, and Interrupted if `stop` is set.
template <class Visit>
void for_each_block(const Source& source, const std::atomic<bool>* stop, Visit visit) {
  constexpr uint64_t kBlock = kDigestChunk;
  std::vector<uint8_t> block(std::min(kBlock, source.size()));
  for (uint64_t done = 0; done < source.size();) {
    if (stop != nullptr && stop->load()) throw Interrupted();
    const MutableByteSpan part(block.data(), std::min(kBlock, source.size() - done));
    source.read_at(done, part);
    visit(done, ByteSpan(part));
    done += part.size();
  }
  source.check_unchanged();
}

}  // namespace unbrine
