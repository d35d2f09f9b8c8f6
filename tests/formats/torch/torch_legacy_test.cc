#include "formats/torch/torch_legacy.h"

#include <gmock/gmock.h>

#include "tests/support/error_of.h"
#include "tests/support/pickle_builder.h"

namespace unbrine {
namespace {

using ::testing::HasSubstr;

constexpr std::string_view kMagic = "\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19";

// A legacy stream in parts, each of which a test may replace.
struct Stream {
  PickleBuilder magic = PickleBuilder().protocol(2).long1(kMagic).stop();
  PickleBuilder version = PickleBuilder().protocol(2).integer(1001).stop();
  PickleBuilder system = PickleBuilder().protocol(2).empty_dict().stop();
  PickleBuilder object = one_tensor();
  PickleBuilder keys = key_list({"7"});
  PickleBuilder storages = PickleBuilder().raw({2, 0, 0, 0, 0, 0, 0, 0}).raw("12345678");
  PickleBuilder tail = {};

  static PickleBuilder one_tensor() {
    PickleBuilder pickle;
    return pickle.protocol(2).tensor_v2("FloatStorage", "7", 2, 0, {2}, {1}).stop();
  }

  static PickleBuilder key_list(const std::vector<std::string>& keys) {
    PickleBuilder pickle;
    pickle.protocol(2).empty_list();
    for (const std::string& key : keys) pickle.string(key).append();
    return pickle.stop();
  }

  std::vector<uint8_t> bytes() const {
    PickleBuilder all;
    for (const PickleBuilder* part : {&magic, &version, &system, &object, &keys, &storages, &tail})
      all.raw(*part);
    return all.bytes();
  }
};

Checkpoint read(const Stream& stream) {
  return open_checkpoint(std::make_shared<MemorySource>(stream.bytes()), Limits{});
}

Error refusal(const Stream& stream) {
  return error_of([&] { read(stream); });
}

// ('storage', torch.FloatStorage, '7', 'cpu', 4, (view_key, offset, numel))
PickleBuilder tensor_of_view(int64_t offset, int64_t numel) {
  PickleBuilder pickle;
  pickle.protocol(2).global("torch._utils", "_rebuild_tensor_v2").mark().mark();
  pickle.string("storage").global("torch", "FloatStorage").string("7").string("cpu").integer(4);
  pickle.string("view").integer(offset).integer(numel).tuple3().tuple().binpersid();
  pickle.integer(1).int_tuple({1}).int_tuple({1}).newfalse().ordered_dict();
  return pickle.tuple().reduce().stop();
}

TEST(TorchLegacy, RefusesAnotherProtocolVersion) {
  Stream stream;
  stream.version = PickleBuilder().protocol(2).integer(1002).stop();
  EXPECT_THAT(refusal(stream).what(), HasSubstr("protocol version: is not 1001"));
}

TEST(TorchLegacy, RefusesAnElementCountThatDiffersFromTheObject) {
  Stream stream;
  stream.storages = PickleBuilder().raw({3, 0, 0, 0, 0, 0, 0, 0}).raw("123456789012");
  EXPECT_THAT(refusal(stream).what(), HasSubstr("holds 3 elements, the object says 2"));
}

TEST(TorchLegacy, RefusesAKeyThatNoTensorNames) {
  Stream stream;
  stream.keys = Stream::key_list({"7", "8"});
  EXPECT_THAT(refusal(stream).what(), HasSubstr("storage '8': is listed but no tensor names it"));
}

TEST(TorchLegacy, RefusesAKeyListedTwiceOrNotAtAll) {
  Stream stream;
  stream.keys = Stream::key_list({"7", "7"});
  EXPECT_THAT(refusal(stream).what(), HasSubstr("storage '7': is listed twice"));
  stream.keys = Stream::key_list({});
  EXPECT_THAT(refusal(stream).what(), HasSubstr("storage '7': is not in the key list"));
}

TEST(TorchLegacy, RefusesAKeyListOfAnotherType) {
  Stream stream;
  stream.keys = PickleBuilder().protocol(2).empty_dict().stop();
  EXPECT_THAT(refusal(stream).what(), HasSubstr("storage keys: is no list"));
  stream.keys = PickleBuilder().protocol(2).empty_list().integer(7).append().stop();
  EXPECT_THAT(refusal(stream).what(), HasSubstr("no string"));
}

TEST(TorchLegacy, RefusesBytesBehindTheLastStorage) {
  Stream stream;
  stream.tail.raw({0, 0, 1});
  EXPECT_THAT(refusal(stream).what(), HasSubstr("3 bytes follow the pickle"));
  EXPECT_EQ(refusal(stream).code(), ErrorCode::Corrupt);
}

TEST(TorchLegacy, LetsZeroPaddingFollow) {
  Stream stream;
  stream.tail.raw(std::string(100'000, '\0'));
  EXPECT_EQ(read(stream).tensors.tensors().size(), 1u);
}

TEST(TorchLegacy, RefusesAHugeCountBeforeReading) {
  Stream stream;
  stream.object =
      PickleBuilder().protocol(2).tensor_v2("FloatStorage", "7", int64_t{1} << 61, 0, {1}, {1});
  stream.object.stop();
  stream.storages = PickleBuilder().raw({0, 0, 0, 0, 0, 0, 0, 0x20});
  EXPECT_THAT(refusal(stream).what(), HasSubstr("truncated"));
}

TEST(TorchLegacy, RefusesAViewThatPassesItsRoot) {
  Stream stream;
  stream.object = tensor_of_view(3, 2);
  stream.storages = PickleBuilder().raw({4, 0, 0, 0, 0, 0, 0, 0}).raw("0123456789abcdef");
  EXPECT_THAT(refusal(stream).what(), HasSubstr("2 elements at 3 of storage '7', which has 4"));
}

TEST(TorchLegacy, PlacesAViewInsideItsRoot) {
  Stream stream;
  stream.object = tensor_of_view(1, 2);
  stream.storages = PickleBuilder().raw({4, 0, 0, 0, 0, 0, 0, 0}).raw("0123456789abcdef");
  const Checkpoint checkpoint = read(stream);
  const Tensor& tensor = checkpoint.tensors.tensors()[0];
  const Storage& view = checkpoint.tensors.storage_of(tensor);
  EXPECT_EQ(as_text(view.source->read_all(view.offset, view.size)), "456789ab");
  EXPECT_EQ(tensor.offset, 1u);
}

TEST(TorchLegacy, BoundsATensorByItsViewNotByTheRoot) {
  Stream stream;
  stream.object = tensor_of_view(1, 1);  // the tensor's only element is the view's second
  stream.storages = PickleBuilder().raw({4, 0, 0, 0, 0, 0, 0, 0}).raw("0123456789abcdef");
  EXPECT_EQ(refusal(stream).code(), ErrorCode::Corrupt);
}

TEST(TorchLegacy, FindsTheStorageBehindThePickles) {
  const Checkpoint checkpoint = read(Stream());
  EXPECT_EQ(checkpoint.format, "torch-legacy");
  const Storage& storage = checkpoint.tensors.storages()[0];
  EXPECT_EQ(as_text(storage.source->read_all(storage.offset, storage.size)), "12345678");
  EXPECT_FALSE(storage.has_crc);
}

TEST(TorchLegacy, ReadsTheMagicNumberOfEveryProtocol) {
  Stream stream;
  const std::string tail = "\x8a\x0a" + std::string(kMagic) + ".";
  for (const PickleBuilder& magic :
       {PickleBuilder().long_line("119547037146038801333356L").stop(),
        PickleBuilder().protocol(3).raw(tail), PickleBuilder().protocol(4).frame(13).raw(tail),
        PickleBuilder().protocol(5).frame(13).raw(tail)}) {
    stream.magic = magic;
    EXPECT_EQ(read(stream).tensors.tensors().size(), 1u);
  }
}

TEST(TorchLegacy, ReadsAnIdWithAModuleAndItsSource) {
  Stream stream;
  stream.object = PickleBuilder().protocol(2).empty_list();
  stream.object.tensor_v2("FloatStorage", "7", 2, 0, {2}, {1}).append().mark();
  stream.object.string("module").global("lib", "Net").string("net.py").string("import os");
  stream.object.tuple().binpersid().append().stop();
  EXPECT_EQ(read(stream).tensors.tensors().size(), 1u);
}

TEST(TorchLegacy, CutShortAnywhereIsCorrupt) {
  const std::vector<uint8_t> whole = Stream().bytes();
  for (size_t size = 2; size < whole.size(); ++size) {
    const std::vector<uint8_t> part(whole.begin(), whole.begin() + static_cast<long>(size));
    const Error error =
        error_of([&] { open_checkpoint(std::make_shared<MemorySource>(part), Limits{}); });
    EXPECT_EQ(error.code(), ErrorCode::Corrupt) << size;
  }
}

}  // namespace
}  // namespace unbrine
