#include "formats/pickle/opcodes.h"

namespace unbrine {
namespace {

struct Row {
  Op op;
  OpcodeInfo info;
};

constexpr Row kRows[] = {
    {Op::Mark, {"MARK", Argument::None, 0}},
    {Op::Stop, {"STOP", Argument::None, 0}},
    {Op::Pop, {"POP", Argument::None, 0}},
    {Op::PopMark, {"POP_MARK", Argument::None, 1}},
    {Op::Dup, {"DUP", Argument::None, 0}},
    {Op::BinBytes, {"BINBYTES", Argument::Bytes4, 3}},
    {Op::ShortBinBytes, {"SHORT_BINBYTES", Argument::Bytes1, 3}},
    {Op::Float, {"FLOAT", Argument::Line, 0}},
    {Op::BinFloat, {"BINFLOAT", Argument::Double, 1}},
    {Op::Int, {"INT", Argument::Line, 0}},
    {Op::BinInt, {"BININT", Argument::Signed4, 1}},
    {Op::BinInt1, {"BININT1", Argument::Unsigned1, 1}},
    {Op::Long, {"LONG", Argument::Line, 0}},
    {Op::BinInt2, {"BININT2", Argument::Unsigned2, 1}},
    {Op::None, {"NONE", Argument::None, 0}},
    {Op::PersId, {"PERSID", Argument::Line, 0}},
    {Op::BinPersId, {"BINPERSID", Argument::None, 1}},
    {Op::Reduce, {"REDUCE", Argument::None, 0}},
    {Op::String, {"STRING", Argument::Line, 0}},
    {Op::BinString, {"BINSTRING", Argument::Bytes4Signed, 1}},
    {Op::ShortBinString, {"SHORT_BINSTRING", Argument::Bytes1, 1}},
    {Op::Unicode, {"UNICODE", Argument::Line, 0}},
    {Op::BinUnicode, {"BINUNICODE", Argument::Text4, 1}},
    {Op::EmptyList, {"EMPTY_LIST", Argument::None, 1}},
    {Op::Append, {"APPEND", Argument::None, 0}},
    {Op::Build, {"BUILD", Argument::None, 0}},
    {Op::Global, {"GLOBAL", Argument::TwoLines, 0}},
    {Op::Dict, {"DICT", Argument::None, 0}},
    {Op::Appends, {"APPENDS", Argument::None, 1}},
    {Op::Get, {"GET", Argument::Line, 0}},
    {Op::BinGet, {"BINGET", Argument::Unsigned1, 1}},
    {Op::Inst, {"INST", Argument::TwoLines, 0}},
    {Op::LongBinGet, {"LONG_BINGET", Argument::Unsigned4, 1}},
    {Op::List, {"LIST", Argument::None, 0}},
    {Op::Obj, {"OBJ", Argument::None, 1}},
    {Op::Put, {"PUT", Argument::Line, 0}},
    {Op::BinPut, {"BINPUT", Argument::Unsigned1, 1}},
    {Op::LongBinPut, {"LONG_BINPUT", Argument::Unsigned4, 1}},
    {Op::SetItem, {"SETITEM", Argument::None, 0}},
    {Op::Tuple, {"TUPLE", Argument::None, 0}},
    {Op::SetItems, {"SETITEMS", Argument::None, 1}},
    {Op::EmptyDict, {"EMPTY_DICT", Argument::None, 1}},
    {Op::EmptyTuple, {"EMPTY_TUPLE", Argument::None, 1}},
    {Op::Proto, {"PROTO", Argument::Unsigned1, 2}},
    {Op::NewObj, {"NEWOBJ", Argument::None, 2}},
    {Op::Ext1, {"EXT1", Argument::Unsigned1, 2}},
    {Op::Ext2, {"EXT2", Argument::Unsigned2, 2}},
    {Op::Ext4, {"EXT4", Argument::Signed4, 2}},
    {Op::Tuple1, {"TUPLE1", Argument::None, 2}},
    {Op::Tuple2, {"TUPLE2", Argument::None, 2}},
    {Op::Tuple3, {"TUPLE3", Argument::None, 2}},
    {Op::NewTrue, {"NEWTRUE", Argument::None, 2}},
    {Op::NewFalse, {"NEWFALSE", Argument::None, 2}},
    {Op::Long1, {"LONG1", Argument::Integer1, 2}},
    {Op::Long4, {"LONG4", Argument::Integer4, 2}},
    {Op::ShortBinUnicode, {"SHORT_BINUNICODE", Argument::Text1, 4}},
    {Op::BinUnicode8, {"BINUNICODE8", Argument::Text8, 4}},
    {Op::BinBytes8, {"BINBYTES8", Argument::Bytes8, 4}},
    {Op::EmptySet, {"EMPTY_SET", Argument::None, 4}},
    {Op::AddItems, {"ADDITEMS", Argument::None, 4}},
    {Op::FrozenSet, {"FROZENSET", Argument::None, 4}},
    {Op::NewObjEx, {"NEWOBJ_EX", Argument::None, 4}},
    {Op::StackGlobal, {"STACK_GLOBAL", Argument::None, 4}},
    {Op::Memoize, {"MEMOIZE", Argument::None, 4}},
    {Op::Frame, {"FRAME", Argument::Unsigned8, 4}},
    {Op::ByteArray8, {"BYTEARRAY8", Argument::Bytes8, 5}},
    {Op::NextBuffer, {"NEXT_BUFFER", Argument::None, 5}},
    {Op::ReadOnlyBuffer, {"READONLY_BUFFER", Argument::None, 5}},
};

constexpr std::array<OpcodeInfo, 256> by_byte() {
  std::array<OpcodeInfo, 256> table{};
  for (const Row& row : kRows) table[static_cast<uint8_t>(row.op)] = row.info;
  return table;
}

}  // namespace

constexpr std::array<OpcodeInfo, 256> kOpcodes = by_byte();

}  // namespace unbrine
