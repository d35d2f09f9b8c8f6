#include "formats/bare_pickle.h"

#include <gmock/gmock.h>

#include "tests/support/error_of.h"
#include "tests/support/pickle_builder.h"

namespace unbrine {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// {"w": numpy.array([1, 2], dtype="u1")}
PickleBuilder arrays() {
  PickleBuilder pickle;
  pickle.protocol(2).empty_dict().string("w");
  pickle.global("numpy.core.multiarray", "_reconstruct").global("numpy", "ndarray");
  pickle.int_tuple({0}).short_binstring("b").tuple3().reduce();
  pickle.mark().integer(1).int_tuple({2}).global("numpy", "dtype");
  pickle.string("u1").integer(0).integer(1).tuple3().reduce();
  pickle.integer(0).short_binstring("\1\2").tuple().build();
  return pickle.setitem().stop();
}

Checkpoint read(const PickleBuilder& pickle) {
  return open_checkpoint(std::make_shared<MemorySource>(pickle.bytes()), Limits{});
}

Error refusal(const PickleBuilder& pickle) {
  return error_of([&] { read(pickle); });
}

TEST(BarePickle, RefusesBytesBehindIt) {
  EXPECT_EQ(refusal(arrays().raw("x")).code(), ErrorCode::Corrupt);
  EXPECT_THAT(refusal(arrays().raw("x")).what(), HasSubstr("1 bytes follow the pickle's STOP"));
}

TEST(BarePickle, SaysThatASecondPickleFollows) {
  EXPECT_EQ(refusal(arrays().raw(arrays())).code(), ErrorCode::Unsupported);
}

TEST(BarePickle, NamesJoblibWhoseArraysStandBetweenTheOpcodes) {
  PickleBuilder pickle;
  pickle.protocol(4).global("joblib.numpy_pickle", "NumpyArrayWrapper").raw("\xff\xff raw bytes");
  EXPECT_EQ(refusal(pickle).code(), ErrorCode::Unsupported);
  EXPECT_THAT(refusal(pickle).what(), HasSubstr("joblib"));
}

TEST(BarePickle, RefusesPersistentIds) {
  PickleBuilder pickle;
  pickle.protocol(2).storage("FloatStorage", "0", 1).stop();
  EXPECT_EQ(refusal(pickle).code(), ErrorCode::Corrupt);
}

TEST(BarePickle, CutShortAnywhereIsCorrupt) {
  const auto whole = arrays().bytes();
  for (size_t size = 2; size < whole.size(); ++size) {
    const PickleBuilder part = PickleBuilder().raw(
        std::vector<uint8_t>(whole.begin(), whole.begin() + static_cast<long>(size)));
    EXPECT_EQ(refusal(part).code(), ErrorCode::Corrupt) << size;
  }
}

TEST(BarePickle, ReadsItsArrays) {
  const Checkpoint checkpoint = read(arrays());
  EXPECT_EQ(checkpoint.format, "pickle");
  ASSERT_EQ(checkpoint.tensors.tensors().size(), 1u);
  EXPECT_THAT(checkpoint.tensors.tensors()[0].shape, ElementsAre(2));
}

TEST(BarePickle, SaysThatTorchTensorsInItAreNotRead) {
  PickleBuilder storage;
  storage.global("torch.storage", "_load_from_bytes").short_binbytes("x").tuple1().reduce();
  PickleBuilder pickle;
  pickle.protocol(3).global("torch._utils", "_rebuild_tensor_v2").mark().raw(storage);
  pickle.integer(0).int_tuple({1}).int_tuple({1}).newfalse().ordered_dict().tuple().reduce().stop();
  EXPECT_THAT(read(pickle).notes,
              ElementsAre("1 tensor made by torch._utils._rebuild_tensor_v2 is not read yet: left "
                          "out"));
}

}  // namespace
}  // namespace unbrine
