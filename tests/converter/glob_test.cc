#include "converter/glob.h"

#include <gmock/gmock.h>

#include "tests/support/error_of.h"

namespace unbrine {
namespace {

using ::testing::HasSubstr;

bool fits(std::string_view pattern, std::string_view name) { return Glob(pattern).matches(name); }

std::string complaint(std::string_view pattern) {
  const Error error = error_of([&] { Glob{pattern}; });
  EXPECT_EQ(error.code(), ErrorCode::Usage);
  return error.what();
}

TEST(Glob, RefusesASetThatIsNeverClosed) {
  EXPECT_EQ(complaint("a[bc"), "pattern 'a[bc': '[' is never closed at byte 1");
  EXPECT_THAT(complaint("["), HasSubstr("never closed"));
  EXPECT_THAT(complaint("[]"), HasSubstr("never closed"));
  EXPECT_THAT(complaint("[!]"), HasSubstr("never closed"));
  EXPECT_THAT(complaint("[a-"), HasSubstr("never closed"));
  EXPECT_THAT(complaint("[\\]"), HasSubstr("never closed"));
}

TEST(Glob, RefusesABackslashAtTheEnd) {
  EXPECT_EQ(complaint("ab\\"), "pattern 'ab\\': nothing follows the backslash at byte 2");
  EXPECT_THAT(complaint("[a\\"), HasSubstr("backslash at byte 2"));
  EXPECT_THAT(complaint("[a-\\"), HasSubstr("backslash at byte 3"));
}

TEST(Glob, RefusesARangeThatRunsBackwards) {
  EXPECT_THAT(complaint("[z-a]"), HasSubstr("a range runs backwards at byte 2"));
}

TEST(Glob, FitsANameAsAWhole) {
  EXPECT_TRUE(fits("abc", "abc"));
  EXPECT_FALSE(fits("abc", "abcd"));
  EXPECT_FALSE(fits("abc", "xabc"));
  EXPECT_FALSE(fits("abc", "ab"));
  EXPECT_TRUE(fits("", ""));
  EXPECT_FALSE(fits("", "a"));
}

TEST(Glob, TakesAnyRunForAStar) {
  EXPECT_TRUE(fits("*", ""));
  EXPECT_TRUE(fits("*", "a.b.c"));
  EXPECT_TRUE(fits("*.weight", "layer1.0.weight"));
  EXPECT_FALSE(fits("*.weight", "layer1.0.weight_g"));
  EXPECT_TRUE(fits("a*b*c", "aXbYbZc"));
  EXPECT_FALSE(fits("a*b*c", "aXcYb"));
  EXPECT_TRUE(fits("**a**", "ba"));
  EXPECT_TRUE(fits("*ab", "aab"));
}

TEST(Glob, TakesOneCharacterForAQuestionMark) {
  EXPECT_TRUE(fits("a?c", "abc"));
  EXPECT_FALSE(fits("a?c", "ac"));
  EXPECT_TRUE(fits("?", "\u00e4"));
  EXPECT_TRUE(fits("??", "\U0001f600x"));
  EXPECT_FALSE(fits("?",
                    "\xc3"
                    "\xa4\xa4"));
}

TEST(Glob, TakesAByteThatIsNoUtf8ForACharacter) {
  EXPECT_TRUE(fits("?b",
                   "\xff"
                   "b"));
  EXPECT_TRUE(fits("???", "\xed\xa0\x80"));  // a lone surrogate
  EXPECT_TRUE(fits("\xff", "\xff"));
  EXPECT_FALSE(fits("\xff", "\xfe"));
}

TEST(Glob, TakesOneOfASet) {
  EXPECT_TRUE(fits("[abc]", "b"));
  EXPECT_FALSE(fits("[abc]", "d"));
  EXPECT_FALSE(fits("[abc]", ""));
  EXPECT_TRUE(fits("layer[1-3].*", "layer2.w"));
  EXPECT_FALSE(fits("layer[1-3].*", "layer4.w"));
  EXPECT_TRUE(fits("[\u00e0-\u00ff]", "\u00e4"));
  EXPECT_TRUE(fits("[a-]", "-"));
  EXPECT_TRUE(fits("[]x]", "]"));
  EXPECT_TRUE(fits("[\\]]", "]"));
  EXPECT_TRUE(fits("[?*]", "*"));
}

TEST(Glob, TakesOneThatIsNotInASet) {
  EXPECT_TRUE(fits("[!a-c]", "d"));
  EXPECT_FALSE(fits("[!a-c]", "b"));
  EXPECT_FALSE(fits("[!a-c]", ""));
  EXPECT_FALSE(fits("[!]]", "]"));
  EXPECT_TRUE(fits("[a!]", "!"));
}

TEST(Glob, TakesWhatABackslashEscapesAsItIs) {
  EXPECT_TRUE(fits("a\\*", "a*"));
  EXPECT_FALSE(fits("a\\*", "ab"));
  EXPECT_TRUE(fits("\\[\\?\\\\", "[?\\"));
}

TEST(Glob, EndsSoonWhereBacktrackingWouldNot) {
  std::string pattern;
  for (int i = 0; i < 1000; ++i) pattern += "*a";
  EXPECT_FALSE(fits(pattern + "b", std::string(20'000, 'a')));
}

}  // namespace
}  // namespace unbrine
