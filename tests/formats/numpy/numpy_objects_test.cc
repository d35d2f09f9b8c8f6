#include "formats/numpy/numpy_objects.h"

#include <gmock/gmock.h>

#include "formats/pickle/decoder.h"
#include "tests/formats/numpy/numpy_pickles.h"
#include "tests/support/error_of.h"

namespace unbrine {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

PickleBuilder from_buffer(std::string_view content, std::string_view order) {
  PickleBuilder pickle;
  pickle.global("numpy._core.numeric", "_frombuffer").mark().bytearray8(content);
  return pickle.raw(dtype("u1")).int_tuple({2, 3}).string(order).tuple().reduce();
}

// _mareconstruct(MaskedArray, ndarray, (0,), b'b'), BUILD (1, shape, dtype, fortran, data, mask,
// fill)
PickleBuilder masked(const ArrayState& parts, std::string_view mask) {
  PickleBuilder pickle;
  pickle.global("numpy.ma.core", "_mareconstruct").mark().global("numpy.ma", "MaskedArray");
  pickle.global("numpy", "ndarray").int_tuple({0}).short_binbytes("b").tuple().reduce();
  pickle.mark().integer(1).raw(parts.shape).raw(parts.dtype).raw(parts.fortran).raw(parts.data);
  return pickle.binbytes(mask).none().tuple().build();
}

class NumpyObjects : public ::testing::Test {
 protected:
  Checkpoint build(PickleBuilder pickle) {
    const auto source = std::make_shared<MemorySource>(pickle.stop().bytes());
    Checkpoint checkpoint{Limits{}};
    const DecodedPickle decoded = decode_pickle(source, 0, Limits{}, checkpoint.graph);
    checkpoint.root = decoded.root;
    build_arrays(checkpoint, decoded.calls);
    return checkpoint;
  }

  // The one array of the pickle.
  Tensor only(const PickleBuilder& pickle) {
    const Checkpoint checkpoint = build(pickle);
    EXPECT_TRUE(checkpoint.graph.is(checkpoint.root, NodeKind::Tensor));
    EXPECT_THAT(checkpoint.notes, IsEmpty());
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
  EXPECT_THAT(refusal(array({.shape = PickleBuilder().integer(3)})).what(),
              HasSubstr("its shape is no tuple"));
}

TEST_F(NumpyObjects, RefusesAStateOfAnotherShape) {
  EXPECT_THAT(refusal(reconstruct({}, PickleBuilder().int_tuple({1, 2}))).what(),
              HasSubstr("its state has 2 items, expected 5"));
  EXPECT_THAT(refusal(reconstruct({}, PickleBuilder().none())).what(),
              HasSubstr("its state is no tuple"));
  EXPECT_THAT(refusal(array().raw(array_state()).build()).what(), HasSubstr("has 2 states"));
  EXPECT_THAT(refusal(array({.fortran = PickleBuilder().none()})).what(),
              HasSubstr("its order is no flag"));
}

TEST_F(NumpyObjects, RefusesDataThatACallWouldMake) {
  PickleBuilder call;
  call.global("os", "urandom").integer(12).tuple1().reduce();
  EXPECT_THAT(refusal(array({.data = call})).what(), HasSubstr("its data is no bytes but a Call"));
  PickleBuilder rot13;
  rot13.global("_codecs", "encode").string("abcdefghijkl").string("rot13").tuple2().reduce();
  EXPECT_THAT(refusal(array({.data = rot13})).what(), HasSubstr("not as latin1"));
}

TEST_F(NumpyObjects, RefusesABufferOfAnotherOrder) {
  EXPECT_THAT(refusal(from_buffer("abcdef", "A")).what(), HasSubstr("neither 'C' nor 'F'"));
  EXPECT_THAT(refusal(from_buffer("abcdef", "K")).what(), HasSubstr("neither 'C' nor 'F'"));
}

TEST_F(NumpyObjects, RefusesAMaskOfAnotherSize) {
  EXPECT_THAT(refusal(masked({}, "short")).what(), HasSubstr("has 5 bytes of data"));
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

TEST_F(NumpyObjects, ReadsAStateWithoutAVersion) {
  PickleBuilder state;
  state.mark().int_tuple({2, 3}).raw(dtype("i2")).newfalse().raw(bytes("abcdefghijkl")).tuple();
  EXPECT_THAT(only(reconstruct({}, state)).shape, ElementsAre(2, 3));
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
}

TEST_F(NumpyObjects, ReadsABufferWithItsAxesPermuted) {
  PickleBuilder pickle;
  pickle.global("numpy._core.numeric", "_frombuffer").mark().bytearray8("abcdef");
  pickle.raw(dtype("u1")).int_tuple({2, 3}).string("K").int_tuple({1, 0}).tuple().reduce();
  const Tensor tensor = only(pickle);
  EXPECT_THAT(tensor.shape, ElementsAre(3, 2));
  EXPECT_THAT(tensor.stride, ElementsAre(1, 3));
}

TEST_F(NumpyObjects, LeavesLongDataWhereItLies) {
  const std::string large(200'000, 'x');
  const PickleBuilder shape = PickleBuilder().int_tuple({100'000});
  only(array({.shape = shape, .data = bytes(large)}));
  EXPECT_EQ(content(), large);
  EXPECT_GT(storage.source->size(), storage.size);  // the pickle itself
}

TEST_F(NumpyObjects, CopiesSharedDataOnce) {
  const std::string text(1000, 'x');
  const PickleBuilder call = PickleBuilder().global("_codecs", "encode").binget(7).string("latin1");
  const ArrayState parts = {.shape = PickleBuilder().int_tuple({500}),
                            .data = PickleBuilder(call).tuple2().reduce()};
  PickleBuilder pickle;
  pickle.empty_list().string(text).binput(7).append();
  const Checkpoint checkpoint = build(pickle.raw(array(parts)).append().raw(array(parts)).append());
  ASSERT_EQ(checkpoint.tensors.storages().size(), 2u);
  EXPECT_EQ(checkpoint.tensors.storages()[0].source, checkpoint.tensors.storages()[1].source);
}

TEST_F(NumpyObjects, MarksBigEndianNumbers) {
  only(array({.dtype = dtype("i2", ">")}));
  EXPECT_TRUE(storage.big_endian);
}

TEST_F(NumpyObjects, ReadsMaskedArraysAsDataAndMask) {
  const Checkpoint checkpoint =
      build(masked({.fortran = PickleBuilder().newtrue()}, std::string("\0\1\0\0\0\1", 6)));
  ASSERT_TRUE(checkpoint.graph.is(checkpoint.root, NodeKind::Composite));
  const Composite& composite = checkpoint.graph.composite(checkpoint.root);
  EXPECT_EQ(composite.layout, "masked");
  EXPECT_EQ(composite.dtype, DType::I16);
  EXPECT_THAT(composite.shape, ElementsAre(2, 3));
  ASSERT_EQ(composite.parts.size(), 2u);
  EXPECT_EQ(composite.parts[0].role, "");
  EXPECT_EQ(composite.parts[1].role, "mask");
  EXPECT_EQ(storage_content(checkpoint, 0), "abcdefghijkl");
  EXPECT_EQ(storage_content(checkpoint, 1), std::string("\0\1\0\0\0\1", 6));
  const Tensor& mask = checkpoint.tensors.tensors()[1];
  EXPECT_EQ(mask.dtype, DType::Bool);
  EXPECT_THAT(mask.stride, ElementsAre(1, 2));
}

TEST_F(NumpyObjects, ReadsSubclassesOfNumpy) {
  only(array({.type = PickleBuilder().global("numpy", "matrix")}));
  only(array({.type = PickleBuilder().global("numpy.core.memmap", "memmap")}));
  EXPECT_EQ(content(), "abcdefghijkl");
}

TEST_F(NumpyObjects, ReadsSubclassesThatExtendTheState) {
  const ArrayState parts = {.type = PickleBuilder().global("astropy.units", "Quantity")};
  PickleBuilder extended;
  extended.mark().integer(1).raw(parts.shape).raw(parts.dtype).raw(parts.fortran).raw(parts.data);
  only(reconstruct(parts, extended.string("info").tuple()));
  only(reconstruct(parts, PickleBuilder().raw(array_state()).empty_dict().tuple2()));
  EXPECT_EQ(content(), "abcdefghijkl");
}

TEST_F(NumpyObjects, LeavesSubclassesWithAStateOfTheirOwn) {
  const ArrayState parts = {.type = PickleBuilder().global("mine", "Array")};
  const Checkpoint checkpoint = build(reconstruct(parts, PickleBuilder().empty_dict()));
  EXPECT_TRUE(checkpoint.graph.is(checkpoint.root, NodeKind::Call));
  EXPECT_THAT(checkpoint.notes, ElementsAre(HasSubstr("1 numpy array of class mine.Array")));
}

TEST_F(NumpyObjects, LeavesArraysOfOtherThingsAsRecordsAndSaysSo) {
  for (const char* code : {"S2", "U3", "M8", "V12", "f16"}) {
    const Checkpoint checkpoint = build(array({.dtype = dtype(code)}));
    EXPECT_TRUE(checkpoint.graph.is(checkpoint.root, NodeKind::Call)) << code;
    EXPECT_EQ(checkpoint.notes.size(), 1u);
  }
  PickleBuilder two;
  two.raw(array({.dtype = dtype("M8")})).raw(array({.dtype = dtype("M8")})).tuple2();
  EXPECT_THAT(build(two).notes,
              ElementsAre("2 numpy arrays of datetime64 are no tensors: kept out of the tensors"));
}

TEST_F(NumpyObjects, LeavesStructuresAsRecords) {
  EXPECT_THAT(build(array({.dtype = structured_dtype()})).notes,
              ElementsAre(HasSubstr("1 numpy array of a structure of 2 fields is no tensor")));
}

TEST_F(NumpyObjects, ReadsArraysInsideAnArrayOfObjects) {
  PickleBuilder list;
  list.empty_list().raw(array()).append().none().append();
  const Checkpoint checkpoint =
      build(array({.shape = PickleBuilder().int_tuple({2}), .dtype = dtype("O8"), .data = list}));
  EXPECT_TRUE(checkpoint.graph.is(checkpoint.root, NodeKind::Call));
  EXPECT_EQ(checkpoint.tensors.tensors().size(), 1u);
  EXPECT_THAT(checkpoint.notes, IsEmpty());
}

}  // namespace
}  // namespace unbrine
