#include "formats/pickle/opcode_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "tests/support/pickle_builder.h"

namespace unbrine {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

using Pickle = PickleBuilder;

// Reads to STOP; the offsets of all opcodes.
std::vector<uint64_t> offsets(const PickleBuilder& builder) {
  const MemorySource source(builder.bytes());
  const Limits limits;
  OpcodeReader reader(source, 0, limits);
  std::vector<uint64_t> seen;
  for (;;) {
    const Opcode& opcode = reader.next();
    seen.push_back(opcode.offset);
    if (opcode.op == Op::Stop) return seen;
  }
}

std::string corrupt(const PickleBuilder& builder) {
  try {
    offsets(builder);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::Corrupt) << error.what();
    return error.what();
  }
  ADD_FAILURE() << "read without an error";
  return "";
}

TEST(OpcodeReader, RejectsAnOpcodeCutShort) {
  EXPECT_EQ(corrupt(Pickle().none().raw("M\x01")),
            "byte 1 (BININT2): needs 2 bytes after the opcode, has 1");
  EXPECT_EQ(corrupt(Pickle().none().raw("X\x05")),
            "byte 1 (BINUNICODE): needs 4 bytes after the opcode, has 1");
}

TEST(OpcodeReader, RejectsAPayloadCutShort) {
  EXPECT_EQ(corrupt(Pickle().raw("U\x05").raw("abc")),
            "byte 0 (SHORT_BINSTRING): needs 5 bytes, has 3");
}

TEST(OpcodeReader, RejectsALineWithoutItsNewline) {
  EXPECT_EQ(corrupt(Pickle().none().raw("I12")), "byte 1 (INT): its line has no newline");
  EXPECT_EQ(corrupt(Pickle().raw("cmodule\nname")), "byte 0 (GLOBAL): its line has no newline");
}

TEST(OpcodeReader, RejectsAStartBeyondTheSource) {
  const MemorySource source({'N', '.'});
  const Limits limits;
  EXPECT_THROW(OpcodeReader(source, 3, limits), Error);
}

TEST(OpcodeReader, RejectsAnOpcodeThatCrossesItsFrame) {
  EXPECT_EQ(corrupt(Pickle().frame(2).binint2(7).stop()),
            "byte 9 (BININT2): crosses the end of its frame at byte 11");
  EXPECT_THAT(corrupt(Pickle().frame(3).binbytes(std::string(100'000, 'x')).stop()),
              HasSubstr("crosses the end of its frame"));
}

TEST(OpcodeReader, RejectsAFrameInsideAFrame) {
  EXPECT_EQ(corrupt(Pickle().frame(11).frame(1).none().stop()),
            "byte 9 (FRAME): inside the frame that ends at byte 20");
  EXPECT_THAT(corrupt(Pickle().frame(9).frame(2).none().stop()), HasSubstr("inside the frame"));
}

TEST(OpcodeReader, RejectsAFramePastTheEnd) {
  EXPECT_EQ(corrupt(Pickle().frame(3).none().stop()), "byte 0 (FRAME): frame of 3 bytes, has 2");
  EXPECT_THAT(corrupt(Pickle().frame(UINT64_MAX).none().stop()), HasSubstr("has 2"));
}

TEST(OpcodeReader, RejectsAFrameThatGoesOnAfterStop) {
  EXPECT_EQ(corrupt(Pickle().frame(3).none().stop().none()),
            "byte 10 (STOP): its frame goes on to byte 12");
}

TEST(OpcodeReader, ReadsFrameAfterFrame) {
  EXPECT_EQ(offsets(Pickle().frame(1).none().frame(0).none().frame(2).none().stop()),
            (std::vector<uint64_t>{0, 9, 10, 19, 20, 29, 30}));
}

TEST(OpcodeReader, ReadsNumbersAndSigns) {
  const MemorySource source(
      Pickle().binint(-2).binint2(0xfffe).long_binget(0xfffffffe).ext4(-3).frame(0).bytes());
  const Limits limits;
  OpcodeReader reader(source, 0, limits);
  EXPECT_EQ(reader.next().argument, static_cast<uint64_t>(-2));
  EXPECT_EQ(reader.next().argument, 0xfffe);
  EXPECT_EQ(reader.next().argument, 0xfffffffe);
  EXPECT_EQ(reader.next().argument, static_cast<uint64_t>(-3));
  EXPECT_EQ(reader.next().argument, 0);
}

TEST(OpcodeReader, GivesBothLines) {
  const MemorySource source(Pickle().global("a\rb", "").bytes());
  const Limits limits;
  OpcodeReader reader(source, 0, limits);
  const Opcode& opcode = reader.next();
  EXPECT_EQ(as_text(opcode.bytes), "a\rb");
  EXPECT_EQ(as_text(opcode.second_line), "");
  EXPECT_EQ(reader.offset(), 6);
}

TEST(OpcodeReader, ReadsTheSameAtEveryPlaceOfTheWindow) {
  // Opcodes and lines meet the window's end at each of their bytes.
  for (size_t filler = 65'536 - 40; filler < 65'536; ++filler) {
    const std::string text(filler, 'x');
    const MemorySource source(
        Pickle().string(text).global("module", "name").binfloat(1.5).string("tail").bytes());
    const Limits limits;
    OpcodeReader reader(source, 0, limits);
    EXPECT_EQ(as_text(reader.next().bytes), text);
    const Opcode& opcode = reader.next();
    EXPECT_EQ(as_text(opcode.bytes), "module");
    EXPECT_EQ(as_text(opcode.second_line), "name");
    EXPECT_EQ(reader.next().argument, 0x3ff8000000000000);
    EXPECT_EQ(as_text(reader.next().bytes), "tail");
  }
}

TEST(OpcodeReader, ReadsTextLongerThanTheWindow) {
  const std::string text(1'000'000, 'x');
  const MemorySource source(Pickle().none().string(text).unicode_line(text).none().bytes());
  const Limits limits;
  OpcodeReader reader(source, 0, limits);
  reader.next();
  EXPECT_EQ(as_text(reader.next().bytes), text);
  EXPECT_EQ(as_text(reader.next().bytes), text);
  EXPECT_EQ(reader.next().op, Op::None);
}

// Fails the test when a byte of the payload is read.
class PayloadSource : public Source {
 public:
  uint64_t size() const override { return uint64_t{1} << 40; }

 private:
  void read_range(uint64_t offset, MutableByteSpan target) const override {
    EXPECT_LT(offset, 1 << 20);
    std::fill(target.begin(), target.end(), uint8_t{0});
    for (size_t i = 0; offset + i < 9 && i < target.size(); ++i)
      target[i] = static_cast<uint8_t>("\x8e\0\0\0\0\x80\0\0\0"[offset + i]);
  }
};

TEST(OpcodeReader, DoesNotReadLongBytes) {
  const PayloadSource source;
  const Limits limits;
  OpcodeReader reader(source, 0, limits);
  const Opcode& opcode = reader.next();
  EXPECT_TRUE(opcode.is_external);
  EXPECT_EQ(opcode.payload_offset, 9);
  EXPECT_EQ(opcode.argument, uint64_t{0x80} << 32);
  EXPECT_EQ(reader.offset(), 9 + (uint64_t{0x80} << 32));
}

TEST(Opcodes, HaveNamesOfTheirOwn) {
  std::set<std::string_view> names;
  int known = 0;
  for (const OpcodeInfo& row : kOpcodes) {
    if (row.argument == Argument::NoOpcode) continue;
    ++known;
    names.insert(row.name);
    EXPECT_LE(row.protocol, 5);
  }
  EXPECT_EQ(known, 68);  // as many as Python's pickletools.opcodes
  EXPECT_EQ(names.size(), 68);
}

}  // namespace
}  // namespace unbrine
