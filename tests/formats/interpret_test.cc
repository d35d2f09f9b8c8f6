#include "formats/interpret.h"

#include <gmock/gmock.h>

#include "formats/tensor_names.h"
#include "tests/support/error_of.h"
#include "tests/support/legacy_stream.h"
#include "tests/support/pickle_builder.h"

namespace unbrine {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Checkpoint read(const PickleBuilder& pickle, const Limits& limits = {}) {
  return open_checkpoint(std::make_shared<MemorySource>(pickle.bytes()), limits);
}

Error refusal(const PickleBuilder& pickle, const Limits& limits = {}) {
  return error_of([&] { read(pickle, limits); });
}

std::vector<std::string> names(const Checkpoint& checkpoint) {
  std::vector<std::string> list;
  const TensorNames all(checkpoint.graph, checkpoint.root, checkpoint.limits);
  for (const NamedTensor& tensor : all.below(checkpoint.root, ModuleView::Everything))
    list.push_back(tensor.name);
  return list;
}

PickleBuilder load_from_bytes(const std::vector<uint8_t>& bytes) {
  const std::string text(bytes.begin(), bytes.end());
  PickleBuilder pickle;
  pickle.global("torch.storage", "_load_from_bytes");
  return pickle.binbytes(text).tuple1().reduce();
}

// The stream of a storage of two floats.
std::vector<uint8_t> storage_stream() {
  return legacy_stream(PickleBuilder().storage("FloatStorage", "0", 2),
                       {{"0", "\1\2\3\4\5\6\7\10"}});
}

// {"w": a tensor of two elements in `storage`}
PickleBuilder dict_of_tensor(const PickleBuilder& storage) {
  PickleBuilder pickle;
  pickle.protocol(3).empty_dict().string("w").global("torch._utils", "_rebuild_tensor_v2").mark();
  pickle.raw(storage).integer(0).int_tuple({2}).int_tuple({1}).newfalse().ordered_dict();
  return pickle.tuple().reduce().setitem().stop();
}

TEST(Interpret, RefusesAStreamThatIsNoBytes) {
  PickleBuilder storage;
  storage.global("torch.storage", "_load_from_bytes").integer(1).tuple1().reduce();
  const Error error = refusal(dict_of_tensor(storage));
  EXPECT_EQ(error.code(), ErrorCode::Corrupt);
  EXPECT_THAT(error.what(), HasSubstr("(_load_from_bytes): its argument is no bytes"));
}

TEST(Interpret, RefusesAStreamWithoutAnArgument) {
  PickleBuilder storage;
  storage.global("torch.storage", "_load_from_bytes").empty_tuple().reduce();
  EXPECT_EQ(refusal(dict_of_tensor(storage)).code(), ErrorCode::Corrupt);
}

TEST(Interpret, RefusesAStreamCutShortAnywhere) {
  const std::vector<uint8_t> whole = storage_stream();
  for (size_t size = 0; size < whole.size(); ++size) {
    const std::vector<uint8_t> part(whole.begin(), whole.begin() + static_cast<long>(size));
    const Error error = refusal(dict_of_tensor(load_from_bytes(part)));
    EXPECT_TRUE(error.code() == ErrorCode::Corrupt || error.code() == ErrorCode::Unsupported)
        << size << ": " << error.what();
  }
}

TEST(Interpret, RefusesATensorOverAStreamThatHoldsNoStorage) {
  const std::vector<uint8_t> stream = legacy_stream(PickleBuilder().integer(1), {});
  EXPECT_THAT(refusal(dict_of_tensor(load_from_bytes(stream))).what(), HasSubstr("is no storage"));
}

TEST(Interpret, BoundsStreamsInsideEachOther) {
  std::vector<uint8_t> stream = storage_stream();
  for (int i = 0; i < 20; ++i)
    stream = PickleBuilder().protocol(3).raw(load_from_bytes(stream)).stop().bytes();
  const Error error = refusal(PickleBuilder().raw(stream));
  EXPECT_EQ(error.code(), ErrorCode::Limit);
  EXPECT_THAT(error.what(), HasSubstr("max_nesting"));
}

TEST(Interpret, BoundsOpcodesOverAllStreamsTogether) {
  Limits limits;
  limits.max_opcodes = 40;
  EXPECT_THAT(refusal(dict_of_tensor(load_from_bytes(storage_stream())), limits).what(),
              HasSubstr("max_opcodes"));
}

TEST(Interpret, ReadsBytesOnceHoweverOftenTheyAreLoaded) {
  const std::vector<uint8_t> stream = storage_stream();
  PickleBuilder pickle;
  pickle.protocol(3).global("torch.storage", "_load_from_bytes").binput(0);
  pickle.binbytes(std::string(stream.begin(), stream.end())).binput(1).empty_list().mark();
  for (int i = 0; i < 1000; ++i) pickle.binget(0).binget(1).tuple1().reduce();
  const Checkpoint checkpoint = read(pickle.appends().stop());
  EXPECT_EQ(checkpoint.tensors.storages().size(), 1u);
  EXPECT_LT(checkpoint.graph.opcodes_decoded, 5000u);
}

TEST(Interpret, FindsTheStorageOfATensorInAStream) {
  const Checkpoint checkpoint = read(dict_of_tensor(load_from_bytes(storage_stream())));
  EXPECT_THAT(names(checkpoint), ElementsAre("w"));
  const Tensor& tensor = checkpoint.tensors.tensors().at(0);
  EXPECT_EQ(tensor.dtype, DType::F32);
  const Storage& storage = checkpoint.tensors.storage_of(tensor);
  EXPECT_THAT(storage.source->read_all(storage.offset, storage.size),
              ElementsAre(1, 2, 3, 4, 5, 6, 7, 8));
}

TEST(Interpret, FindsTheStorageThroughSeveralStreams) {
  std::vector<uint8_t> stream = storage_stream();
  for (int i = 0; i < 3; ++i)
    stream = PickleBuilder().protocol(3).raw(load_from_bytes(stream)).stop().bytes();
  EXPECT_THAT(names(read(dict_of_tensor(load_from_bytes(stream)))), ElementsAre("w"));
}

TEST(Interpret, ReadsTheAttributesThatSkorchPicklesByThemselves) {
  const std::vector<uint8_t> inner = dict_of_tensor(load_from_bytes(storage_stream())).bytes();
  for (const char* key : {"__cuda_dependent_attributes__", "cuda_dependent_attributes_"}) {
    PickleBuilder net;
    net.protocol(3).global("skorch.net", "NeuralNet").empty_tuple().newobj();
    net.empty_dict().string(key).binbytes(std::string(inner.begin(), inner.end())).setitem();
    EXPECT_THAT(names(read(net.build().stop())), ElementsAre("w")) << key;
  }
}

TEST(Interpret, LeavesAnAttributeOfThatNameThatIsNoBytesAsItIs) {
  PickleBuilder nets;
  nets.protocol(3).empty_list().mark();
  for (int i = 0; i < 2; ++i) {
    nets.global("skorch.net", "NeuralNet").empty_tuple().newobj();
    nets.empty_dict().string("cuda_dependent_attributes_").none().setitem().build();
  }
  const Checkpoint checkpoint = read(nets.appends().stop());
  EXPECT_TRUE(checkpoint.graph.is(0, NodeKind::None));
}

TEST(Interpret, KeepsAStorageThatBelongsToNoTensorAsAVector) {
  const Checkpoint checkpoint =
      read(PickleBuilder().protocol(3).raw(load_from_bytes(storage_stream())).stop());
  ASSERT_EQ(checkpoint.tensors.tensors().size(), 1u);
  EXPECT_THAT(checkpoint.tensors.tensors()[0].shape, ElementsAre(2));
  EXPECT_TRUE(checkpoint.graph.is(checkpoint.root, NodeKind::Tensor));
}

TEST(Interpret, SeesThroughTheTagsOfTorchScript) {
  PickleBuilder pickle;
  pickle.protocol(3).global("torch.jit._pickle", "restore_type_tag");
  pickle.raw(load_from_bytes(storage_stream())).string("Tensor").tuple2().reduce().stop();
  EXPECT_THAT(names(read(pickle)), ElementsAre("tensor"));
}

}  // namespace
}  // namespace unbrine
