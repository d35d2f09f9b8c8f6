// What a hostile pickle may cost: each limit at its bound and one past it, and bombs that must end
// soon, flat in memory and without recursion.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "formats/pickle/decoder.h"
#include "tests/formats/pickle/decoded.h"

namespace unbrine {
namespace {

using namespace std::string_literals;
using ::testing::AllOf;
using ::testing::HasSubstr;

using Pickle = PickleBuilder;

constexpr int kMillion = 1'000'000;

Pickle repeated(size_t times, std::string_view opcodes) {
  std::string bytes;
  for (size_t i = 0; i < times; ++i) bytes += opcodes;
  return Pickle().raw(bytes);
}

// Decodes with the limit at `bound`, and must fail naming it with the limit one below.
void expect_bound(const PickleBuilder& pickle, uint64_t Limits::*limit, std::string_view name,
                  uint64_t bound) {
  Limits limits;
  limits.*limit = bound;
  EXPECT_NO_THROW(decoded(pickle, limits));
  limits.*limit = bound - 1;
  const Error error = decode_error(pickle, limits);
  EXPECT_EQ(error.code(), ErrorCode::Limit);
  EXPECT_THAT(error.what(), AllOf(HasSubstr(name), HasSubstr("byte ")));
}

TEST(DecoderLimits, BoundsOpcodes) {
  expect_bound(Pickle().none().none().none().stop(), &Limits::max_opcodes, "max_opcodes", 4);
}

TEST(DecoderLimits, BoundsGraphNodes) {
  const Pickle pickle = Pickle().integer(1).integer(2).tuple2().stop();
  expect_bound(pickle, &Limits::max_graph_nodes, "max_graph_nodes", Graph().size() + 3);
}

TEST(DecoderLimits, CountsGraphNodesOverAllPicklesOfAGraph) {
  const auto source = std::make_shared<MemorySource>(Pickle().integer(1).stop().bytes());
  Graph graph;
  Limits limits;
  limits.max_graph_nodes = graph.size() + 2;
  decode_pickle(source, 0, limits, graph);
  decode_pickle(source, 0, limits, graph);
  EXPECT_THROW(decode_pickle(source, 0, limits, graph), Error);
}

TEST(DecoderLimits, BoundsMemoEntries) {
  const Pickle near = Pickle().none().memoize().memoize().binput(2).binput(2).stop();
  expect_bound(near, &Limits::max_memo_entries, "max_memo_entries", 3);
  const Pickle far = Pickle().none().long_binput(1u << 30).long_binput(1u << 31).stop();
  expect_bound(far, &Limits::max_memo_entries, "max_memo_entries", 2);
}

TEST(DecoderLimits, BoundsStringBytes) {
  for (const Pickle& text :
       {Pickle().binunicode("12345"), Pickle().short_binunicode("12345"),
        Pickle().binunicode8("12345"), Pickle().unicode_line("12345"), Pickle().int_line("12345"),
        Pickle().string_line("'123'"), Pickle().persid("12345"), Pickle().global("12345", "n"),
        Pickle().global("m", "12345"), Pickle().mark().inst("m", "12345")})
    expect_bound(Pickle(text).stop(), &Limits::max_string_bytes, "max_string_bytes", 5);
}

TEST(DecoderLimits, BoundsALineWithoutItsNewline) {
  Limits limits;
  limits.max_string_bytes = 100'000;
  const Error error = decode_error(Pickle().raw("V" + std::string(300'000, 'x')), limits);
  EXPECT_EQ(error.code(), ErrorCode::Limit);
}

TEST(DecoderLimits, DoesNotBoundBytes) {
  Limits limits;
  limits.max_string_bytes = 5;
  EXPECT_NO_THROW(decoded(Pickle().binbytes(std::string(100'000, 'x')).stop(), limits));
}

TEST(DecoderLimits, BoundsIntegerDigits) {
  const std::string nines(30, '9');
  // 10^30 - 1, 30 digits.
  const Pickle long1 = Pickle().long1("\xff\xff\xff\x3f\xea\xed\x74\x46\xd0\x9c\x2c\x9f\x0c");
  for (const Pickle& integer : {Pickle().int_line(nines), Pickle().int_line("-" + nines),
                                Pickle().long_line(nines + "L"), long1})
    expect_bound(Pickle(integer).stop(), &Limits::max_integer_digits, "max_integer_digits", 30);
}

TEST(DecoderLimits, DecidesOnIntegerDigitsBeforeConverting) {
  EXPECT_EQ(decode_error(Pickle().long4(std::string(50 << 20, '\x7f'))).code(), ErrorCode::Limit);
  EXPECT_EQ(decode_error(Pickle().long_line(std::string(2 * kMillion, '9'))).code(),
            ErrorCode::Limit);
}

TEST(DecoderLimits, AllowsIntegersOf4300Digits) {
  EXPECT_NO_THROW(decoded(Pickle().int_line(std::string(4300, '9')).stop()));
  EXPECT_EQ(decode_error(Pickle().int_line(std::string(4301, '9')).stop()).code(),
            ErrorCode::Limit);
  EXPECT_EQ(shown(Pickle().long4(std::string(1785, '\0') + "\x02").stop()).size(), 4300);
  EXPECT_EQ(decode_error(Pickle().long4(std::string(1785, '\0') + "\x20").stop()).code(),
            ErrorCode::Limit);
}

TEST(DecoderLimits, RejectsLengthsBeforeItAllocates) {
  const std::string huge("\0\0\0\0\0\0\0\x80", 8);
  for (const char* opcode : {"\x8d", "\x8e", "\x96"}) {
    const Error error = decode_error(Pickle().raw(opcode).raw(huge).raw("abc"));
    EXPECT_EQ(error.code(), ErrorCode::Corrupt);
    EXPECT_THAT(error.what(), HasSubstr("needs 9223372036854775808 bytes, has 3"));
  }
  const std::string all_ones(8, '\xff');
  EXPECT_EQ(decode_error(Pickle().raw("\x8e").raw(all_ones)).code(), ErrorCode::Corrupt);
  EXPECT_EQ(decode_error(Pickle().raw("X\xff\xff\xff\xff")).code(), ErrorCode::Corrupt);
  EXPECT_EQ(decode_error(Pickle().frame(uint64_t{1} << 63)).code(), ErrorCode::Corrupt);
}

TEST(DecoderLimits, RejectsNegativeLengths) {
  for (const char* opcode : {"\x8b", "T"})
    EXPECT_THAT(decode_error(Pickle().raw(opcode).raw("\xfe\xff\xff\xff").raw("abc")).what(),
                HasSubstr("its length is negative: -2"));
}

TEST(DecoderLimits, KeepsAHugeMemoSlotFlat) {
  const Pickle pickle = Pickle().integer(7).long_binput(4'294'967'295).long_binput(1u << 31).pop();
  EXPECT_EQ(shown(Pickle(pickle).long_binget(4'294'967'295).stop()), "7");
  EXPECT_EQ(shown(Pickle().integer(7).put("9223372036854775807").stop()), "7");
}

TEST(DecoderLimits, FillsFarMemoSlotsInLinearTime) {
  Pickle pickle;
  pickle.none();
  for (uint32_t i = 0; i < 200'000; ++i) pickle.long_binput(4'294'967'295 - i * 16'384);
  EXPECT_NO_THROW(decoded(pickle.stop()));
}

TEST(DecoderLimits, SurvivesAMillionMarks) {
  EXPECT_EQ(shown(repeated(kMillion, "(").none().stop()), "None");
  EXPECT_EQ(shown(repeated(kMillion, "(").raw(repeated(kMillion, "0")).none().stop()), "None");
}

TEST(DecoderLimits, SurvivesAMillionNestedTuples) {
  const Decoded deep = decoded(Pickle().none().raw(repeated(kMillion, "\x85")).stop());
  EXPECT_EQ(deep.graph.size(), Graph().size() + kMillion);
}

TEST(DecoderLimits, SurvivesAMillionNestedLists) {
  const Pickle pickle = repeated(kMillion, "]").raw(repeated(kMillion - 1, "a")).stop();
  const Decoded deep = decoded(pickle);
  NodeId id = deep.pickle.root;
  int depth = 0;
  for (; !deep.graph.items(id).empty(); ++depth) id = *deep.graph.items(id).begin();
  EXPECT_EQ(depth, kMillion - 1);
}

TEST(DecoderLimits, SurvivesAMillionNestedCalls) {
  const Decoded deep = decoded(Pickle().global("m", "f").raw(repeated(kMillion, ")R")).stop());
  EXPECT_EQ(deep.graph.call_nodes().size(), kMillion);
}

TEST(DecoderLimits, SurvivesMillionsOfDups) {
  EXPECT_EQ(decoded(Pickle().none().raw(repeated(8 * kMillion, "2")).stop()).pickle.opcodes,
            8 * kMillion + 2);
}

TEST(DecoderLimits, PaysForADoublingTreeByItsNodes) {
  const Decoded tree = decoded(Pickle().none().raw(repeated(kMillion, "2\x86")).stop());
  EXPECT_EQ(tree.graph.size(), Graph().size() + kMillion);
  const Decoded lists = decoded(Pickle().empty_list().raw(repeated(1000, "q\0]h\0ah\0a"s)).stop());
  EXPECT_EQ(lists.graph.size(), Graph().size() + 1001);
}

TEST(DecoderLimits, SurvivesAChainOfSelfReferences) {
  EXPECT_NO_THROW(decoded(Pickle().empty_list().raw(repeated(kMillion, "2a")).stop()));
  EXPECT_NO_THROW(decoded(Pickle().ordered_dict().raw(repeated(kMillion, "22s2b")).stop()));
}

TEST(DecoderLimits, SurvivesAHundredThousandNames) {
  Pickle pickle;
  for (int i = 0; i < 100'000; ++i) pickle.global("m" + std::to_string(i), "n").pop();
  EXPECT_EQ(decoded(pickle.none().stop()).graph.globals().size(), 100'000);
}

}  // namespace
}  // namespace unbrine
