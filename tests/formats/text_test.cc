#include "formats/text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace unbrine {
namespace {

using namespace std::string_literals;

TEST(Text, RefusesBytesThatAreNoUtf8) {
  for (const char* bad : {"\x80", "\xc0\x80", "\xc1\xbf", "\xc3", "\xc3(", "\xe0\x80\x80",
                          "\xe2\x82", "\xed\xa0\x80", "\xed\xbf\xbf", "\xf0\x80\x80\x80",
                          "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff", "12345678\xff"})
    EXPECT_FALSE(is_valid_utf8(bad)) << escaped(bad);
}

TEST(Text, AcceptsTheFirstAndLastSequenceOfEachLength) {
  for (const char* good : {"", "\x7f", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf",
                           "\xee\x80\x80", "\xef\xbf\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf"})
    EXPECT_TRUE(is_valid_utf8(good)) << escaped(good);
  EXPECT_TRUE(is_valid_utf8("a\0b"s));
}

TEST(Text, EscapesWhatATerminalObeys) {
  EXPECT_EQ(escaped("a\x1b[31m\n\x7f\0"s), "a\\x1b[31m\\x0a\\x7f\\x00");
  EXPECT_EQ(escaped("\xc2\x80\xc2\x9f"), "\\u{80}\\u{9f}");
}

TEST(Text, EscapesWhatCannotBeSeen) {
  EXPECT_EQ(escaped("\u061c\u200b\u200f\u2028\u202e\u2066\u2069\ufeff"),
            "\\u{61c}\\u{200b}\\u{200f}\\u{2028}\\u{202e}\\u{2066}\\u{2069}\\u{feff}");
  EXPECT_EQ(escaped("\U000e0041"), "\\u{e0041}");
}

TEST(Text, EscapesEachByteThatIsNoUtf8) {
  EXPECT_EQ(escaped("\xc3(\xed\xa0\x80\xff"), "\\xc3(\\xed\\xa0\\x80\\xff");
}

TEST(Text, KeepsPrintableText) { EXPECT_EQ(escaped("\\ é 漢 😀 ~"), "\\ é 漢 😀 ~"); }

TEST(Text, CutsLongTextBetweenCharacters) {
  EXPECT_EQ(escaped("abcdef", 6), "abcdef");
  EXPECT_EQ(escaped("abcdefg", 6), "abcdef...");
  EXPECT_EQ(escaped("abcd\n", 6), "abcd...");
  EXPECT_EQ(escaped("aé", 2), "a...");
  EXPECT_EQ(unbrine::quoted(std::string(1000, 'x')), "'" + std::string(200, 'x') + "...'");
}

TEST(Text, RepairsOnlyTheBytesThatAreNoUtf8) {
  EXPECT_EQ(repaired_utf8("é\n"), "é\n");
  EXPECT_EQ(repaired_utf8("é\xff\n"), "é\\xff\n");
  EXPECT_EQ(repaired_utf8("a\xed\xa0\x80z"), "a\\xed\\xa0\\x80z");
}

TEST(Text, GivesBytesInThreeDigits) {
  EXPECT_EQ(human_bytes(0), "0 bytes");
  EXPECT_EQ(human_bytes(1), "1 byte");
  EXPECT_EQ(human_bytes(999), "999 bytes");
  EXPECT_EQ(human_bytes(1000), "1 kB");
  EXPECT_EQ(human_bytes(1'500'000), "1.5 MB");
  EXPECT_EQ(human_bytes(1'234'567), "1.23 MB");
  EXPECT_EQ(human_bytes(12'345'678), "12.3 MB");
  EXPECT_EQ(human_bytes(123'456'789), "123 MB");
  EXPECT_EQ(human_bytes(9'995), "10 kB");
  EXPECT_EQ(human_bytes(999'499), "999 kB");
  EXPECT_EQ(human_bytes(999'500), "1 MB");
  EXPECT_EQ(human_bytes(UINT64_MAX), "18.4 EB");
}

}  // namespace
}  // namespace unbrine
