#include "formats/numpy/joblib.h"

#include <gmock/gmock.h>

#include "formats/interpret.h"
#include "formats/pickle/decoder.h"
#include "tests/formats/numpy/numpy_pickles.h"
#include "tests/support/error_of.h"

namespace unbrine {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

struct Wrapper {
  PickleBuilder shape = PickleBuilder().int_tuple({2, 3});
  PickleBuilder dtype = unbrine::dtype("i2");
  std::string_view order = "C";
  PickleBuilder alignment = PickleBuilder().integer(16);
};

PickleBuilder attributes(const Wrapper& wrapper) {
  PickleBuilder state;
  state.empty_dict().mark().string("subclass").global("numpy", "ndarray");
  state.string("shape").raw(wrapper.shape).string("order").string(wrapper.order);
  state.string("dtype").raw(wrapper.dtype).string("allow_mmap").newtrue();
  return state.string("numpy_array_alignment_bytes").raw(wrapper.alignment).setitems();
}

// NumpyArrayWrapper.__new__(NumpyArrayWrapper), BUILD state, and then what follows it.
PickleBuilder with_state(const PickleBuilder& state, std::string_view behind) {
  PickleBuilder pickle;
  pickle.global("joblib.numpy_pickle", "NumpyArrayWrapper").empty_tuple().newobj();
  return pickle.raw(state).build().raw(behind);
}

PickleBuilder wrapped(const Wrapper& wrapper, std::string_view behind) {
  return with_state(attributes(wrapper), behind);
}

Checkpoint read(const std::vector<uint8_t>& bytes) {
  const auto source = std::make_shared<MemorySource>(bytes);
  Checkpoint checkpoint{Limits{}};
  JoblibArrays arrays(checkpoint, source);
  const DecodedPickle decoded =
      decode_pickle(source, 0, checkpoint.limits, checkpoint.graph,
                    [&](NodeId call, uint64_t offset) { return arrays.after_build(call, offset); });
  EXPECT_EQ(decoded.end, source->size());
  interpret(checkpoint, decoded, {});
  checkpoint.root = checkpoint.graph.resolved(decoded.root);
  return checkpoint;
}

Checkpoint read(PickleBuilder pickle) { return read(pickle.stop().bytes()); }

Error refusal(const PickleBuilder& pickle) {
  return error_of([&] { read(pickle); });
}

const std::string kPadded =
    "\x03\xff\xff\xff"
    "abcdefghijkl";

TEST(Joblib, RefusesEveryPrefix) {
  PickleBuilder pickle;
  pickle.protocol(2).empty_list().raw(wrapped({}, kPadded)).append();
  const std::vector<uint8_t> whole = pickle.stop().bytes();
  for (size_t size = 0; size < whole.size(); ++size)
    error_of([&] { read(std::vector<uint8_t>(whole.begin(), whole.begin() + size)); });
}

TEST(Joblib, RefusesEveryPrefixOfAnArrayOfObjects) {
  PickleBuilder nested;
  nested.protocol(2)
      .raw(array({.dtype = dtype("O8"), .data = PickleBuilder().empty_list()}))
      .stop();
  const std::vector<uint8_t> whole =
      wrapped({.dtype = dtype("O8")}, as_text(nested.bytes())).stop().bytes();
  for (size_t size = 0; size < whole.size(); ++size)
    error_of([&] { read(std::vector<uint8_t>(whole.begin(), whole.begin() + size)); });
  read(whole);
}

TEST(Joblib, RefusesDataThatPassesTheEnd) {
  const Error error = refusal(wrapped({.shape = PickleBuilder().int_tuple({1000})}, kPadded));
  EXPECT_EQ(error.code(), ErrorCode::Corrupt);
  EXPECT_THAT(error.what(), HasSubstr("(joblib array): needs 2000 bytes of data at byte"));
  EXPECT_THAT(
      refusal(wrapped({.shape = PickleBuilder().int_tuple({INT64_MAX, 4})}, kPadded)).what(),
      HasSubstr("64 bits"));
  EXPECT_EQ(refusal(wrapped({}, "\xff")).code(), ErrorCode::Corrupt);
}

TEST(Joblib, RefusesAttributesOfAnotherType) {
  EXPECT_THAT(refusal(wrapped({.shape = PickleBuilder().none()}, kPadded)).what(),
              HasSubstr("its shape is no tuple"));
  EXPECT_THAT(refusal(wrapped({.shape = PickleBuilder().int_tuple({-1})}, kPadded)).what(),
              HasSubstr("no count"));
  EXPECT_THAT(refusal(wrapped({.dtype = PickleBuilder().none()}, kPadded)).what(),
              HasSubstr("its dtype is no numpy.dtype"));
  EXPECT_THAT(refusal(wrapped({.order = "K"}, kPadded)).what(), HasSubstr("neither 'C' nor 'F'"));
}

TEST(Joblib, RefusesAStateThatLacksAttributes) {
  EXPECT_THAT(refusal(with_state(PickleBuilder().none(), kPadded)).what(),
              HasSubstr("its state is no dict"));
  EXPECT_THAT(refusal(with_state(PickleBuilder().empty_dict(), kPadded)).what(),
              HasSubstr("it has no attribute 'dtype'"));
}

TEST(Joblib, RefusesAStateOfManyAttributes) {
  PickleBuilder state;
  state.empty_dict().mark();
  for (int i = 0; i < 33; ++i) state.integer(i).none();
  EXPECT_THAT(refusal(with_state(state.setitems(), kPadded)).what(), HasSubstr("more than 32"));
}

TEST(Joblib, RefusesMoreDimensionsThanTheLimit) {
  const PickleBuilder shape = PickleBuilder().int_tuple(std::vector<int64_t>(65, 1));
  EXPECT_EQ(refusal(wrapped({.shape = shape}, kPadded)).code(), ErrorCode::Limit);
}

TEST(Joblib, RefusesADTypeOfUnknownSize) {
  const Error error = refusal(wrapped({.dtype = PickleBuilder().global("mine", "dtype")}, kPadded));
  EXPECT_EQ(error.code(), ErrorCode::Unsupported);
  EXPECT_THAT(error.what(), HasSubstr("mine.dtype"));
}

TEST(Joblib, RefusesAnArrayInsideAFrame) {
  const PickleBuilder pickle = wrapped({}, kPadded);
  EXPECT_THAT(refusal(PickleBuilder().protocol(4).frame(pickle.size() + 1).raw(pickle)).what(),
              HasSubstr("inside a frame"));
}

TEST(Joblib, RefusesASecondState) {
  EXPECT_THAT(
      refusal(
          wrapped({.dtype = dtype("S1")}, std::string("\0abcdef", 7)).raw(attributes({})).build())
          .what(),
      HasSubstr("has 2 states"));
}

TEST(Joblib, ReadsAnArrayBehindItsPadding) {
  const Checkpoint checkpoint = read(wrapped({}, kPadded));
  ASSERT_TRUE(checkpoint.graph.is(checkpoint.root, NodeKind::Tensor));
  EXPECT_THAT(checkpoint.tensors.tensors()[0].stride, ElementsAre(3, 1));
  EXPECT_EQ(storage_content(checkpoint, 0), "abcdefghijkl");
  EXPECT_THAT(checkpoint.notes, IsEmpty());
}

TEST(Joblib, ReadsAnArrayWithoutPadding) {
  const PickleBuilder none = PickleBuilder().none();
  EXPECT_EQ(storage_content(read(wrapped({.alignment = none}, "abcdefghijkl")), 0), "abcdefghijkl");
}

TEST(Joblib, ReadsTheWrapperOfJoblib1_1WithoutThatAttribute) {
  PickleBuilder state;
  state.empty_dict().mark().string("shape").int_tuple({2}).string("order").string("F");
  state.string("dtype").raw(dtype("i2")).setitems();
  EXPECT_EQ(storage_content(read(with_state(state, "abcd")), 0), "abcd");
}

TEST(Joblib, ReadsPython2Attributes) {
  PickleBuilder state;
  state.empty_dict().mark().short_binstring("shape").int_tuple({2});
  state.short_binstring("order").short_binstring("C");
  state.short_binstring("dtype").raw(dtype("i2")).setitems();
  EXPECT_EQ(storage_content(read(with_state(state, "abcd")), 0), "abcd");
}

TEST(Joblib, ReadsColumnMajorArrays) {
  const Checkpoint checkpoint = read(wrapped({.order = "F"}, kPadded));
  EXPECT_THAT(checkpoint.tensors.tensors()[0].stride, ElementsAre(1, 2));
}

TEST(Joblib, GoesOnBehindTheArray) {
  PickleBuilder pickle;
  pickle.empty_list().raw(wrapped({}, kPadded)).append().integer(7).append();
  const Checkpoint checkpoint = read(pickle.raw(wrapped({}, kPadded)).append());
  const auto items = checkpoint.graph.items(checkpoint.root).to_vector();
  ASSERT_EQ(items.size(), 3u);
  EXPECT_EQ(checkpoint.graph.integer(items[1]), 7);
  EXPECT_TRUE(checkpoint.graph.is(items[2], NodeKind::Tensor));
}

TEST(Joblib, ReadsThePickleOfAnArrayOfObjects) {
  PickleBuilder nested;
  nested.protocol(2).raw(
      array({.dtype = dtype("O8"), .data = PickleBuilder().empty_list().raw(array()).append()}));
  PickleBuilder pickle;
  pickle.raw(wrapped({.dtype = dtype("O8")}, as_text(nested.stop().bytes()))).integer(7).tuple2();
  const Checkpoint checkpoint = read(pickle);
  const auto items = checkpoint.graph.items(checkpoint.root).to_vector();
  EXPECT_TRUE(checkpoint.graph.is(items[0], NodeKind::Stream));
  EXPECT_EQ(storage_content(checkpoint, 0), "abcdefghijkl");
}

TEST(Joblib, SkipsOtherArraysAndSaysSo) {
  PickleBuilder pickle;
  pickle.raw(wrapped({.dtype = dtype("S2")}, kPadded)).integer(7).tuple2();
  const Checkpoint checkpoint = read(pickle);
  EXPECT_THAT(checkpoint.notes, ElementsAre(HasSubstr("1 numpy array of bytes is no tensor")));
  const auto items = checkpoint.graph.items(checkpoint.root).to_vector();
  EXPECT_TRUE(checkpoint.graph.is(items[0], NodeKind::Call));
  EXPECT_EQ(checkpoint.graph.integer(items[1]), 7);
}

TEST(Joblib, NamesTheSideFilesOfOldVersions) {
  PickleBuilder pickle;
  pickle.global("joblib.numpy_pickle", "NDArrayWrapper").empty_tuple().newobj();
  pickle.empty_dict().string("filename").string("x.pkl_01.npy\x1b[2J").setitem().build();
  EXPECT_THAT(read(pickle).notes,
              ElementsAre("1 numpy array is not here but in files of their own, as joblib 0.9 and "
                          "older wrote: 'x.pkl_01.npy\\x1b[2J'"));
}

}  // namespace
}  // namespace unbrine
