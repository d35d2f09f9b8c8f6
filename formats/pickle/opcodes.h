// The opcodes of the pickle machine, protocols 0 to 5: what each is called, what follows it in the
// file, and which protocol brought it.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace unbrine {

enum class Op : uint8_t {
  Mark = '(',
  Stop = '.',
  Pop = '0',
  PopMark = '1',
  Dup = '2',
  BinBytes = 'B',
  ShortBinBytes = 'C',
  Float = 'F',
  BinFloat = 'G',
  Int = 'I',
  BinInt = 'J',
  BinInt1 = 'K',
  Long = 'L',
  BinInt2 = 'M',
  None = 'N',
  PersId = 'P',
  BinPersId = 'Q',
  Reduce = 'R',
  String = 'S',
  BinString = 'T',
  ShortBinString = 'U',
  Unicode = 'V',
  BinUnicode = 'X',
  EmptyList = ']',
  Append = 'a',
  Build = 'b',
  Global = 'c',
  Dict = 'd',
  Appends = 'e',
  Get = 'g',
  BinGet = 'h',
  Inst = 'i',
  LongBinGet = 'j',
  List = 'l',
  Obj = 'o',
  Put = 'p',
  BinPut = 'q',
  LongBinPut = 'r',
  SetItem = 's',
  Tuple = 't',
  SetItems = 'u',
  EmptyDict = '}',
  EmptyTuple = ')',
  Proto = 0x80,
  NewObj = 0x81,
  Ext1 = 0x82,
  Ext2 = 0x83,
  Ext4 = 0x84,
  Tuple1 = 0x85,
  Tuple2 = 0x86,
  Tuple3 = 0x87,
  NewTrue = 0x88,
  NewFalse = 0x89,
  Long1 = 0x8a,
  Long4 = 0x8b,
  ShortBinUnicode = 0x8c,
  BinUnicode8 = 0x8d,
  BinBytes8 = 0x8e,
  EmptySet = 0x8f,
  AddItems = 0x90,
  FrozenSet = 0x91,
  NewObjEx = 0x92,
  StackGlobal = 0x93,
  Memoize = 0x94,
  Frame = 0x95,
  ByteArray8 = 0x96,
  NextBuffer = 0x97,
  ReadOnlyBuffer = 0x98,
};

// What follows the opcode byte. Numbers are little endian, but for the double.
enum class Argument : uint8_t {
  NoOpcode,  // the byte is none
  None,
  Unsigned1,
  Unsigned2,
  Unsigned4,
  Unsigned8,
  Signed4,
  Double,    // 8 bytes, big endian
  Integer1,  // length of 1 byte, then two's complement
  Integer4,  // the length is signed
  Text1,     // length, then UTF-8
  Text4,
  Text8,
  Bytes1,  // length, then any bytes
  Bytes4,
  Bytes4Signed,
  Bytes8,
  Line,  // up to a newline
  TwoLines,
};

struct OpcodeInfo {
  std::string_view name;  // as Python's pickletools prints it
  Argument argument = Argument::NoOpcode;
  uint8_t protocol = 0;  // the first that has it
};

// By opcode byte.
extern const std::array<OpcodeInfo, 256> kOpcodes;

inline const OpcodeInfo& info(Op op) { return kOpcodes[static_cast<uint8_t>(op)]; }

}  // namespace unbrine
