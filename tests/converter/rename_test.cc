#include "converter/rename.h"

#include <gmock/gmock.h>

#include "tests/support/error_of.h"

namespace unbrine {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string renamed(const std::string& command, const std::string& name) {
  std::string names[] = {name};
  Rename(command).apply(names, Limits{});
  return names[0];
}

std::string complaint(const std::string& command) {
  const Error error = error_of([&] { Rename{command}; });
  EXPECT_EQ(error.code(), ErrorCode::Usage) << command;
  return error.what();
}

TEST(Rename, RefusesWhatIsNoSubstitution) {
  for (const char* command : {"", "s", "s/", "s/a", "s/a/", "s/a/b", "/a/b/", "y/a/b/", "s/a/b/c/",
                              "s\\a\\b\\", "s/a\\/b/", "s\nab\nc\n", "s\u00e4x\u00e4y\u00e4"})
    EXPECT_THAT(complaint(command), HasSubstr("expected")) << command;
}

TEST(Rename, RefusesFlagsThatItDoesNotKnow) {
  EXPECT_EQ(complaint("s/a/b/gi"),
            "--rename 's/a/b/gi': 'gi' behind the last delimiter: only g may stand there");
}

TEST(Rename, TellsWhereAnExpressionDoesNotCompile) {
  EXPECT_EQ(complaint("s/a(b/c/"),
            "--rename 's/a(b/c/': missing closing parenthesis, at byte 3 of RE");
  EXPECT_THAT(complaint("s/\xff/x/"), AllOf(HasSubstr("UTF-8"), HasSubstr("at byte 0 of RE")));
  EXPECT_THAT(complaint("s//x/"), HasSubstr("RE is empty"));
}

TEST(Rename, RefusesGroupsAndEscapesThatDoNotExist) {
  EXPECT_THAT(complaint("s/(a)/\\2/"), HasSubstr("TEXT names group 2, RE has 1"));
  EXPECT_THAT(complaint("s/a/\\n/"), HasSubstr("TEXT knows \\1 to \\9, \\& and \\\\ only"));
  EXPECT_THAT(complaint("s/a/\\0/"), HasSubstr("TEXT knows"));
}

TEST(Rename, EndsASearchThatWouldTakeForEver) {
  std::string names[] = {std::string(40, 'a') + "!"};
  const Rename rename("s/^(a+)+$/x/");
  const Error error = error_of([&] { rename.apply(names, Limits{}); });
  EXPECT_EQ(error.code(), ErrorCode::Limit);
  EXPECT_THAT(error.what(), AllOf(HasSubstr("--rename 's/^(a+)+$/x/': name 'aaaaaaaa"),
                                  HasSubstr("match limit exceeded")));
}

TEST(Rename, BoundsTheBytesOfAllNames) {
  Limits limits;
  limits.max_header_bytes = 20;
  const Rename rename("s/(?=(.*))./\\1/g");  // grows with the square of the name
  std::string fits[] = {"aaaa", "aaaa"};
  EXPECT_EQ(rename.apply(fits, limits), 2u);
  EXPECT_EQ(fits[0].size(), 10u);
  std::string too_long[] = {"aaaa", "aaaa", "b"};
  EXPECT_EQ(error_of([&] { rename.apply(too_long, limits); }).code(), ErrorCode::Limit);
}

TEST(Rename, ReplacesTheFirstMatch) {
  EXPECT_EQ(renamed("s/a/x/", "banana"), "bxnana");
  EXPECT_EQ(renamed("s/z/x/", "banana"), "banana");
  EXPECT_EQ(renamed("s/^module\\.//", "module.fc.weight"), "fc.weight");
  EXPECT_EQ(renamed("s/$/!/", "a"), "a!");
}

TEST(Rename, ReplacesEveryMatchWithG) { EXPECT_EQ(renamed("s/a/xy/g", "banana"), "bxynxynxy"); }

TEST(Rename, CountsTheNamesItFits) {
  std::string names[] = {"ab", "b", "aa"};
  EXPECT_EQ(Rename("s/a/c/g").apply(names, Limits{}), 2u);
  EXPECT_THAT(names, ElementsAre("cb", "b", "cc"));
}

TEST(Rename, FitsEvenIfNothingChanges) {
  std::string names[] = {"a"};
  EXPECT_EQ(Rename("s/a/a/").apply(names, Limits{}), 1u);
}

TEST(Rename, InsertsGroupsAndTheWholeMatch) {
  EXPECT_EQ(renamed("s/layer(\\d+)\\.(\\w)/\\2.\\1.&/", "layer12.weight"), "w.12.layer12.weight");
  EXPECT_EQ(renamed("s/a|(b)/[\\1]/g", "ab"), "[][b]");
}

TEST(Rename, TakesEscapedCharactersOfTheTextAsTheyAre) {
  EXPECT_EQ(renamed("s/a/\\&\\\\\\//", "a"), "&\\/");
}

TEST(Rename, TakesAnyDelimiter) {
  EXPECT_EQ(renamed("s|a/b|x|", "a/b"), "x");
  EXPECT_EQ(renamed("s#a\\#b#\\#x#g", "a#b"), "#x");
  EXPECT_EQ(renamed("s|a\\|b|x|", "a|b"), "x");  // escaped: the character, not an alternative
  EXPECT_EQ(renamed("sxa\\xbxyx", "axb"), "y");
}

TEST(Rename, TreatsEmptyMatchesAsSedDoes) {
  EXPECT_EQ(renamed("s/b*/X/g", "abc"), "XaXcX");
  EXPECT_EQ(renamed("s/x*/-/g", ""), "-");
  EXPECT_EQ(renamed("s/\\b/|/g", "ab cd"), "|ab| |cd|");
}

TEST(Rename, KnowsCharactersBeyondAscii) {
  EXPECT_EQ(renamed("s/./x/g", "\u00e4\U0001f600"), "xx");
}

TEST(Rename, DoesNotSeeBytesThatAreNoUtf8) {
  EXPECT_EQ(renamed("s/./x/g",
                    "a\x80\x80"
                    "b\xff"),
            "x\x80\x80x\xff");
  EXPECT_EQ(renamed("s/ab/x/",
                    "a\xff"
                    "b"),
            "a\xff"
            "b");
}

}  // namespace
}  // namespace unbrine
