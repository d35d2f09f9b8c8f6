#include "formats/tensor_names.h"

#include <gmock/gmock.h>

#include "tests/support/error_of.h"

namespace unbrine {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Graphs of containers and tensors, built directly.
class TensorNaming : public ::testing::Test {
 protected:
  NodeId tensor() { return graph.add_tensor(rows++); }
  NodeId text(std::string_view value) { return graph.add_text(NodeKind::String, as_bytes(value)); }
  NodeId list(std::vector<NodeId> items) {
    const NodeId node = graph.add_container(NodeKind::List);
    graph.append(node, items.data(), items.size());
    return node;
  }
  NodeId dict(std::vector<std::pair<std::string, NodeId>> entries) {
    const NodeId node = graph.add_container(NodeKind::Dict);
    for (const auto& [key, value] : entries) set(node, key, value);
    return node;
  }
  void set(NodeId node, std::string_view key, NodeId value) {
    const NodeId pair[] = {text(key), value};
    graph.append(node, pair, 2);
  }
  NodeId object(NodeId state) {
    const NodeId callee = graph.add_global(as_bytes("lib"), as_bytes("Thing"), 0);
    const NodeId call =
        graph.add_call({CallKind::NewObj, callee, graph.add_empty_tuple(), kNoNode, {}, {}, {}, 0});
    graph.append_state(call, state);
    return call;
  }
  std::vector<std::string> names(NodeId root, ModuleView view = ModuleView::StateDict) {
    std::vector<std::string> list;
    for (const NamedTensor& found : TensorNames(graph, root, limits).below(root, view))
      list.push_back(found.name);
    return list;
  }

  Graph graph;
  Limits limits;
  uint32_t rows = 0;
};

TEST_F(TensorNaming, JoinsThePartsOfAPath) {
  const NodeId root = dict({{"a", list({tensor(), dict({{"b.c", tensor()}})})}});
  EXPECT_THAT(names(root), ElementsAre("a.0", "a.1.b.c"));
}

TEST_F(TensorNaming, KeepsEmptyParts) {
  EXPECT_THAT(names(dict({{"", dict({{"", tensor()}})}})), ElementsAre("."));
}

TEST_F(TensorNaming, CallsARootTensorTensor) {
  EXPECT_THAT(names(tensor()), ElementsAre("tensor"));
}

NodeId add_entry(Graph& graph, NodeId dict, NodeId key, NodeId value) {
  const NodeId pair[] = {key, value};
  graph.append(dict, pair, 2);
  return dict;
}

TEST_F(TensorNaming, NamesATensorThatIsOnlyAKeyAfterItsEntry) {
  const NodeId state = add_entry(graph, dict({{"a", tensor()}}), tensor(), tensor());
  EXPECT_THAT(names(dict({{"s", state}}), ModuleView::Everything),
              ElementsAre("s.a", "s.1", "s.1.key"));
  EXPECT_THAT(names(dict({{"s", state}})), ElementsAre("s.a", "s.1"));
}

TEST_F(TensorNaming, DoesNotNameAKeyThatHasAName) {
  const NodeId parameter = tensor();
  const NodeId state = add_entry(graph, dict({}), parameter, tensor());
  EXPECT_THAT(names(dict({{"s", state}, {"p", parameter}}), ModuleView::Everything),
              ElementsAre("s.0", "p"));
}

TEST_F(TensorNaming, NamesTensorsInsideAKey) {
  const NodeId items[] = {tensor(), tensor()};
  const NodeId root = add_entry(graph, dict({}), graph.add_tuple(items, 2), text("x"));
  EXPECT_THAT(names(root, ModuleView::Everything), ElementsAre("0.key.0", "0.key.1"));
}

TEST_F(TensorNaming, EndsAtAKeyThatLeadsBackToItsDict) {
  const NodeId root = dict({});
  const NodeId items[] = {tensor(), list({root})};
  add_entry(graph, root, graph.add_tuple(items, 2), text("x"));
  EXPECT_THAT(names(root, ModuleView::Everything), ElementsAre("0.key.0"));
}

NodeId quantized(Graph& graph, NodeId integers, NodeId scale) {
  return graph.add_composite({"quantized", DType::QInt8, {}, {{"", integers}, {"scale", scale}}});
}

TEST_F(TensorNaming, NamesThePartsOfATensorByTheirRoles) {
  const NodeId whole = quantized(graph, tensor(), tensor());
  EXPECT_THAT(names(dict({{"w", whole}})), ElementsAre("w", "w.scale"));
  EXPECT_THAT(names(whole), ElementsAre("tensor", "scale"));
}

TEST_F(TensorNaming, NamesASharedContainerAtEachOfItsPlaces) {
  const NodeId shared = dict({{"w", tensor()}});
  EXPECT_THAT(names(dict({{"x", shared}, {"y", shared}})), ElementsAre("x.w", "y.w"));
}

TEST_F(TensorNaming, NamesASharedObjectOnce) {
  const NodeId shared = object(dict({{"w", tensor()}}));
  EXPECT_THAT(names(dict({{"x", shared}, {"y", shared}})), ElementsAre("x.w"));
}

TEST_F(TensorNaming, EndsACycleWhereItCloses) {
  const NodeId root = dict({{"w", tensor()}});
  set(root, "self", root);
  EXPECT_THAT(names(root), ElementsAre("w"));
}

TEST_F(TensorNaming, DoesNotEnterADoublingTreeWithoutTensors) {
  NodeId node = list({});
  for (int i = 0; i < 200; ++i) node = list({node, node});
  EXPECT_THAT(names(dict({{"bomb", node}, {"w", tensor()}})), ElementsAre("w"));
}

TEST_F(TensorNaming, BoundsADoublingTreeWithATensor) {
  NodeId node = tensor();
  for (int i = 0; i < 60; ++i) node = list({node, node});
  limits.max_tensors = 1000;
  EXPECT_EQ(error_of([&] { names(node); }).code(), ErrorCode::Limit);
}

TEST_F(TensorNaming, BoundsTheNumberOfNames) {
  const NodeId shared = tensor();
  limits.max_tensors = 3;
  EXPECT_EQ(names(list({shared, shared, shared})).size(), 3u);
  EXPECT_EQ(error_of([&] {
              names(list({shared, shared, shared, shared}));
            }).code(),
            ErrorCode::Limit);
}

TEST_F(TensorNaming, BoundsPathsThatLeadNowhere) {
  // Every node refers to all others, and the only tensor is a key: reachable, but not by a name.
  std::vector<NodeId> nodes;
  for (int i = 0; i < 40; ++i) nodes.push_back(list({}));
  for (const NodeId node : nodes) graph.append(node, nodes.data(), nodes.size());
  const NodeId keyed = graph.add_container(NodeKind::Dict);
  const NodeId pair[] = {tensor(), graph.add_none()};
  graph.append(keyed, pair, 2);
  graph.append(nodes[0], &keyed, 1);
  limits.max_path_depth = 100;
  EXPECT_EQ(error_of([&] { names(nodes[1]); }).code(), ErrorCode::Limit);
}

TEST_F(TensorNaming, SurvivesAMillionNestedLists) {
  NodeId node = list({});
  for (int i = 0; i < 1'000'000; ++i) node = list({node});
  EXPECT_THAT(names(node), IsEmpty());
}

TEST_F(TensorNaming, RefusesAPathThatIsTooDeep) {
  limits.max_path_depth = 3;
  EXPECT_THAT(names(list({list({list({tensor()})})})), ElementsAre("0.0.0"));
  const Error error = error_of([&] { names(list({list({list({list({tensor()})})})})); });
  EXPECT_EQ(error.code(), ErrorCode::Limit);
  EXPECT_THAT(error.what(), HasSubstr("max_path_depth"));
}

TEST_F(TensorNaming, BoundsTheBytesOfAllNames) {
  limits.max_header_bytes = 100;
  const NodeId root = dict({{std::string(101, 'x'), tensor()}});
  EXPECT_THAT(error_of([&] { names(root); }).what(), HasSubstr("max_header_bytes"));
}

TEST_F(TensorNaming, TellsBelowWhichMemberOfTheRootATensorLies) {
  const NodeId root = dict({{"a", graph.add_none()}, {"b", list({tensor()})}, {"c", tensor()}});
  const auto found = TensorNames(graph, root, limits).below(root, ModuleView::StateDict);
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].top, 1u);
  EXPECT_EQ(found[1].top, 2u);
}

std::vector<std::string> writable(std::vector<std::string> names) {
  make_names_writable(names);
  return names;
}

TEST(WritableNames, KeepTheFirstOfEqualNames) {
  EXPECT_THAT(writable({"a", "a", "a"}), ElementsAre("a", "a~1", "a~2"));
}

TEST(WritableNames, TakeNoNameThatAnotherTensorHas) {
  EXPECT_THAT(writable({"a", "a", "a~1"}), ElementsAre("a", "a~2", "a~1"));
}

TEST(WritableNames, StepAsideForTheReservedName) {
  EXPECT_THAT(writable({"__metadata__"}), ElementsAre("__metadata__~1"));
}

TEST(WritableNames, SpellOutBytesThatAreNoUtf8) {
  EXPECT_THAT(writable({"a\xff", "\xed\xa0\x80"}), ElementsAre("a\\xff", "\\xed\\xa0\\x80"));
}

TEST(WritableNames, TellWhatWasChanged) {
  std::vector<std::string> names = {"ok", "ok", "fine"};
  const auto changed = make_names_writable(names);
  ASSERT_EQ(changed.size(), 1u);
  EXPECT_EQ(changed[0].index, 1u);
  EXPECT_EQ(changed[0].original, "ok");
}

}  // namespace
}  // namespace unbrine
