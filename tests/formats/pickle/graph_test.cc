#include "formats/pickle/graph.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace unbrine {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(Graph, SharesTheConstants) {
  Graph graph;
  const uint32_t before = graph.size();
  EXPECT_TRUE(graph.is(graph.add_none(), NodeKind::None));
  EXPECT_TRUE(graph.boolean(graph.add_bool(true)));
  EXPECT_FALSE(graph.boolean(graph.add_bool(false)));
  EXPECT_TRUE(graph.items(graph.add_empty_tuple()).empty());
  EXPECT_EQ(graph.add_tuple(nullptr, 0), graph.add_empty_tuple());
  EXPECT_EQ(graph.size(), before);
}

TEST(Graph, HoldsNumbers) {
  Graph graph;
  for (const int64_t value : {int64_t{0}, int64_t{-1}, INT64_MIN, INT64_MAX})
    EXPECT_EQ(graph.integer(graph.add_int(value)), value);
  for (const double value : {0.1, -1e300, 5e-324})
    EXPECT_EQ(graph.real(graph.add_float(value)), value);
  EXPECT_EQ(graph.text(graph.add_big_int("-18446744073709551616")), "-18446744073709551616");
}

TEST(Graph, HoldsText) {
  Graph graph;
  const NodeId empty = graph.add_text(NodeKind::String, {});
  const NodeId name = graph.add_text(NodeKind::Bytes, as_bytes("name"));
  EXPECT_EQ(graph.text(empty), "");
  EXPECT_EQ(graph.text(name), "name");
  EXPECT_EQ(graph.byte_size(name), 4);
  EXPECT_FALSE(graph.is_external(name));
}

TEST(Graph, RemembersWhereExternalBytesLie) {
  Graph graph;
  const auto source = std::make_shared<MemorySource>(std::vector<uint8_t>());
  const uint32_t number = graph.add_source(source);
  const NodeId bytes = graph.add_external(NodeKind::ByteArray, number, uint64_t{1} << 40, 5);
  EXPECT_EQ(graph.byte_source(bytes), source);
  EXPECT_TRUE(graph.is(bytes, NodeKind::ByteArray));
  EXPECT_TRUE(graph.is_external(bytes));
  EXPECT_EQ(graph.byte_offset(bytes), uint64_t{1} << 40);
  EXPECT_EQ(graph.byte_size(bytes), 5);
  EXPECT_EQ(graph.text(bytes), "");
}

TEST(Graph, GrowsListsInTurn) {
  Graph graph;
  const NodeId one = graph.add_container(NodeKind::List);
  const NodeId other = graph.add_container(NodeKind::Dict);
  const NodeId values[] = {10, 11, 12, 13, 14, 15};
  graph.append(one, values, 2);
  graph.append(one, values + 2, 1);
  graph.append(other, values + 3, 2);
  graph.append(one, values + 5, 1);
  graph.append(one, values, 0);
  EXPECT_THAT(graph.items(one).to_vector(), ElementsAre(10, 11, 12, 15));
  EXPECT_THAT(graph.items(other).to_vector(), ElementsAre(13, 14));
}

TEST(Graph, HasEmptyContainers) {
  Graph graph;
  for (const NodeKind kind : {NodeKind::List, NodeKind::Dict, NodeKind::Set})
    EXPECT_THAT(graph.items(graph.add_container(kind)).to_vector(), IsEmpty());
  EXPECT_THAT(graph.items(graph.add_frozen_set(nullptr, 0)).to_vector(), IsEmpty());
}

TEST(Graph, KeepsTuplesApartFromGrowingLists) {
  Graph graph;
  const NodeId values[] = {1, 2, 3};
  const NodeId list = graph.add_container(NodeKind::List);
  graph.append(list, values, 2);
  const NodeId tuple = graph.add_tuple(values, 3);
  graph.append(list, values + 2, 1);
  EXPECT_THAT(graph.items(tuple).to_vector(), ElementsAre(1, 2, 3));
  EXPECT_THAT(graph.items(list).to_vector(), ElementsAre(1, 2, 3));
}

Call call_of(NodeId callee, NodeId args) {
  return {.kind = CallKind::Reduce,
          .callee = callee,
          .args = args,
          .kwargs = kNoNode,
          .states = {},
          .items = {},
          .values = {},
          .offset = 7};
}

TEST(Graph, CollectsWhatIsDoneToACall) {
  Graph graph;
  const NodeId call = graph.add_call(call_of(graph.add_none(), graph.add_empty_tuple()));
  const NodeId values[] = {1, 2, 3, 4};
  graph.append_items(call, values, 2);
  graph.append_values(call, values + 2, 1);
  graph.append_state(call, 3);
  graph.append_state(call, 0);
  graph.append_items(call, values + 2, 2);
  EXPECT_THAT(graph.items(graph.call(call).items).to_vector(), ElementsAre(1, 2, 3, 4));
  EXPECT_THAT(graph.items(graph.call(call).values).to_vector(), ElementsAre(3));
  EXPECT_THAT(graph.items(graph.call(call).states).to_vector(), ElementsAre(3, 0));
  EXPECT_THAT(graph.call_nodes(), ElementsAre(call));
}

TEST(Graph, TurnsACallIntoATensor) {
  Graph graph;
  const NodeId call = graph.add_call(call_of(graph.add_none(), graph.add_empty_tuple()));
  graph.become_tensor(call, 5);
  EXPECT_TRUE(graph.is(call, NodeKind::Tensor));
  EXPECT_EQ(graph.index(call), 5);
  EXPECT_EQ(graph.tensor_call(call).offset, 7);
  EXPECT_EQ(graph.index(graph.add_tensor(6)), 6);
}

TEST(Graph, KnowsTheMeaningOfNamesAndTheirCalls) {
  Graph graph;
  const NodeId name = graph.add_global(as_bytes("collections"), as_bytes("OrderedDict"), 3);
  const NodeId other = graph.add_global(as_bytes("collections"), as_bytes("ordereddict"), 4);
  const NodeId call = graph.add_call(call_of(name, graph.add_empty_tuple()));
  EXPECT_EQ(graph.meaning(name), Meaning::OrderedDict);
  EXPECT_EQ(graph.meaning(other), Meaning::Unknown);
  EXPECT_EQ(graph.meaning(call), Meaning::Unknown);
  EXPECT_EQ(graph.callee_meaning(call), Meaning::OrderedDict);
  EXPECT_EQ(graph.callee_meaning(name), Meaning::Unknown);
}

TEST(Graph, KeepsNamesWhenItGrowsAndMoves) {
  Graph graph;
  for (int i = 0; i < 1000; ++i) {
    const std::string name = "n" + std::to_string(i);
    graph.add_global(as_bytes("m"), as_bytes(name), 0);
  }
  const Graph moved = std::move(graph);
  EXPECT_EQ(moved.globals()[0].name, "n0");
  EXPECT_EQ(moved.globals()[999].module, "m");
}

TEST(Graph, NamesEveryKind) {
  EXPECT_EQ(kind_name(NodeKind::None), "None");
  EXPECT_EQ(kind_name(NodeKind::ByteArray), "ByteArray");
  EXPECT_EQ(kind_name(NodeKind::Tensor), "Tensor");
}

}  // namespace
}  // namespace unbrine
