// Writes a pickle of protocol 2, opcode by opcode, with the opcodes that torch's weights_only
// unpickler knows: no LONG4, no POP, no strings of protocol 1. The decoder is its inverse.
//
//   PickleEncoder pickle;
//   pickle.op(Op::EmptyList); pickle.integer(7); pickle.op(Op::Append);
//   pickle.finish();   // 80 02 5d 4b 07 61 2e
//
// Values that come again are stored in the memo by put() and fetched by get(). Names of globals and
// the writer's own words are memoised here, by their text.
#pragma once

#include <iterator>
#include <map>
#include <string>
#include <string_view>

#include "formats/bytes.h"
#include "formats/pickle/opcodes.h"

namespace unbrine {

// What makes a tuple of the values on the stack: Tuple, after a Mark, for more than three.
inline Op tuple_op(size_t count) {
  constexpr Op kShort[] = {Op::EmptyTuple, Op::Tuple1, Op::Tuple2, Op::Tuple3};
  return count < std::size(kShort) ? kShort[count] : Op::Tuple;
}

class PickleEncoder {
 public:
  PickleEncoder();

  void op(Op opcode) { bytes_ += static_cast<char>(opcode); }
  void boolean(bool value) { op(value ? Op::NewTrue : Op::NewFalse); }
  void integer(int64_t value);
  void count(uint64_t value);  // an int that may need all 64 bits
  // Decimal digits, with '-' before them or not. False, and nothing is written, for an int that
  // LONG1 cannot hold (more than 255 bytes).
  [[nodiscard]] bool big_integer(std::string_view decimal);
  void real(double value);
  void text(std::string_view utf8);  // surrogates as they are; throws Unsupported beyond 4 GiB
  void word(std::string_view utf8);  // the same, memoised by the text
  void latin1(ByteSpan bytes);       // the text with one code point for each byte
  void bytes(ByteSpan bytes);        // _codecs.encode(latin1, 'latin1'), as Python does
  void byte_array(ByteSpan bytes);   // bytearray(latin1, 'latin-1')
  void global(std::string_view module, std::string_view name);

  uint32_t put();  // the top of the stack; gives its place in the memo
  void get(uint32_t place);

  std::string finish();  // STOP, and all that was written

 private:
  void append_place(uint32_t place);
  template <class Write>
  void memoised(const std::string& key, Write write);

  std::string bytes_;
  uint32_t next_place_ = 0;
  std::map<std::string, uint32_t, std::less<>> words_;  // "w" + text, "g" + module + "\n" + name
};

}  // namespace unbrine
