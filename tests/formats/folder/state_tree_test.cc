#include "formats/folder/state_tree.h"

#include <gmock/gmock.h>

#include "tests/formats/pickle/decoded.h"
#include "tests/support/error_of.h"

namespace unbrine {
namespace {

using ::testing::HasSubstr;
using Path = std::vector<PathPart>;

Path path(std::initializer_list<PathPart> parts) { return parts; }
PathPart key(const char* text) { return std::string(text); }
PathPart place(uint64_t number) { return number; }

TEST(StateTree, RejectsAPathThroughAValue) {
  StateTree tree;
  tree.add(path({key("a")}), 0);
  const Error error = error_of([&] { tree.add(path({key("a"), key("b")}), 0); });
  EXPECT_EQ(error.code(), ErrorCode::Corrupt);
  EXPECT_THAT(error.what(), HasSubstr("goes through 'a', which is a value"));
}

TEST(StateTree, RejectsTwoValuesInOnePlace) {
  StateTree tree;
  tree.add(path({key("a"), key("b")}), 0);
  EXPECT_THAT(error_of([&] {
                tree.add(path({key("a"), key("b")}), 0);
              }).what(),
              HasSubstr("two values"));
  EXPECT_THAT(error_of([&] { tree.add(path({key("a")}), 0); }).what(), HasSubstr("two values"));
}

TEST(StateTree, BuildsDictsAndLists) {
  Graph graph;
  StateTree tree;
  tree.add(path({key("model"), key("w")}), graph.add_int(1));
  tree.add(path({key("list"), place(1), key("x")}), graph.add_int(3));
  tree.add(path({key("list"), place(0)}), graph.add_int(2));
  tree.add(path({key("model"), key("a.b")}), graph.add_int(4));
  EXPECT_EQ(shown(graph, tree.build(graph)),
            "{u'model', {u'w', 1, u'a.b', 4}, u'list', [2, {u'x', 3}]}");
}

TEST(StateTree, MakesADictOfPlacesThatAreNoList) {
  Graph graph;
  StateTree tree;
  tree.add(path({key("far"), place(INT64_MAX)}), graph.add_int(1));
  tree.add(path({key("mixed"), place(0)}), graph.add_int(2));
  tree.add(path({key("mixed"), key("0")}), graph.add_int(3));
  EXPECT_EQ(shown(graph, tree.build(graph)),
            "{u'far', {9223372036854775807, 1}, u'mixed', {0, 2, u'0', 3}}");
}

TEST(StateTree, IsADictEvenWithoutValues) {
  Graph graph;
  EXPECT_EQ(shown(graph, StateTree().build(graph)), "{}");
}

}  // namespace
}  // namespace unbrine
