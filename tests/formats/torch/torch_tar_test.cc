#include "formats/torch/torch_tar.h"

#include <gmock/gmock.h>

#include "tests/support/error_of.h"
#include "tests/support/pickle_builder.h"
#include "tests/support/tar_builder.h"

namespace unbrine {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

PickleBuilder number(int64_t value) { return PickleBuilder().protocol(2).integer(value).stop(); }

std::string raw64(const std::vector<int64_t>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * 8};
}

// (key, 'cpu', torch.<name>Storage), then the count and the elements.
PickleBuilder storage(int64_t key, std::string_view storage_class, int64_t count,
                      std::string_view elements) {
  PickleBuilder item;
  item.protocol(2).integer(key).string("cpu").global("torch", storage_class).tuple3().stop();
  return item.raw(raw64({count})).raw(elements);
}

// [(view, root, offset, elements)]
PickleBuilder one_view(int64_t view, int64_t root, int64_t offset, int64_t elements) {
  PickleBuilder list;
  list.protocol(2).empty_list().int_tuple({view, root, offset, elements});
  return list.append().stop();
}

// (key, storage key, torch.FloatTensor), then the geometry.
PickleBuilder tensor(int64_t key, int64_t storage_key, const std::vector<int64_t>& size,
                     const std::vector<int64_t>& stride, int64_t offset) {
  PickleBuilder item;
  item.protocol(2).integer(key).integer(storage_key).global("torch", "FloatTensor");
  item.tuple3().stop();
  return item.raw(raw64({static_cast<int64_t>(size.size())}))
      .raw(raw64(size))
      .raw(raw64(stride))
      .raw(raw64({offset}));
}

// {"w": <the id>}
PickleBuilder object_with(const PickleBuilder& id) {
  PickleBuilder object;
  return object.protocol(2).empty_dict().string("w").raw(id).binpersid().setitem().stop();
}

// A tar whose members a test may replace: a storage 11 of 4 floats, and of it the tensor 22.
struct Tar {
  PickleBuilder system = PickleBuilder().protocol(2).empty_dict().stop();
  PickleBuilder storages = PickleBuilder()
                               .raw(number(1))
                               .raw(storage(11, "FloatStorage", 4, "0123456789abcdef"))
                               .raw(PickleBuilder().protocol(2).empty_list().stop());
  PickleBuilder tensors = PickleBuilder().raw(number(1)).raw(tensor(22, 11, {1, 3}, {3, 1}, 1));
  PickleBuilder object = object_with(PickleBuilder().string("22"));

  TarBuilder builder() const {
    return TarBuilder()
        .add("sys_info", system.bytes())
        .add("storages", storages.bytes())
        .add("tensors", tensors.bytes())
        .add("pickle", object.bytes());
  }
};

Checkpoint read(const Tar& tar) { return open_checkpoint(tar.builder().source(), Limits{}); }

Error refusal(const Tar& tar) {
  return error_of([&] { read(tar); });
}

void expect_corrupt(const Tar& tar, const std::string& says) {
  const Error error = refusal(tar);
  EXPECT_EQ(error.code(), ErrorCode::Corrupt) << error.what();
  EXPECT_THAT(error.what(), HasSubstr(says));
}

// --- Broken ---

// Cuts a member at every byte; an error must name it.
void cut(PickleBuilder Tar::*member, const std::string& name) {
  const auto whole = (Tar().*member).bytes();
  for (size_t size = 0; size < whole.size(); ++size) {
    Tar tar;
    tar.*member = PickleBuilder().raw(
        std::vector<uint8_t>(whole.begin(), whole.begin() + static_cast<long>(size)));
    const Error error = refusal(tar);
    EXPECT_EQ(error.code(), ErrorCode::Corrupt) << size << ": " << error.what();
    EXPECT_THAT(error.what(), StartsWith("'" + name + "': ")) << size;
  }
}

TEST(TorchTar, NamesTheMemberThatIsCutShort) {
  cut(&Tar::system, "sys_info");
  cut(&Tar::storages, "storages");
  cut(&Tar::tensors, "tensors");
  cut(&Tar::object, "pickle");
}

TEST(TorchTar, RefusesBytesBehindTheItemsOfAMember) {
  for (PickleBuilder Tar::*member : {&Tar::system, &Tar::storages, &Tar::tensors, &Tar::object}) {
    Tar tar;
    (tar.*member).raw("x");
    expect_corrupt(tar, ": 1 bytes follow the last item");
  }
}

TEST(TorchTar, RefusesCountsThatAreNone) {
  for (const PickleBuilder& count :
       {number(-1), PickleBuilder().protocol(2).string("1").stop(), number(2)}) {
    Tar tar;
    tar.storages = PickleBuilder().raw(count).raw(storage(11, "FloatStorage", 0, ""));
    EXPECT_EQ(refusal(tar).code(), ErrorCode::Corrupt);
    Tar other;
    other.tensors = PickleBuilder().raw(count).raw(tensor(22, 11, {}, {}, 0));
    EXPECT_EQ(refusal(other).code(), ErrorCode::Corrupt);
  }
}

TEST(TorchTar, RefusesMoreElementsThanThereAre) {
  for (const int64_t count : {int64_t{5}, int64_t{1} << 62, int64_t{-1}}) {
    Tar tar;
    tar.storages =
        PickleBuilder().raw(number(1)).raw(storage(11, "FloatStorage", count, "0123456789abcdef"));
    expect_corrupt(tar, "'storages': storage 0: byte ");
  }
}

TEST(TorchTar, RefusesAnUnknownStorageClass) {
  Tar tar;
  tar.storages = PickleBuilder().raw(number(1)).raw(storage(11, "OddStorage", 0, ""));
  EXPECT_EQ(refusal(tar).code(), ErrorCode::Unsupported);
  EXPECT_THAT(refusal(tar).what(), HasSubstr("'OddStorage' is not known"));
}

TEST(TorchTar, RefusesAViewThatPassesItsStorage) {
  for (const auto& view : {one_view(33, 11, 2, 3), one_view(33, 11, 5, 0), one_view(33, 11, -1, 1),
                           one_view(33, 11, 1, INT64_MAX)}) {
    Tar tar;
    tar.storages = PickleBuilder()
                       .raw(number(1))
                       .raw(storage(11, "FloatStorage", 4, "0123456789abcdef"))
                       .raw(view);
    EXPECT_EQ(refusal(tar).code(), ErrorCode::Corrupt);
  }
}

TEST(TorchTar, RefusesKeysThatNothingHas) {
  Tar tar;
  tar.tensors = PickleBuilder().raw(number(1)).raw(tensor(22, 12, {}, {}, 0));
  expect_corrupt(tar, "'tensors': tensor 0: nothing has the key 12");
  Tar other;
  other.object = object_with(PickleBuilder().string("23"));
  expect_corrupt(other, "'pickle': nothing has the key 23");
}

TEST(TorchTar, RefusesAKeyThatIsThereTwice) {
  Tar tar;
  tar.tensors =
      PickleBuilder().raw(number(2)).raw(tensor(22, 11, {}, {}, 0)).raw(tensor(22, 11, {}, {}, 0));
  expect_corrupt(tar, "key 22 is there twice");
  tar.tensors = PickleBuilder().raw(number(1)).raw(tensor(11, 11, {}, {}, 0));
  expect_corrupt(tar, "key 11 is there twice");
  Tar other;
  other.storages = PickleBuilder()
                       .raw(number(2))
                       .raw(storage(11, "FloatStorage", 0, ""))
                       .raw(storage(11, "FloatStorage", 0, ""));
  expect_corrupt(other, "key 11 is there twice");
}

TEST(TorchTar, RefusesATensorOutsideItsStorage) {
  Tar tar;
  tar.tensors = PickleBuilder().raw(number(1)).raw(tensor(22, 11, {4}, {1}, 1));
  expect_corrupt(tar, "'tensors': tensor 0: shape (4)");
}

TEST(TorchTar, RefusesNegativeNumbersInTheGeometry) {
  for (const auto& item :
       {tensor(22, 11, {-1}, {1}, 0), tensor(22, 11, {1}, {-1}, 0), tensor(22, 11, {1}, {1}, -1)}) {
    Tar tar;
    tar.tensors = PickleBuilder().raw(number(1)).raw(item);
    EXPECT_EQ(refusal(tar).code(), ErrorCode::Corrupt);
  }
}

TEST(TorchTar, BoundsTheDimensions) {
  Tar tar;
  const std::vector<int64_t> ones(65, 1);
  tar.tensors = PickleBuilder().raw(number(1)).raw(tensor(22, 11, ones, ones, 0));
  EXPECT_EQ(refusal(tar).code(), ErrorCode::Limit);
}

TEST(TorchTar, RefusesPersistentIdsThatAreNoKeys) {
  const PickleBuilder ids[] = {
      PickleBuilder().string("022"),
      PickleBuilder().string(" 22"),
      PickleBuilder().string(""),
      PickleBuilder().integer(22),
      PickleBuilder().string("99999999999999999999"),
      PickleBuilder().string("22").string("b").tuple2(),
      PickleBuilder().string("a").string("b").string("c").tuple3(),
  };
  for (const PickleBuilder& id : ids) {
    Tar tar;
    tar.object = object_with(id);
    EXPECT_EQ(refusal(tar).code(), ErrorCode::Corrupt);
    EXPECT_THAT(refusal(tar).what(), StartsWith("'pickle': "));
  }
}

TEST(TorchTar, RefusesPersistentIdsOutsideTheObject) {
  Tar tar;
  tar.system = PickleBuilder().protocol(2).empty_dict().string("1").binpersid().pop().stop();
  expect_corrupt(tar, "'sys_info': byte 0: a persistent id where none belongs");
}

// --- Sound ---

TEST(TorchTar, ReadsATensor) {
  const Checkpoint checkpoint = read({});
  EXPECT_EQ(checkpoint.format, "torch-tar");
  ASSERT_EQ(checkpoint.tensors.tensors().size(), 1u);
  const Tensor& tensor = checkpoint.tensors.tensors()[0];
  EXPECT_EQ(tensor.dtype, DType::F32);
  EXPECT_EQ(tensor.offset, 1u);
  EXPECT_THAT(tensor.shape, ElementsAre(1, 3));
  EXPECT_THAT(tensor.stride, ElementsAre(3, 1));
  const Storage& storage = checkpoint.tensors.storage_of(tensor);
  EXPECT_THAT(storage.source->read_all(storage.offset, 4), ElementsAre('0', '1', '2', '3'));
  EXPECT_EQ(storage.size, 16u);
}

TEST(TorchTar, MakesTheIdALeafOfTheTree) {
  const Checkpoint checkpoint = read({});
  const auto entries = checkpoint.graph.items(checkpoint.root).to_vector();
  ASSERT_EQ(entries.size(), 2u);
  EXPECT_TRUE(checkpoint.graph.is(entries[1], NodeKind::Tensor));
  EXPECT_FALSE(checkpoint.graph.has_tensor_call(entries[1]));
}

TEST(TorchTar, ReadsIdsOfPython2AndOfProtocol0) {
  Tar tar;
  tar.object = object_with(PickleBuilder().short_binstring("22"));
  EXPECT_EQ(read(tar).format, "torch-tar");
  tar.object = PickleBuilder().raw("(dS'w'\n").persid("22").raw("s.");
  EXPECT_EQ(read(tar).format, "torch-tar");
}

TEST(TorchTar, ReadsAViewOfAStorage) {
  Tar tar;
  tar.storages = PickleBuilder()
                     .raw(number(1))
                     .raw(storage(11, "FloatStorage", 4, "0123456789abcdef"))
                     .raw(one_view(33, 11, 2, 2));
  tar.tensors = PickleBuilder().raw(number(1)).raw(tensor(22, 33, {2}, {1}, 0));
  const Checkpoint checkpoint = read(tar);
  const Storage& view = checkpoint.tensors.storage_of(checkpoint.tensors.tensors().at(0));
  EXPECT_EQ(view.size, 8u);
  EXPECT_THAT(view.source->read_all(view.offset, 2), ElementsAre('8', '9'));
}

TEST(TorchTar, ReadsAStorageByItself) {
  Tar tar;
  tar.object = object_with(PickleBuilder().string("11"));
  const Checkpoint checkpoint = read(tar);
  EXPECT_EQ(checkpoint.tensors.storages().size(), 1u);
}

TEST(TorchTar, KeepsAClassWithItsSourceAsData) {
  Tar tar;
  tar.object = object_with(
      PickleBuilder().global("lib", "Net").string("net.py").string("import os").tuple3());
  EXPECT_EQ(read(tar).format, "torch-tar");
}

TEST(TorchTar, ReadsAParameterAroundATensor) {
  Tar tar;
  PickleBuilder parameter;
  parameter.protocol(2).global("torch.nn.parameter", "Parameter").string("22").binpersid();
  tar.object = parameter.newtrue().tuple2().reduce().stop();
  const Checkpoint checkpoint = read(tar);
  EXPECT_TRUE(checkpoint.graph.is(checkpoint.root, NodeKind::Tensor));
}

}  // namespace
}  // namespace unbrine
