// Reads an untrusted buffer from front to back. Every call moves past what it returns or throws
// Corrupt; none touches a byte beyond the end. Offsets in messages count from `first_offset`, the
// place of the buffer in its file.
#pragma once

#include <cstring>
#include <type_traits>

#include "formats/bytes.h"
#include "formats/error.h"

namespace unbrine {

class ByteReader {
 public:
  explicit ByteReader(ByteSpan bytes, uint64_t first_offset = 0)
      : bytes_(bytes), first_offset_(first_offset) {}

  uint64_t offset() const { return first_offset_ + position_; }
  uint64_t remaining() const { return bytes_.size() - position_; }

  ByteSpan read_bytes(uint64_t count) {
    if (count > remaining())  // not position_ + count: that sum can wrap
      fail(ErrorCode::Corrupt, "byte ", offset(), ": needs ", count, " bytes, has ", remaining());
    const ByteSpan taken = bytes_.subspan(position_, count);
    position_ += count;
    return taken;
  }

  void skip(uint64_t count) { read_bytes(count); }

  // Little endian, as all containers here store their numbers.
  template <class Number>
  Number read() {
    static_assert(std::is_integral_v<Number>);
    Number number;
    std::memcpy(&number, read_bytes(sizeof number).data(), sizeof number);
    return number;
  }

 private:
  ByteSpan bytes_;
  uint64_t first_offset_;
  uint64_t position_ = 0;
};

}  // namespace unbrine
