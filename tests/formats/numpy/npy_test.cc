#include "formats/numpy/npy.h"

#include <gmock/gmock.h>

#include "tests/formats/numpy/npy_builder.h"
#include "tests/formats/numpy/numpy_pickles.h"
#include "tests/support/error_of.h"

namespace unbrine {
namespace {

using ::testing::AnyOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

const std::string kShorts = npy(npy_literal("'<i2'", "(2, 3)"), "abcdefghijkl");

Checkpoint open(std::string_view file) {
  return open_checkpoint(std::make_shared<MemorySource>(as_vector(file)), Limits{});
}

Error refusal(std::string_view file) {
  return error_of([&] { open(file); });
}

// An array of objects as numpy.save writes it: the whole array is pickled behind the header.
std::string objects(const PickleBuilder& list) {
  PickleBuilder pickle;
  pickle.protocol(4).raw(
      array({.shape = PickleBuilder().int_tuple({1}), .dtype = dtype("O8", "|"), .data = list}));
  return npy(npy_literal("'|O'", "(1,)"), as_text(pickle.stop().bytes()));
}

std::string keys_of(const Checkpoint& checkpoint) {
  std::string keys;
  bool is_key = true;
  for (const NodeId item : checkpoint.graph.items(checkpoint.root)) {
    if (is_key) keys += std::string(checkpoint.graph.text(item)) + " ";
    is_key = !is_key;
  }
  return keys;
}

TEST(Npy, RefusesEveryPrefix) {
  for (size_t size = 0; size < kShorts.size(); ++size)
    EXPECT_THAT(refusal(kShorts.substr(0, size)).code(),
                AnyOf(ErrorCode::Corrupt, ErrorCode::Unsupported))
        << size;
}

TEST(Npy, RefusesEveryPrefixOfAnArrayOfObjects) {
  const std::string whole = objects(PickleBuilder().empty_list().raw(array()).append());
  for (size_t size = 0; size < whole.size(); ++size) refusal(whole.substr(0, size));
  open(whole);
}

TEST(Npy, RefusesEveryPrefixOfASecondArray) {
  for (size_t size = 1; size < kShorts.size(); ++size)
    EXPECT_EQ(refusal(kShorts + kShorts.substr(0, size)).code(), ErrorCode::Corrupt) << size;
}

TEST(Npy, RefusesDataThatIsTooShort) {
  const Error error = refusal(npy(npy_literal("'<i2'", "(2, 3)"), "abc"));
  EXPECT_THAT(error.what(), HasSubstr("array at byte 0: its shape and dtype need 12 bytes of data, "
                                      "3 are left"));
}

TEST(Npy, RefusesBytesBehindTheArray) {
  EXPECT_THAT(refusal(kShorts + "x").what(), HasSubstr("byte 140: 1 bytes follow the array"));
  EXPECT_THAT(refusal(kShorts + std::string(8, '\0')).what(), HasSubstr("8 bytes follow"));
}

TEST(Npy, RefusesSizesThatWrap) {
  EXPECT_THAT(refusal(npy(npy_literal("'<f8'", "(2305843009213693952,)"), "")).what(),
              HasSubstr("64 bits"));
  EXPECT_THAT(
      refusal(npy(npy_literal("'<f8'", "(4611686018427387904, 4611686018427387904, 0)"), ""))
          .what(),
      HasSubstr("64 bits"));
}

TEST(Npy, ReadsAnArrayWhereItLies) {
  const Checkpoint checkpoint = open(kShorts);
  EXPECT_EQ(checkpoint.format, "npy");
  ASSERT_TRUE(checkpoint.graph.is(checkpoint.root, NodeKind::Tensor));
  EXPECT_THAT(checkpoint.tensors.tensors()[0].shape, ElementsAre(2, 3));
  EXPECT_EQ(checkpoint.tensors.storages()[0].offset, 128u);
  EXPECT_EQ(storage_content(checkpoint, 0), "abcdefghijkl");
}

TEST(Npy, ReadsColumnMajorBigEndianArrays) {
  const Checkpoint checkpoint =
      open(npy(npy_literal("'>i2'", "(2, 3)", "True"), "abcdefghijkl", 3));
  EXPECT_THAT(checkpoint.tensors.tensors()[0].stride, ElementsAre(1, 2));
  EXPECT_TRUE(checkpoint.tensors.storages()[0].big_endian);
}

TEST(Npy, ReadsArraysBehindEachOther) {
  const Checkpoint checkpoint = open(kShorts + npy(npy_literal("'|u1'", "()"), "x") + kShorts);
  EXPECT_EQ(keys_of(checkpoint), "#1 #2 #3 ");
  EXPECT_EQ(storage_content(checkpoint, 1), "x");
  EXPECT_EQ(storage_content(checkpoint, 2), "abcdefghijkl");
}

TEST(Npy, ReadsWhatAnArrayOfObjectsHolds) {
  const Checkpoint checkpoint = open(objects(PickleBuilder().empty_list().raw(array()).append()));
  EXPECT_TRUE(checkpoint.graph.is(checkpoint.root, NodeKind::Call));
  EXPECT_EQ(storage_content(checkpoint, 0), "abcdefghijkl");
}

TEST(Npy, KeepsOtherArraysWithTheirBytesAndSaysSo) {
  const Checkpoint checkpoint =
      open(npy(npy_literal("'<U1'", "(2,)"), std::string("a\0\0\0b\0\0\0", 8)));
  EXPECT_EQ(keys_of(checkpoint), "descr fortran_order shape data ");
  EXPECT_THAT(checkpoint.notes, ElementsAre(StartsWith("1 numpy array of text is no tensor")));
  const auto items = checkpoint.graph.items(checkpoint.root).to_vector();
  EXPECT_EQ(checkpoint.graph.text(items[1]), "'<U1'");
  EXPECT_EQ(checkpoint.graph.byte_offset(items[7]), 128u);
  EXPECT_EQ(checkpoint.graph.byte_size(items[7]), 8u);
}

}  // namespace
}  // namespace unbrine
