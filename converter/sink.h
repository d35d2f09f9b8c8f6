// Where finished bytes go: a file to be, or something that only looks at them.
#pragma once

#include "formats/bytes.h"

namespace unbrine {

class Sink {
 public:
  virtual ~Sink() = default;
  // Thread-safe; ranges come in any order, each byte once, except that 4-byte CRC places are
  // written again. Bytes that never come are zero. Throws Io.
  virtual void write_at(uint64_t offset, ByteSpan bytes) = 0;
};

}  // namespace unbrine
