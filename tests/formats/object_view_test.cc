#include "formats/object_view.h"

#include <gmock/gmock.h>

#include "formats/pickle/decoder.h"
#include "tests/support/pickle_builder.h"

namespace unbrine {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class ObjectView : public ::testing::Test {
 protected:
  // "name=value" for each member; values are ints.
  std::vector<std::string> members_of(PickleBuilder builder,
                                      ModuleView view = ModuleView::StateDict) {
    return members_of(decode(builder), view);
  }

  NodeId decode(PickleBuilder builder) {
    const auto source = std::make_shared<MemorySource>(builder.stop().bytes());
    return decode_pickle(source, 0, Limits{}, graph).root;
  }

  std::vector<std::string> members_of(NodeId node, ModuleView view = ModuleView::StateDict) {
    std::vector<std::string> list;
    for (const Member& member : members(graph, node, view)) {
      std::string text;
      append_part(text, member, true);
      const bool is_int = graph.is(member.value, NodeKind::Int);
      list.push_back(text + (is_int ? "=" + std::to_string(graph.integer(member.value)) : ""));
    }
    return list;
  }

  Graph graph;
};

PickleBuilder dict(std::initializer_list<std::pair<const char*, int>> entries) {
  PickleBuilder builder;
  builder.empty_dict();
  for (const auto& [key, value] : entries) builder.string(key).integer(value).setitem();
  return builder;
}

TEST_F(ObjectView, KeepsTheFirstPlaceAndTheLastValueOfARepeatedKey) {
  EXPECT_THAT(members_of(dict({{"a", 1}, {"b", 2}, {"a", 3}})), ElementsAre("a=3", "b=2"));
}

TEST_F(ObjectView, TakesTrueAndOneForTheSameKey) {
  PickleBuilder builder;
  builder.empty_dict().integer(1).integer(10).setitem().newtrue().integer(11).setitem();
  EXPECT_THAT(members_of(builder), ElementsAre("1=11"));
}

TEST_F(ObjectView, NamesKeysThatAreNoStrings) {
  PickleBuilder builder;
  builder.empty_dict().integer(-7).integer(0).setitem().newfalse().integer(1).setitem();
  builder.none().integer(2).setitem().empty_tuple().integer(3).setitem();
  EXPECT_THAT(members_of(builder), ElementsAre("-7=0", "False=1", "None=2", "3=3"));
}

TEST_F(ObjectView, NamesPython2ByteStringKeysAsText) {
  PickleBuilder builder;
  builder.empty_dict().short_binstring("weight").integer(1).setitem();
  EXPECT_THAT(members_of(builder), ElementsAre("weight=1"));
}

TEST_F(ObjectView, NumbersThePlacesOfAList) {
  EXPECT_THAT(members_of(PickleBuilder().mark().integer(5).integer(6).list()),
              ElementsAre("0=5", "1=6"));
}

TEST_F(ObjectView, ReadsAnOrderedDictGivenAsPairs) {
  PickleBuilder builder;
  builder.global("collections", "OrderedDict").mark().mark();
  builder.mark().string("a").integer(1).list().mark().string("b").integer(2).list();
  builder.list().tuple().reduce();
  EXPECT_THAT(members_of(builder), ElementsAre("a=1", "b=2"));
}

TEST_F(ObjectView, ShowsAttributesOfAnOrderedDictOnlyInTheFullView) {
  PickleBuilder builder;
  builder.ordered_dict().string("w").integer(1).setitem();
  builder.raw(dict({{"_metadata", 9}})).build();
  const NodeId node = decode(builder);
  EXPECT_THAT(members_of(node), ElementsAre("w=1"));
  EXPECT_THAT(members_of(node, ModuleView::Everything), ElementsAre("w=1", "_metadata=9"));
}

TEST_F(ObjectView, NamesAttributesItemsAndValuesOfAnUnknownObject) {
  PickleBuilder builder;
  builder.global("lib", "Thing").empty_tuple().newobj();
  builder.raw(dict({{"attribute", 1}})).build();
  builder.string("key").integer(2).setitem();
  builder.integer(3).append();
  EXPECT_THAT(members_of(builder), ElementsAre("args", "attribute=1", "key=2", "0=3"));
}

TEST_F(ObjectView, ReadsAttributesFromAPairOfDictAndSlots) {
  PickleBuilder builder;
  builder.global("lib", "Thing").empty_tuple().newobj();
  builder.raw(dict({{"a", 1}})).raw(dict({{"slot", 2}})).tuple2().build();
  EXPECT_THAT(members_of(builder), ElementsAre("args", "a=1", "slot=2"));
}

TEST_F(ObjectView, KeepsAStateThatIsNoAttributes) {
  PickleBuilder builder;
  builder.global("lib", "Thing").empty_tuple().newobj().integer(5).build();
  EXPECT_THAT(members_of(builder), ElementsAre("args", "state=5"));
}

PickleBuilder module() {
  PickleBuilder builder;
  builder.global("lib", "Net").empty_tuple().newobj().empty_dict();
  builder.string("training").integer(0).setitem();
  builder.string("_parameters").raw(dict({{"weight", 1}})).setitem();
  builder.string("_buffers").raw(dict({{"mean", 2}, {"cache", 3}})).setitem();
  builder.string("_non_persistent_buffers_set").empty_set();
  builder.mark().string("cache").additems().setitem();
  builder.string("_modules").raw(dict({{"child", 4}})).setitem();
  return builder.build();
}

TEST_F(ObjectView, ListsAModuleAsItsStateDictDoes) {
  const NodeId node = decode(module());
  EXPECT_TRUE(is_module(graph, node));
  EXPECT_FALSE(is_opaque(graph, node));
  EXPECT_THAT(members_of(node), ElementsAre("weight=1", "mean=2", "child=4"));
}

TEST_F(ObjectView, ListsAModuleInFullWhenAsked) {
  EXPECT_THAT(members_of(module(), ModuleView::Everything),
              ElementsAre("weight=1", "mean=2", "cache=3", "child=4", "training=0"));
}

TEST_F(ObjectView, TakesNoObjectForAModuleThatLacksOneOfTheThreeDicts) {
  PickleBuilder builder;
  builder.global("lib", "Net").empty_tuple().newobj();
  builder.empty_dict().string("_parameters").empty_dict().setitem();
  builder.string("_modules").empty_dict().setitem().build();
  EXPECT_FALSE(is_module(graph, decode(builder)));
}

PickleBuilder two_items() { return PickleBuilder().mark().integer(5).integer(6).list(); }

TEST_F(ObjectView, NumbersTheItemsOfSetsAndDeques) {
  for (const char* name : {"set", "frozenset"}) {
    PickleBuilder builder;
    EXPECT_THAT(members_of(builder.global("builtins", name).raw(two_items()).tuple1().reduce()),
                ElementsAre("0=5", "1=6"));
  }
  PickleBuilder deque;
  deque.global("collections", "deque").raw(two_items()).integer(9).tuple2().reduce();
  EXPECT_THAT(members_of(deque.integer(7).append()), ElementsAre("0=5", "1=6", "2=7"));
}

TEST_F(ObjectView, TakesADefaultdictAndACounterForDicts) {
  PickleBuilder by_default;
  by_default.global("collections", "defaultdict").global("builtins", "list").tuple1().reduce();
  EXPECT_THAT(members_of(by_default.string("a").integer(1).setitem()), ElementsAre("a=1"));
  PickleBuilder counter;
  counter.global("collections", "Counter").raw(dict({{"a", 2}})).tuple1().reduce();
  EXPECT_THAT(members_of(counter), ElementsAre("a=2"));
}

TEST_F(ObjectView, TakesATupleOfDictsForAttributesOnlyIfItIsAPair) {
  PickleBuilder slots;
  slots.global("lib", "Thing").empty_tuple().newobj().none().raw(dict({{"a", 1}})).tuple2().build();
  EXPECT_THAT(members_of(slots), ElementsAre("args", "a=1"));
  PickleBuilder partial;
  partial.global("lib", "Thing").empty_tuple().newobj();
  partial.none().raw(dict({{"a", 1}})).none().tuple3().build();
  EXPECT_THAT(members_of(partial), ElementsAre("args", "state"));
}

TEST_F(ObjectView, ShowsTheValuesOfAnArrayOfObjects) {
  PickleBuilder builder;
  builder.global("numpy.core.multiarray", "_reconstruct").empty_tuple().reduce();
  builder.mark().integer(1).int_tuple({2}).none().newfalse().raw(two_items()).tuple().build();
  EXPECT_THAT(members_of(builder), ElementsAre("0=5", "1=6"));
}

TEST_F(ObjectView, TakesAnObjectOfTorchScriptForAModule) {
  PickleBuilder builder;
  builder.global("__torch__.net", "Net").empty_tuple().newobj().raw(dict({{"a", 1}})).build();
  EXPECT_TRUE(is_module(graph, decode(builder)));
}

TEST_F(ObjectView, FindsAnAttributeByName) {
  const NodeId state = decode(dict({{"a", 1}, {"b", 2}}));
  EXPECT_EQ(graph.integer(attribute(graph, state, "b")), 2);
  EXPECT_EQ(attribute(graph, state, "c"), kNoNode);
}

TEST_F(ObjectView, GivesLeavesNoMembers) {
  EXPECT_THAT(members_of(PickleBuilder().integer(1)), IsEmpty());
  EXPECT_THAT(members_of(PickleBuilder().string("text")), IsEmpty());
}

}  // namespace
}  // namespace unbrine
