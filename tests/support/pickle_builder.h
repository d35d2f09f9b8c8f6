// Writes pickles opcode by opcode, so that a test shows the bytes it means and nothing hides in a
// file. Nothing is checked: a broken pickle is written as readily as a sound one.
//
//   PickleBuilder().protocol(2).empty_list().integer(7).append().stop().bytes()
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

namespace unbrine {

class PickleBuilder {
 public:
  // --- Any bytes ---
  PickleBuilder& raw(std::string_view bytes);
  PickleBuilder& raw(std::initializer_list<uint8_t> bytes);
  PickleBuilder& raw(const std::vector<uint8_t>& bytes);
  PickleBuilder& raw(const PickleBuilder& other) { return raw(other.bytes_); }

  // --- The machine ---
  PickleBuilder& protocol(uint8_t version);
  PickleBuilder& frame(uint64_t size);
  PickleBuilder& stop() { return op('.'); }
  PickleBuilder& mark() { return op('('); }
  PickleBuilder& pop() { return op('0'); }
  PickleBuilder& pop_mark() { return op('1'); }
  PickleBuilder& dup() { return op('2'); }

  // --- Plain values ---
  PickleBuilder& none() { return op('N'); }
  PickleBuilder& newtrue() { return op('\x88'); }
  PickleBuilder& newfalse() { return op('\x89'); }
  PickleBuilder& binint(int32_t value);
  PickleBuilder& binint1(uint8_t value);
  PickleBuilder& binint2(uint16_t value);
  PickleBuilder& long1(std::string_view twos_complement);
  PickleBuilder& long4(std::string_view twos_complement);
  PickleBuilder& binfloat(double value);
  PickleBuilder& integer(int64_t value);  // by the shortest binary opcode

  // --- Strings and bytes ---
  PickleBuilder& binstring(std::string_view bytes);
  PickleBuilder& short_binstring(std::string_view bytes);
  PickleBuilder& binunicode(std::string_view utf8);
  PickleBuilder& short_binunicode(std::string_view utf8);
  PickleBuilder& binunicode8(std::string_view utf8);
  PickleBuilder& binbytes(std::string_view bytes);
  PickleBuilder& short_binbytes(std::string_view bytes);
  PickleBuilder& binbytes8(std::string_view bytes);
  PickleBuilder& bytearray8(std::string_view bytes);
  PickleBuilder& string(std::string_view utf8) { return binunicode(utf8); }

  // --- Text opcodes: the line as it stands, without its newline ---
  PickleBuilder& int_line(std::string_view line) { return text('I', line); }
  PickleBuilder& long_line(std::string_view line) { return text('L', line); }
  PickleBuilder& float_line(std::string_view line) { return text('F', line); }
  PickleBuilder& string_line(std::string_view line) { return text('S', line); }
  PickleBuilder& unicode_line(std::string_view line) { return text('V', line); }
  PickleBuilder& persid(std::string_view line) { return text('P', line); }
  PickleBuilder& get(std::string_view line) { return text('g', line); }
  PickleBuilder& put(std::string_view line) { return text('p', line); }

  // --- Memo ---
  PickleBuilder& binget(uint8_t slot);
  PickleBuilder& long_binget(uint32_t slot);
  PickleBuilder& binput(uint8_t slot);
  PickleBuilder& long_binput(uint32_t slot);
  PickleBuilder& memoize() { return op('\x94'); }

  // --- Containers ---
  PickleBuilder& empty_tuple() { return op(')'); }
  PickleBuilder& tuple() { return op('t'); }
  PickleBuilder& tuple1() { return op('\x85'); }
  PickleBuilder& tuple2() { return op('\x86'); }
  PickleBuilder& tuple3() { return op('\x87'); }
  PickleBuilder& empty_list() { return op(']'); }
  PickleBuilder& list() { return op('l'); }
  PickleBuilder& append() { return op('a'); }
  PickleBuilder& appends() { return op('e'); }
  PickleBuilder& empty_dict() { return op('}'); }
  PickleBuilder& dict() { return op('d'); }
  PickleBuilder& setitem() { return op('s'); }
  PickleBuilder& setitems() { return op('u'); }
  PickleBuilder& empty_set() { return op('\x8f'); }
  PickleBuilder& additems() { return op('\x90'); }
  PickleBuilder& frozenset() { return op('\x91'); }

  // --- Names, calls, ids ---
  PickleBuilder& global(std::string_view module, std::string_view name);
  PickleBuilder& stack_global() { return op('\x93'); }
  PickleBuilder& reduce() { return op('R'); }
  PickleBuilder& build() { return op('b'); }
  PickleBuilder& inst(std::string_view module, std::string_view name);
  PickleBuilder& obj() { return op('o'); }
  PickleBuilder& newobj() { return op('\x81'); }
  PickleBuilder& newobj_ex() { return op('\x92'); }
  PickleBuilder& binpersid() { return op('Q'); }
  PickleBuilder& ext1(uint8_t code);
  PickleBuilder& ext2(uint16_t code);
  PickleBuilder& ext4(int32_t code);
  PickleBuilder& next_buffer() { return op('\x97'); }
  PickleBuilder& readonly_buffer() { return op('\x98'); }

  // --- What torch.save writes (all leave one value on the stack) ---
  PickleBuilder& int_tuple(const std::vector<int64_t>& values);
  // ('storage', torch.<storage_class>, key, 'cpu', numel), as a persistent id.
  PickleBuilder& storage(std::string_view storage_class, std::string_view key, int64_t numel);
  // torch._utils._rebuild_tensor_v2(storage, offset, sizes, strides, False, OrderedDict()).
  PickleBuilder& tensor_v2(std::string_view storage_class, std::string_view key, int64_t numel,
                           int64_t offset, const std::vector<int64_t>& sizes,
                           const std::vector<int64_t>& strides);
  PickleBuilder& ordered_dict();  // collections.OrderedDict(), empty

  const std::vector<uint8_t>& bytes() const { return bytes_; }
  uint64_t size() const { return bytes_.size(); }

 private:
  PickleBuilder& op(char opcode);
  PickleBuilder& text(char opcode, std::string_view line);
  PickleBuilder& little_endian(uint64_t value, int width);
  PickleBuilder& counted(char opcode, int width, std::string_view payload);

  std::vector<uint8_t> bytes_;
};

}  // namespace unbrine
