#include "converter/state_compare.h"

#include <gtest/gtest.h>

namespace unbrine {
namespace {

std::string path_of(std::string_view a, std::string_view b) {
  const std::optional<StateDifference> difference = first_json_difference(a, b);
  return difference ? difference->path : "equal";
}

TEST(StateCompare, EqualTextsHaveNoDifference) {
  EXPECT_EQ(path_of(R"({"a":1})", R"({"a":1})"), "equal");
  EXPECT_EQ(path_of("", ""), "equal");
}

TEST(StateCompare, NamesThePathOfTheFirstDifference) {
  EXPECT_EQ(path_of(R"({"a":1,"b":{"c":[1,2,{"d":3}]}})", R"({"a":1,"b":{"c":[1,2,{"d":4}]}})"),
            "b.c.2.d");
  EXPECT_EQ(path_of(R"([[],[0,[1]],5])", R"([[],[0,[1]],6])"), "2");
  EXPECT_EQ(path_of(R"({"a":{"x":1},"b":2})", R"({"a":{"x":1},"b":3})"), "b");
}

TEST(StateCompare, TextInStringsIsNoStructure) {
  EXPECT_EQ(path_of(R"({"a":"}],\"{","b":1})", R"({"a":"}],\"{","b":2})"), "b");
  EXPECT_EQ(path_of(R"({"a":{"b":"t","c":["u",1]}})", R"({"a":{"b":"t","c":["u",2]}})"), "a.c.1");
  EXPECT_EQ(path_of(R"({"a":"x","b":{}})", R"({"a":"x" "b":{}})"), "a");
  EXPECT_EQ(path_of(R"({"a":"x,y"})", R"({"a":"x,z"})"), "a");
  EXPECT_EQ(path_of(R"(["x","y"])", R"(["x","z"])"), "1");
}

TEST(StateCompare, AKeyThatDiffersIsNamedByItsObject) {
  EXPECT_EQ(path_of(R"({"o":{"lr":1}})", R"({"o":{"lx":1}})"), "o");
}

TEST(StateCompare, ShowsWhatStandsThere) {
  const auto difference = first_json_difference(R"({"lr":0.25,"e":1})", R"({"lr":0.5,"e":1})");
  ASSERT_TRUE(difference);
  EXPECT_EQ(difference->a, "0.25");
  EXPECT_EQ(difference->b, "0.5");
}

TEST(StateCompare, TakesATextThatEndsEarly) {
  EXPECT_EQ(path_of(R"({"a":[1,2)", R"({"a":[1,2,3]})"), "a.1");
  EXPECT_EQ(path_of("", "{}"), "");
  EXPECT_EQ(path_of(R"({"a\)", R"({"a\\":1})"), "");
}

}  // namespace
}  // namespace unbrine
