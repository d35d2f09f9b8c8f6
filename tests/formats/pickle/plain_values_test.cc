#include "formats/pickle/plain_values.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "tests/formats/pickle/decoded.h"

namespace unbrine {
namespace {

using namespace std::string_literals;
using ::testing::HasSubstr;

using Pickle = PickleBuilder;

std::string corrupt(const PickleBuilder& builder) {
  const Error error = decode_error(builder);
  EXPECT_EQ(error.code(), ErrorCode::Corrupt) << error.what();
  return error.what();
}

double real(const PickleBuilder& builder) {
  const Decoded value = decoded(builder);
  EXPECT_TRUE(value.graph.is(value.pickle.root, NodeKind::Float));
  return value.graph.real(value.pickle.root);
}

std::string int_line(std::string_view line) { return shown(Pickle().int_line(line).stop()); }
std::string long_line(std::string_view line) { return shown(Pickle().long_line(line).stop()); }
std::string long1(std::string_view bytes) { return shown(Pickle().long1(bytes).stop()); }
std::string string_line(std::string_view line) { return shown(Pickle().string_line(line).stop()); }
std::string unicode_line(std::string_view line) {
  return shown(Pickle().unicode_line(line).stop());
}

TEST(PlainValues, RejectsALineThatIsNoInteger) {
  for (const char* line :
       {"", "-", "+1", " 1", "1 ", "010", "0x10", "1_0", "1.0", "1\r", "--1", "000", "002"}) {
    EXPECT_THAT(corrupt(Pickle().int_line(line)), HasSubstr("is not a decimal integer")) << line;
    EXPECT_THAT(corrupt(Pickle().long_line(line)), HasSubstr("is not a decimal integer")) << line;
  }
  EXPECT_THAT(corrupt(Pickle().int_line("1L")), HasSubstr("'1L' is not a decimal integer"));
  EXPECT_THAT(corrupt(Pickle().long_line("1LL")), HasSubstr("'1L' is not a decimal integer"));
  EXPECT_THAT(corrupt(Pickle().long_line("01L")), HasSubstr("'01' is not a decimal integer"));
}

TEST(PlainValues, RejectsALineThatIsNoFloat) {
  for (const char* line : {"", " 1", "1 ", "+1", "0x1p3", "1_0", "nan(1)", "1.5\r", "1e", "e1",
                           "infinite", "1e400", "."})
    EXPECT_THAT(corrupt(Pickle().float_line(line)), HasSubstr("is not a float")) << line;
}

TEST(PlainValues, RejectsALineThatIsNoStringLiteral) {
  for (const char* line : {"", "'", "'a", "a", "a'", "'a\"", "'a'\r", "u'a'", "'\\'", "'\\x'",
                           "'\\x1'", "'\\xg0'", "'a\\'"})
    EXPECT_THAT(corrupt(Pickle().string_line(line)), HasSubstr("is not a string literal")) << line;
}

TEST(PlainValues, RejectsABrokenUnicodeEscape) {
  for (const char* line : {"\\u", "\\u004", "\\u004g", "\\U0000004", "\\U00110000", "a\\\\\\u"})
    EXPECT_THAT(corrupt(Pickle().unicode_line(line)), HasSubstr("holds a broken \\u escape"));
}

TEST(PlainValues, EscapesTheTextThatItRejects) {
  EXPECT_EQ(corrupt(Pickle().int_line("\x1b[31m")),
            "byte 0 (INT): '\\x1b[31m' is not a decimal integer");
}

TEST(PlainValues, ReadsTruths) {
  EXPECT_EQ(shown(Pickle().none().stop()), "None");
  EXPECT_EQ(shown(Pickle().newtrue().stop()), "True");
  EXPECT_EQ(shown(Pickle().newfalse().stop()), "False");
  EXPECT_EQ(int_line("01"), "True");
  EXPECT_EQ(int_line("00"), "False");
}

TEST(PlainValues, ReadsIntegersAsText) {
  EXPECT_EQ(int_line("0"), "0");
  EXPECT_EQ(int_line("1"), "1");
  EXPECT_EQ(int_line("-0"), "0");
  EXPECT_EQ(int_line("-9223372036854775808"), "-9223372036854775808");
  EXPECT_EQ(int_line("9223372036854775808"), "9223372036854775808");
  EXPECT_EQ(long_line("119547037146038801333356L"), "119547037146038801333356");
  EXPECT_EQ(long_line("7"), "7");
  EXPECT_EQ(long_line("-9223372036854775809L"), "-9223372036854775809");
}

TEST(PlainValues, ReadsIntegersOfFixedWidth) {
  EXPECT_EQ(shown(Pickle().binint(INT32_MIN).stop()), "-2147483648");
  EXPECT_EQ(shown(Pickle().binint1(255).stop()), "255");
  EXPECT_EQ(shown(Pickle().binint2(65535).stop()), "65535");
}

TEST(PlainValues, ReadsIntegersInTwosComplement) {
  EXPECT_EQ(long1(""), "0");
  EXPECT_EQ(long1("\xff"), "-1");
  EXPECT_EQ(long1("\xff\x00"s), "255");
  EXPECT_EQ(long1("\x00\x80"s), "-32768");
  EXPECT_EQ(long1("\0\0\0\0\0\0\0\x80"s), "-9223372036854775808");
  EXPECT_EQ(long1("\0\0\0\0\0\0\0\x80\0"s), "9223372036854775808");
  EXPECT_EQ(long1("\xff\xff\xff\xff\xff\xff\xff\x7f\xff"s), "-9223372036854775809");
  EXPECT_EQ(long1("\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19"), "119547037146038801333356");
  EXPECT_EQ(shown(Pickle().long4("\x07").stop()), "7");
}

TEST(PlainValues, IgnoresRepeatedSignBytes) {
  EXPECT_EQ(long1(std::string(40, '\xff')), "-1");
  EXPECT_EQ(long1("\x01" + std::string(40, '\0')), "1");
}

TEST(PlainValues, ConvertsLongIntegersExactly) {
  // 10^27 - 1 and -(10^18): limbs of nine digits must keep their inner zeros.
  EXPECT_EQ(long1("\xff\xff\xff\xe7\x3c\x80\xd0\x9f\x3c\x2e\x3b\x03"),
            "999999999999999999999999999");
  EXPECT_EQ(long1("\x00\x00\x00\x18\xc3\x7f\x2f\x60\xc3\xd1\xc4\xfc"s),
            "-1000000000000000000000000000");
}

TEST(PlainValues, ReadsFloats) {
  EXPECT_EQ(real(Pickle().binfloat(-0.1).stop()), -0.1);
  EXPECT_EQ(real(Pickle().raw("G\x3f\xf8\0\0\0\0\0\0."s)), 1.5);
  EXPECT_EQ(real(Pickle().float_line("-1e+20").stop()), -1e20);
  EXPECT_EQ(real(Pickle().float_line("5e-324").stop()), 5e-324);
  EXPECT_EQ(real(Pickle().float_line("1.").stop()), 1);
  EXPECT_EQ(real(Pickle().float_line("-inf").stop()), -INFINITY);
  EXPECT_TRUE(std::isnan(real(Pickle().float_line("nan").stop())));
  EXPECT_TRUE(std::signbit(real(Pickle().float_line("-0.0").stop())));
}

TEST(PlainValues, ReadsPython2StringLiterals) {
  EXPECT_EQ(string_line("''"), "s''");
  EXPECT_EQ(string_line("\"it's\""), "s'it's'");
  EXPECT_EQ(string_line("'a'b'"), "s'a'b'");
  EXPECT_EQ(string_line(R"('\n\r\t\\\'\"\a\b\f\v')"), "s'\n\r\t\\'\"\a\b\f\v'");
  EXPECT_EQ(string_line(R"('\x00\xFf\0\1019\8\q')"),
            "s'\x00\xff\x00"
            "A9\\8\\q'"s);
  EXPECT_EQ(string_line("'\xff\r'"), "s'\xff\r'");
}

TEST(PlainValues, ReadsRawUnicodeEscapes) {
  EXPECT_EQ(unicode_line(""), "u''");
  EXPECT_EQ(unicode_line("a\\u00e9\\U0001f600\xe9"), "u'aé😀é'");
  EXPECT_EQ(unicode_line("\\\\u0041\\n\\"), "u'\\\\u0041\\n\\'");
  EXPECT_EQ(unicode_line("\\u005c\\u000a\\u0000\r"), "u'\\\n\0\r'"s);
}

TEST(PlainValues, KeepsSurrogatesApart) {
  EXPECT_EQ(unicode_line("\\ud83d\\ude00"), "u'\xed\xa0\xbd\xed\xb8\x80'");
}

TEST(PlainValues, ReadsCountedText) {
  EXPECT_EQ(shown(Pickle().binunicode("\xed\xa0\x80\0").stop()), "u'\xed\xa0\x80'");
  EXPECT_EQ(shown(Pickle().short_binunicode("é\n\0é"s).stop()), "u'é\n\0é'"s);
  EXPECT_EQ(shown(Pickle().binunicode8("").stop()), "u''");
}

TEST(PlainValues, ReadsCountedBytes) {
  EXPECT_EQ(shown(Pickle().binstring("\0\xff"s).stop()), "s'\0\xff'"s);
  EXPECT_EQ(shown(Pickle().short_binstring("x").stop()), "s'x'");
  EXPECT_EQ(shown(Pickle().binbytes("x").stop()), "b'x'");
  EXPECT_EQ(shown(Pickle().short_binbytes("").stop()), "b''");
  EXPECT_EQ(shown(Pickle().binbytes8("x").stop()), "b'x'");
  EXPECT_EQ(shown(Pickle().bytearray8("x").stop()), "a'x'");
}

TEST(PlainValues, LeavesLongBytesInTheSource) {
  const std::string longest(kLongestPooledBytes, 'x');
  const Decoded pooled = decoded(Pickle().protocol(3).binbytes(longest).stop());
  EXPECT_FALSE(pooled.graph.is_external(pooled.pickle.root));
  EXPECT_EQ(pooled.graph.text(pooled.pickle.root), longest);

  const Decoded outside = decoded(Pickle().protocol(3).binbytes(longest + "x").stop());
  EXPECT_TRUE(outside.graph.is_external(outside.pickle.root));
  EXPECT_EQ(outside.graph.byte_offset(outside.pickle.root), 2 + 5);
  EXPECT_EQ(outside.graph.byte_size(outside.pickle.root), longest.size() + 1);
  EXPECT_EQ(outside.graph.text(outside.pickle.root), "");
}

}  // namespace
}  // namespace unbrine
