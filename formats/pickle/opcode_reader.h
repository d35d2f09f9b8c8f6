// Cuts the bytes of a pickle into opcodes. The source is seen through a sliding window; every
// length is held against the bytes that are left before anything is read or allocated.
#pragma once

#include <string>
#include <vector>

#include "formats/error.h"
#include "formats/limits.h"
#include "formats/pickle/opcodes.h"
#include "formats/source.h"

namespace unbrine {

// Byte strings longer than this are not read: they stay in the source.
inline constexpr uint64_t kLongestPooledBytes = 64 << 10;

struct Opcode {
  Op op = Op::Stop;
  bool is_external = false;     // the payload was not read: it is `argument` bytes there:
  uint64_t payload_offset = 0;  // in the source
  uint64_t offset = 0;          // of the opcode byte, in the source
  uint64_t argument = 0;        // a number: sign-extended, or the bits of the double
  ByteSpan bytes;               // payload, or line without its newline; until the next call
  ByteSpan second_line;         // of GLOBAL and INST
};

// "byte 4127 (BINGET)", as errors about an opcode begin.
std::string where(const Opcode& opcode);

template <class... Parts>
[[noreturn, gnu::cold, gnu::noinline]] void fail_at(const Opcode& opcode, ErrorCode code,
                                                    const Parts&... parts) {
  fail(code, where(opcode), ": ", parts...);
}

[[noreturn, gnu::cold]] void fail_limit_at(const Opcode& opcode, std::string_view what,
                                           uint64_t demand, std::string_view name, uint64_t bound);

class OpcodeReader {
 public:
  OpcodeReader(const Source& source, uint64_t offset, const Limits& limits);

  // The next opcode; the reference holds until the next call. Throws Corrupt at the end of the
  // source, for a byte that is no opcode, for a length that passes the end, and where opcode and
  // frames disagree (FRAME inside a frame, an opcode that crosses its frame's end, a frame that
  // passes the end of the source or goes on after STOP); Limit for a long line, str or int.
  const Opcode& next();

  uint64_t offset() const { return window_offset_ + position_; }  // of the next opcode

  // Continues at `offset`, past bytes that are no opcodes. Throws Corrupt if it lies before the
  // next opcode, behind the end, or if a frame is open.
  void go_to(uint64_t offset);

 private:
  uint64_t left() const { return source_size_ - offset(); }
  uint64_t held() const { return window_.size() - position_; }
  const uint8_t* at(uint64_t index) const { return window_.data() + position_ + index; }

  void begin();
  uint64_t read_argument(Argument kind);

  void require(uint64_t size);
  void slide(uint64_t size);
  void move_to(uint64_t offset);

  // Each gives the size of the whole opcode. `width` is that of the number after its byte.
  uint64_t read_number(int width);
  uint64_t read_signed();
  uint64_t read_double();
  uint64_t read_integer(int width, uint64_t count);
  uint64_t read_text(int width, uint64_t count);
  uint64_t read_bytes(int width, uint64_t count);
  uint64_t read_payload(int width, uint64_t count);
  uint64_t read_line();
  uint64_t read_two_lines();

  uint64_t read_length(int width);
  uint64_t read_signed_length();
  uint64_t find_newline(uint64_t begin);
  void check_length(int width, uint64_t count) const;
  void check_text(uint64_t size) const;

  void check_frame(uint64_t end);
  void open_frame(uint64_t begin);

  static constexpr uint64_t kNoFrame = UINT64_MAX;

  const Source& source_;
  const Limits& limits_;
  uint64_t source_size_;
  uint64_t window_offset_;  // of window_, in the source
  uint64_t position_ = 0;   // of the current opcode, in window_
  std::vector<uint8_t> window_;
  uint64_t frame_end_ = kNoFrame;
  Opcode opcode_;
};

}  // namespace unbrine
