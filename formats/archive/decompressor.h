// The compressors that whole checkpoints come wrapped in, one row each, unpacked step by step:
//
//   gzip    1f 8b 08 flags...                  members may follow each other, then zero bytes
//   bzip2   "BZh" level, 31 41 59 26 53 59     streams may follow each other
//   xz      fd "7zXZ" 00...                    streams and zeros in fours may follow each other
//   lzma    5d, dictionary size, length        the format before xz, without any checksum
//   zlib    78 01, 78 5e, 78 9c or 78 da       one stream
#pragma once

#include <cstddef>
#include <memory>

#include "formats/bytes.h"

namespace unbrine {

// One stream of one compressor, from its first byte to its checksum.
class Decompressor {
 public:
  struct Step {
    size_t taken;  // bytes of the input
    size_t given;  // bytes of the output
    bool ended;    // the stream is whole and its checksum fits
  };

  Decompressor() = default;
  Decompressor(const Decompressor&) = delete;
  Decompressor& operator=(const Decompressor&) = delete;
  virtual ~Decompressor() = default;

  // Unpacks as much as goes. `is_last`: no input follows this. Neither bytes taken nor given means
  // that the stream is cut off. Throws Corrupt (damaged), Unsupported, Limit (memory).
  virtual Step step(ByteSpan input, MutableByteSpan output, bool is_last) = 0;
};

struct Codec {
  std::string_view name;
  bool (*matches)(ByteSpan head);  // of a stream; never throws
  std::unique_ptr<Decompressor> (*open)();
  bool repeats;      // a stream may follow the last: their bytes are joined
  uint64_t padding;  // zero bytes behind a stream come in multiples of this; 0: there are none
};

// The codec that a file which begins with `head` is packed with; nullptr: none.
const Codec* find_codec(ByteSpan head);

}  // namespace unbrine
