#include "tests/support/pickle_builder.h"

#include <bit>

namespace unbrine {

PickleBuilder& PickleBuilder::raw(std::string_view bytes) {
  bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
  return *this;
}

PickleBuilder& PickleBuilder::raw(std::initializer_list<uint8_t> bytes) {
  bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
  return *this;
}

PickleBuilder& PickleBuilder::raw(const std::vector<uint8_t>& bytes) {
  const std::vector<uint8_t> copy = bytes;  // may be our own
  bytes_.insert(bytes_.end(), copy.begin(), copy.end());
  return *this;
}

PickleBuilder& PickleBuilder::op(char opcode) {
  bytes_.push_back(static_cast<uint8_t>(opcode));
  return *this;
}

PickleBuilder& PickleBuilder::text(char opcode, std::string_view line) {
  return op(opcode).raw(line).raw("\n");
}

PickleBuilder& PickleBuilder::little_endian(uint64_t value, int width) {
  for (int byte = 0; byte < width; ++byte)
    bytes_.push_back(static_cast<uint8_t>(value >> 8 * byte));
  return *this;
}

PickleBuilder& PickleBuilder::counted(char opcode, int width, std::string_view payload) {
  return op(opcode).little_endian(payload.size(), width).raw(payload);
}

PickleBuilder& PickleBuilder::protocol(uint8_t version) { return op('\x80').raw({version}); }
PickleBuilder& PickleBuilder::frame(uint64_t size) { return op('\x95').little_endian(size, 8); }

PickleBuilder& PickleBuilder::binint(int32_t value) {
  return op('J').little_endian(static_cast<uint32_t>(value), 4);
}
PickleBuilder& PickleBuilder::binint1(uint8_t value) { return op('K').raw({value}); }
PickleBuilder& PickleBuilder::binint2(uint16_t value) { return op('M').little_endian(value, 2); }
PickleBuilder& PickleBuilder::long1(std::string_view twos_complement) {
  return counted('\x8a', 1, twos_complement);
}
PickleBuilder& PickleBuilder::long4(std::string_view twos_complement) {
  return counted('\x8b', 4, twos_complement);
}

PickleBuilder& PickleBuilder::binfloat(double value) {
  return op('G').little_endian(__builtin_bswap64(std::bit_cast<uint64_t>(value)), 8);
}

PickleBuilder& PickleBuilder::integer(int64_t value) {
  if (value >= 0 && value <= UINT8_MAX) return binint1(static_cast<uint8_t>(value));
  if (value >= 0 && value <= UINT16_MAX) return binint2(static_cast<uint16_t>(value));
  if (value >= INT32_MIN && value <= INT32_MAX) return binint(static_cast<int32_t>(value));
  return op('\x8a').raw({8}).little_endian(static_cast<uint64_t>(value), 8);
}

PickleBuilder& PickleBuilder::binstring(std::string_view bytes) { return counted('T', 4, bytes); }
PickleBuilder& PickleBuilder::short_binstring(std::string_view bytes) {
  return counted('U', 1, bytes);
}
PickleBuilder& PickleBuilder::binunicode(std::string_view utf8) { return counted('X', 4, utf8); }
PickleBuilder& PickleBuilder::short_binunicode(std::string_view utf8) {
  return counted('\x8c', 1, utf8);
}
PickleBuilder& PickleBuilder::binunicode8(std::string_view utf8) {
  return counted('\x8d', 8, utf8);
}
PickleBuilder& PickleBuilder::binbytes(std::string_view bytes) { return counted('B', 4, bytes); }
PickleBuilder& PickleBuilder::short_binbytes(std::string_view bytes) {
  return counted('C', 1, bytes);
}
PickleBuilder& PickleBuilder::binbytes8(std::string_view bytes) {
  return counted('\x8e', 8, bytes);
}
PickleBuilder& PickleBuilder::bytearray8(std::string_view bytes) {
  return counted('\x96', 8, bytes);
}

PickleBuilder& PickleBuilder::binget(uint8_t slot) { return op('h').raw({slot}); }
PickleBuilder& PickleBuilder::long_binget(uint32_t slot) { return op('j').little_endian(slot, 4); }
PickleBuilder& PickleBuilder::binput(uint8_t slot) { return op('q').raw({slot}); }
PickleBuilder& PickleBuilder::long_binput(uint32_t slot) { return op('r').little_endian(slot, 4); }

PickleBuilder& PickleBuilder::global(std::string_view module, std::string_view name) {
  return text('c', module).raw(name).raw("\n");
}
PickleBuilder& PickleBuilder::inst(std::string_view module, std::string_view name) {
  return text('i', module).raw(name).raw("\n");
}
PickleBuilder& PickleBuilder::ext1(uint8_t code) { return op('\x82').raw({code}); }
PickleBuilder& PickleBuilder::ext2(uint16_t code) { return op('\x83').little_endian(code, 2); }
PickleBuilder& PickleBuilder::ext4(int32_t code) {
  return op('\x84').little_endian(static_cast<uint32_t>(code), 4);
}

PickleBuilder& PickleBuilder::int_tuple(const std::vector<int64_t>& values) {
  mark();
  for (const int64_t value : values) integer(value);
  return tuple();
}

PickleBuilder& PickleBuilder::storage(std::string_view storage_class, std::string_view key,
                                      int64_t numel) {
  mark().string("storage").global("torch", storage_class).string(key).string("cpu").integer(numel);
  return tuple().binpersid();
}

PickleBuilder& PickleBuilder::tensor_v2(std::string_view storage_class, std::string_view key,
                                        int64_t numel, int64_t offset,
                                        const std::vector<int64_t>& sizes,
                                        const std::vector<int64_t>& strides) {
  global("torch._utils", "_rebuild_tensor_v2").mark().storage(storage_class, key, numel);
  integer(offset).int_tuple(sizes).int_tuple(strides).newfalse().ordered_dict();
  return tuple().reduce();
}

PickleBuilder& PickleBuilder::ordered_dict() {
  return global("collections", "OrderedDict").empty_tuple().reduce();
}

}  // namespace unbrine
