#include "formats/tree/state_json.h"

#include <gmock/gmock.h>

#include "tests/formats/numpy/numpy_pickles.h"
#include "tests/formats/torch/interpreted.h"
#include "tests/formats/tree/tree_folder.h"
#include "tests/formats/tree/tree_samples.h"

namespace unbrine {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

std::string state_text(const Checkpoint& checkpoint, const Limits& limits) {
  return state_json(checkpoint.graph, checkpoint.root, checkpoint.tensors, places_of(checkpoint),
                    limits);
}

// --- Bad input ---

class FailingSource : public Source {
 public:
  uint64_t size() const override { return 1 << 20; }

 private:
  void read_range(uint64_t, MutableByteSpan) const override {
    fail(ErrorCode::Io, "the disk is gone");
  }
};

TEST(StateJson, ReportsBytesThatCannotBeRead) {
  Checkpoint checkpoint{Limits{}};
  const uint32_t source = checkpoint.graph.add_source(std::make_shared<FailingSource>());
  checkpoint.root = checkpoint.graph.add_external(NodeKind::Bytes, source, 0, 1 << 20);
  const Error error = error_of([&] { tree_text(checkpoint); });
  EXPECT_EQ(error.code(), ErrorCode::Io);
}

TEST(StateJson, ChecksTheSizeOfBytesBeforeTheyAreRead) {
  Checkpoint checkpoint{Limits{}};
  const uint32_t source = checkpoint.graph.add_source(std::make_shared<FailingSource>());
  checkpoint.root = checkpoint.graph.add_external(NodeKind::Bytes, source, 0, 1 << 20);
  Limits limits;
  limits.max_inflated_bytes = (1 << 20) - 1;
  const Error error = error_of([&] { state_text(checkpoint, limits); });
  EXPECT_EQ(error.code(), ErrorCode::Limit);
  EXPECT_THAT(error.what(), HasSubstr("max_inflated_bytes"));
}

TEST(StateJson, BoundsItsText) {
  const Checkpoint checkpoint = tree_checkpoint(PickleBuilder().string("abcdefgh"));
  Limits limits;
  limits.max_inflated_bytes = tree_text(checkpoint).size();
  EXPECT_EQ(state_text(checkpoint, limits), tree_text(checkpoint));
  limits.max_inflated_bytes = 40;
  EXPECT_EQ(error_of([&] { state_text(checkpoint, limits); }).code(), ErrorCode::Limit);
}

// Ten lists, each twice in the next, have 2^10 paths.
TEST(StateJson, GrowsWithValuesNotWithPaths) {
  PickleBuilder pickle;
  pickle.empty_list().memoize();
  for (uint8_t i = 0; i < 10; ++i)
    pickle.pop().empty_list().mark().binget(i).binget(i).appends().memoize();
  const TreeText text = tree_of(pickle);
  EXPECT_EQ(text.tree, R"([{"$ref":0},{"$ref":0}])");
  EXPECT_LT(text.shared.size(), 300u);
}

// Text that many calls turn into bytes is written once.
TEST(StateJson, EmbedsALongTextOnce) {
  PickleBuilder pickle;
  pickle.string(std::string(100, 'a')).memoize().pop().empty_list().mark();
  for (int i = 0; i < 3; ++i)
    pickle.global("_codecs", "encode").binget(0).string("latin1").tuple2().reduce();
  const TreeText text = tree_of(pickle.appends());
  EXPECT_THAT(text.tree, StartsWith(R"([{"$bytes":"YWFh)"));
  EXPECT_THAT(text.tree, HasSubstr(R"({"$object":{"class":["_codecs","encode"],"by":"reduce",)"
                                   R"("args":[{"$ref":0},"latin1"]}})"));
  EXPECT_EQ(text.shared, "[\"" + std::string(100, 'a') + "\"]");
}

TEST(StateJson, MovesWhatLiesTooDeepToTheSharedValues) {
  PickleBuilder pickle;
  for (int i = 0; i < 1000; ++i) pickle.empty_list();
  for (int i = 1; i < 1000; ++i) pickle.append();
  const TreeText text = tree_of(pickle);
  EXPECT_EQ(text.tree, std::string(101, '[') + R"({"$ref":0})" + std::string(101, ']'));
  EXPECT_THAT(text.shared, HasSubstr(R"({"$ref":8})"));
}

TEST(StateJson, SurvivesManyLevels) {
  PickleBuilder pickle;
  for (int i = 0; i < 10'000; ++i) pickle.empty_tuple().tuple1();
  for (int i = 1; i < 10'000; ++i) pickle.tuple2();
  EXPECT_GT(tree_of(pickle).shared.size(), 10'000u);
}

// --- Sharing ---

TEST(StateJson, NumbersSharedValuesAsTheyAreMet) {
  PickleBuilder pickle;
  pickle.empty_list().memoize().pop().empty_dict().memoize().pop().empty_list().mark();
  pickle.empty_list().binget(1).append().binget(0).binget(1).binget(0).appends();
  const TreeText text = tree_of(pickle);
  EXPECT_EQ(text.tree, R"([[{"$ref":0}],{"$ref":1},{"$ref":0},{"$ref":1}])");
  EXPECT_EQ(text.shared, "[{},[]]");
}

TEST(StateJson, RepeatsShortTextAndSharesLongText) {
  PickleBuilder pickle;
  pickle.string(std::string(64, 'a')).memoize().pop().string(std::string(65, 'b')).memoize().pop();
  pickle.empty_list().mark().binget(0).binget(0).binget(1).binget(1).appends();
  const std::string shorter = "\"" + std::string(64, 'a') + "\"";
  const TreeText text = tree_of(pickle);
  EXPECT_EQ(text.tree, "[" + shorter + "," + shorter + R"(,{"$ref":0},{"$ref":0}])");
  EXPECT_EQ(text.shared, "[\"" + std::string(65, 'b') + "\"]");
}

TEST(StateJson, RepeatsTuplesOfEightScalarsAndSharesLongerOnes) {
  PickleBuilder pickle;
  pickle.int_tuple({1, 2, 3, 4, 5, 6, 7, 8}).memoize().pop();
  pickle.int_tuple({1, 2, 3, 4, 5, 6, 7, 8, 9}).memoize().pop();
  pickle.empty_list().mark().binget(0).binget(0).binget(1).binget(1).appends();
  const std::string eight = R"({"$tuple":[1,2,3,4,5,6,7,8]})";
  const TreeText text = tree_of(pickle);
  EXPECT_EQ(text.tree, "[" + eight + "," + eight + R"(,{"$ref":0},{"$ref":0}])");
  EXPECT_EQ(text.shared, R"([{"$tuple":[1,2,3,4,5,6,7,8,9]}])");
}

TEST(StateJson, SharesByteArraysHoweverShort) {
  PickleBuilder pickle;
  pickle.bytearray8("a").memoize().pop().empty_list().mark().binget(0).binget(0).appends();
  EXPECT_EQ(tree_of(pickle).tree, R"([{"$ref":0},{"$ref":0}])");
}

TEST(StateJson, SharesAStreamThatIsMetTwice) {
  Checkpoint checkpoint{Limits{}};
  Graph& graph = checkpoint.graph;
  const NodeId stream = graph.add_text(NodeKind::Bytes, as_bytes("x"));
  graph.become_stream(stream, {graph.add_container(NodeKind::List), "torch-zip"});
  const NodeId both[] = {stream, stream};
  checkpoint.root = graph.add_container(NodeKind::List);
  graph.append(checkpoint.root, both, 2);
  const TreeText text = tree_of(checkpoint);
  EXPECT_EQ(text.tree, R"([{"$ref":0},{"$ref":0}])");
  EXPECT_EQ(text.shared, R"([{"$stream":[],"kind":"torch-zip"}])");
}

// --- Keys ---

TEST(StateJson, WritesAKeyThatIsSetTwiceOnce) {
  PickleBuilder pickle;
  pickle.empty_dict().mark().string("a").integer(1).string("b").integer(2);
  pickle.short_binstring("a").integer(3).setitems();
  EXPECT_EQ(tree_of(pickle).tree, R"({"a":3,"b":2})");
}

TEST(StateJson, KeepsAnIntApartFromItsDigits) {
  PickleBuilder pickle;
  pickle.empty_dict().mark().long_line("99999999999999999999L").integer(1);
  pickle.string("99999999999999999999").integer(2).setitems();
  EXPECT_EQ(tree_of(pickle).tree,
            R"({"$dict":[[{"$int":"99999999999999999999"},1],["99999999999999999999",2]]})");
}

TEST(StateJson, KeepsATextApartFromPython2Bytes) {
  PickleBuilder pickle;
  pickle.empty_dict().mark().short_binstring("\xc3\xa9").integer(1);
  pickle.string("\xc3\xa9").integer(2).setitems();
  EXPECT_EQ(tree_of(pickle).tree, "{\"$dict\":[[{\"$bytes\":\"w6k=\"},1],[\"\xc3\xa9\",2]]}");
}

// --- Places ---

TEST(StateJson, SaysWhatWasLeftOut) {
  const Checkpoint checkpoint =
      tree_checkpoint(PickleBuilder().tensor_v2("FloatStorage", "0", 6, 0, {2, 3}, {3, 1}));
  const std::vector<TensorPlace> nowhere(checkpoint.tensors.tensors().size());
  EXPECT_THAT(state_json(checkpoint.graph, checkpoint.root, checkpoint.tensors, nowhere, Limits{}),
              HasSubstr(R"("tree":{"$tensor":{"dtype":"float32","shape":[2,3],"left_out":true}})"));
}

TEST(StateJson, SharesTheAttributesOfATensorThatIsMetTwice) {
  PickleBuilder args;
  args.tensor_v2("FloatStorage", "0", 2, 0, {2}, {1}).newtrue().ordered_dict();
  args.empty_dict().string("tag").empty_list().setitem();
  PickleBuilder pickle = torch_call("_rebuild_parameter_with_state", args);
  pickle.memoize().pop().empty_list().mark().binget(0).binget(0).appends();
  EXPECT_EQ(tree_of(pickle).tree, R"([{"$ref":0},{"$ref":0}])");
}

// joblib puts raw bytes between the opcodes.
TEST(StateJson, KeepsTheDatesOfAJoblibFile) {
  PickleBuilder state;
  state.empty_dict().mark().string("subclass").global("numpy", "ndarray").string("shape");
  state.int_tuple({2}).string("order").string("C").string("dtype").raw(dtype("S3", "|"));
  state.setitems();
  PickleBuilder pickle;
  pickle.protocol(3).global("joblib.numpy_pickle", "NumpyArrayWrapper").empty_tuple().newobj();
  pickle.raw(state).build().raw("abcdef").stop();
  const Checkpoint checkpoint =
      open_checkpoint(std::make_shared<MemorySource>(pickle.bytes()), Limits{});
  EXPECT_EQ(tree_of(checkpoint).tree,
            R"({"$ndarray":{"dtype":"|S3","shape":[2],"data":"YWJjZGVm"}})");
}

TEST(StateJson, WritesAStreamInItsPlace) {
  Checkpoint checkpoint{Limits{}};
  Graph& graph = checkpoint.graph;
  const NodeId stream = graph.add_text(NodeKind::Bytes, as_bytes("x"));
  graph.become_stream(stream, {graph.add_none(), "pickle"});
  checkpoint.root = graph.add_container(NodeKind::Dict);
  graph.set(checkpoint.root, "__cuda_dependent_attributes__", stream);
  EXPECT_EQ(tree_of(checkpoint).tree,
            R"({"__cuda_dependent_attributes__":{"$stream":null,"kind":"pickle"}})");
}

// --- Each kind of value ---

class EveryTreeValue : public ::testing::TestWithParam<TreeSample> {};

TEST_P(EveryTreeValue, IsWrittenAsTheTableOfKeysSays) {
  const TreeText text = tree_of(GetParam().pickle);
  EXPECT_EQ(text.tree, GetParam().tree);
  EXPECT_EQ(text.shared, GetParam().shared);
}

INSTANTIATE_TEST_SUITE_P(StateJson, EveryTreeValue, ::testing::ValuesIn(all_tree_samples()),
                         [](const auto& sample) { return std::string(sample.param.name); });

}  // namespace
}  // namespace unbrine
