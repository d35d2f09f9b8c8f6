#include "formats/numpy/numpy_objects.h"

#include <gmock/gmock.h>

#include "formats/pickle/decoder.h"
#include "tests/support/error_of.h"
#include "tests/support/pickle_builder.h"

namespace unbrine {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// dtype(code, False, True), BUILD (3, order, None, None, None, -1, -1, 0)
PickleBuilder dtype(std::string_view code, std::string_view order = "<") {
  PickleBuilder pickle;
  pickle.global("numpy", "dtype").string(code).newfalse().newtrue().tuple3().reduce();
  pickle.mark().integer(3).string(order).none().none().none().integer(-1).integer(-1).integer(0);
  return pickle.tuple().build();
}

PickleBuilder bytes(std::string_view content) { return PickleBuilder().binbytes(content); }

PickleBuilder reconstruct(const PickleBuilder& state, std::string_view module) {
  PickleBuilder pickle;
  pickle.global(module, "_reconstruct").global("numpy", "ndarray").int_tuple({0});
  return pickle.short_binbytes("b").tuple3().reduce().raw(state).build();
}

struct ArrayState {
  PickleBuilder shape = PickleBuilder().int_tuple({2, 3});
  PickleBuilder dtype = unbrine::dtype("i2");
  PickleBuilder fortran = PickleBuilder().newfalse();
  PickleBuilder data = bytes("abcdefghijkl");
  std::string_view module = "numpy._core.multiarray";
};

PickleBuilder array(const ArrayState& parts = {}) {
  PickleBuilder state;
  state.mark().integer(1).raw(parts.shape).raw(parts.dtype).raw(parts.fortran).raw(parts.data);
  return reconstruct(state.tuple(), parts.module);
}

PickleBuilder from_buffer(std::string_view content, std::string_view order) {
  PickleBuilder pickle;
  pickle.global("numpy._core.numeric", "_frombuffer").mark().bytearray8(content);
  return pickle.raw(dtype("u1")).int_tuple({2, 3}).string(order).tuple().reduce();
}

class NumpyObjects : public ::testing::Test {
 protected:
  Checkpoint build(PickleBuilder pickle) {
    const auto source = std::make_shared<MemorySource>(pickle.stop().bytes());
    Checkpoint checkpoint(source, Limits{});
    checkpoint.root = decode_pickle(*source, 0, Limits{}, checkpoint.graph).root;
    build_arrays(checkpoint, source);
    return checkpoint;
  }

  // The one array of the pickle.
  Tensor only(const PickleBuilder& pickle) {
    const Checkpoint checkpoint = build(pickle);
    EXPECT_TRUE(checkpoint.graph.is(checkpoint.root, NodeKind::Tensor));
    const Tensor tensor = checkpoint.tensors.tensors().at(0);
    storage = checkpoint.tensors.storage_of(tensor);
    return tensor;
  }

  std::string content() const {
    const auto read = storage.source->read_all(storage.offset, storage.size);
    return std::string(as_text(read));
  }

  Error refusal(const PickleBuilder& pickle) {
    return error_of([&] { build(pickle); });
  }

  Storage storage;
};

TEST_F(NumpyObjects, RefusesDataOfAnotherSize) {
  const Error error = refusal(array({.data = bytes("abc")}));
  EXPECT_EQ(error.code(), ErrorCode::Corrupt);
  EXPECT_THAT(error.what(), HasSubstr("(numpy array): has 3 bytes of data, its shape and dtype "
                                      "need 12"));
}

TEST_F(NumpyObjects, RefusesAShapeThatWraps) {
  const PickleBuilder shape = PickleBuilder().int_tuple({INT64_MAX, INT64_MAX});
  EXPECT_THAT(refusal(array({.shape = shape})).what(), HasSubstr("64 bits"));
  EXPECT_THAT(refusal(array({.shape = PickleBuilder().int_tuple({-1})})).what(),
              HasSubstr("no count"));
}

TEST_F(NumpyObjects, RefusesAStateOfAnotherShape) {
  EXPECT_THAT(
      refusal(reconstruct(PickleBuilder().int_tuple({1, 2}), "numpy.core.multiarray")).what(),
      HasSubstr("its state has 2 items, expected 5"));
  EXPECT_THAT(refusal(reconstruct(PickleBuilder().none(), "numpy.core.multiarray")).what(),
              HasSubstr("its state is no tuple"));
}

TEST_F(NumpyObjects, RefusesAnUnknownByteOrder) {
  EXPECT_THAT(refusal(array({.dtype = dtype("i2", "?")})).what(), HasSubstr("byte order is '?'"));
}

TEST_F(NumpyObjects, RefusesDataThatACallWouldMake) {
  PickleBuilder call;
  call.global("os", "urandom").integer(12).tuple1().reduce();
  EXPECT_THAT(refusal(array({.data = call})).what(), HasSubstr("result of a call"));
  PickleBuilder rot13;
  rot13.global("_codecs", "encode").string("abcdefghijkl").string("rot13").tuple2().reduce();
  EXPECT_THAT(refusal(array({.data = rot13})).what(), HasSubstr("not as latin1"));
}

TEST_F(NumpyObjects, RefusesTextBeyondLatin1) {
  PickleBuilder data;
  data.global("_codecs", "encode").string("\u20ac").string("latin1").tuple2().reduce();
  EXPECT_THAT(refusal(array({.data = data})).what(), HasSubstr("beyond latin1"));
}

TEST_F(NumpyObjects, ReadsAnArrayOfEitherSpelling) {
  for (const char* module : {"numpy.core.multiarray", "numpy._core.multiarray"}) {
    const Tensor tensor = only(array({.module = module}));
    EXPECT_EQ(tensor.dtype, DType::I16);
    EXPECT_THAT(tensor.shape, ElementsAre(2, 3));
    EXPECT_THAT(tensor.stride, ElementsAre(3, 1));
    EXPECT_EQ(content(), "abcdefghijkl");
  }
}

TEST_F(NumpyObjects, ReadsColumnMajorArrays) {
  EXPECT_THAT(only(array({.fortran = PickleBuilder().newtrue()})).stride, ElementsAre(1, 2));
  EXPECT_THAT(only(array({.fortran = PickleBuilder().integer(1)})).stride, ElementsAre(1, 2));
}

TEST_F(NumpyObjects, ReadsDataThatProtocol2WroteAsText) {
  PickleBuilder data;
  data.global("_codecs", "encode").string("ab\u00ff\u0080\u007f\u00c3ghijkl").string("latin1");
  only(array({.data = data.tuple2().reduce()}));
  EXPECT_EQ(content(), "ab\xff\x80\x7f\xc3ghijkl");
  PickleBuilder none;
  none.global("__builtin__", "bytes").empty_tuple().reduce();
  EXPECT_THAT(only(array({.shape = PickleBuilder().int_tuple({0, 3}), .data = none})).shape,
              ElementsAre(0, 3));
}

TEST_F(NumpyObjects, ReadsPython2Strings) {
  only(array({.data = PickleBuilder().short_binstring("abcdefghijkl")}));
  EXPECT_EQ(content(), "abcdefghijkl");
}

TEST_F(NumpyObjects, ReadsABufferOfProtocol5) {
  EXPECT_THAT(only(from_buffer("abcdef", "C")).stride, ElementsAre(3, 1));
  EXPECT_THAT(only(from_buffer("abcdef", "F")).stride, ElementsAre(1, 2));
  EXPECT_EQ(content(), "abcdef");
  EXPECT_THAT(refusal(from_buffer("abcdef", "A")).what(), HasSubstr("neither 'C' nor 'F'"));
}

TEST_F(NumpyObjects, LeavesLongDataWhereItLies) {
  const std::string large(200'000, 'x');
  const PickleBuilder shape = PickleBuilder().int_tuple({100'000});
  only(array({.shape = shape, .data = bytes(large)}));
  EXPECT_EQ(content(), large);
  EXPECT_GT(storage.source->size(), storage.size);  // the pickle itself
}

TEST_F(NumpyObjects, MarksBigEndianNumbers) {
  only(array({.dtype = dtype("i2", ">")}));
  EXPECT_TRUE(storage.big_endian);
}

TEST_F(NumpyObjects, LeavesArraysOfOtherThingsAsRecords) {
  for (const char* code : {"O8", "S2", "U3", "M8", "V12", "f16"}) {
    const Checkpoint checkpoint = build(array({.dtype = dtype(code)}));
    EXPECT_TRUE(checkpoint.graph.is(checkpoint.root, NodeKind::Call)) << code;
  }
}

}  // namespace
}  // namespace unbrine
