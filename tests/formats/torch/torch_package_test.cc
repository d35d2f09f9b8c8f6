#include "formats/torch/torch_package.h"

#include <gmock/gmock.h>

#include "tests/formats/torch/read_archive.h"
#include "tests/support/pickle_builder.h"

namespace unbrine {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

const std::string kOne = "\1\1\1\1";

// A scalar whose storage has a number as key, as torch.package writes it.
PickleBuilder scalar(int64_t key) {
  PickleBuilder tensor;
  tensor.global("torch._utils", "_rebuild_tensor_v2").mark();
  tensor.mark().string("storage").global("torch", "FloatStorage").integer(key).string("cpu");
  tensor.integer(1).tuple().binpersid();
  tensor.integer(0).empty_tuple().empty_tuple().newfalse().ordered_dict();
  return tensor.tuple().reduce();
}

std::vector<uint8_t> dict_with(std::string_view name, const PickleBuilder& value) {
  PickleBuilder pickle;
  pickle.protocol(3).empty_dict().string(name).raw(value).setitem().stop();
  return pickle.bytes();
}

std::vector<uint8_t> package(std::vector<TorchRecord> records) {
  records.push_back({".data/extern_modules", "torch\n"});
  records.push_back({".data/0.storage", kOne});
  return torch_zip(records);
}

// ('reduce_package', 7, torch.jit._script.unpackage_script_module, (id,))
PickleBuilder script_module(const PickleBuilder& id) {
  PickleBuilder pickle;
  pickle.mark().string("reduce_package").integer(7);
  pickle.global("torch.jit._script", "unpackage_script_module").raw(id).tuple1();
  return pickle.tuple().binpersid();
}

TEST(TorchPackage, RefusesAStorageWithoutARecord) {
  const Error error = archive_refusal(package({{"model/model.pkl", dict_with("w", scalar(1))}}));
  EXPECT_EQ(error.code(), ErrorCode::Corrupt);
  EXPECT_THAT(error.what(), HasSubstr("archive/model/model.pkl: storage '1': the archive has no "
                                      "record 'archive/.data/1.storage'"));
}

TEST(TorchPackage, RefusesANegativeKey) {
  EXPECT_EQ(archive_refusal(package({{"m.pkl", dict_with("w", scalar(-1))}})).code(),
            ErrorCode::Corrupt);
}

TEST(TorchPackage, RefusesAPickleCutShort) {
  const std::vector<uint8_t> pickle = dict_with("w", scalar(0));
  expect_refused_when_cut(as_text(pickle), [](const std::string& part) {
    return package({{"model/model.pkl", part}});
  });
}

TEST(TorchPackage, SaysThatItHoldsNoPickle) {
  const Error error = archive_refusal(package({{"module.py", "import torch"}}));
  EXPECT_EQ(error.code(), ErrorCode::Unsupported);
  EXPECT_THAT(error.what(), HasSubstr("without a pickle"));
}

TEST(TorchPackage, RefusesAScriptModuleThatIsAbsent) {
  const Error error = archive_refusal(
      package({{"m.pkl", dict_with("net", script_module(PickleBuilder().string("0")))}}));
  EXPECT_EQ(error.code(), ErrorCode::Corrupt);
  EXPECT_THAT(error.what(), HasSubstr("no record 'archive/.data/ts_code/0/data.pkl'"));
}

TEST(TorchPackage, ReadsTheObjectOfItsOnlyPickle) {
  const Checkpoint checkpoint = read_archive(
      package({{"model/model.pkl", dict_with("w", scalar(0))}, {"model/code.py", "import os"}}));
  EXPECT_EQ(checkpoint.format, "torch-package");
  EXPECT_THAT(tensor_names(checkpoint), ElementsAre("w"));
  EXPECT_EQ(storage_bytes(checkpoint, "w"), kOne);
}

TEST(TorchPackage, NamesSeveralPicklesByTheirPaths) {
  const Checkpoint checkpoint = read_archive(
      package({{"a/x.pkl", dict_with("w", scalar(0))}, {"b/c/y.pkl", dict_with("v", scalar(0))}}));
  EXPECT_THAT(tensor_names(checkpoint), ElementsAre("a/x.w", "b/c/y.v"));
  EXPECT_EQ(checkpoint.tensors.storages().size(), 1u);  // which all pickles share
}

TEST(TorchPackage, KeepsAnObjectThatACallWouldRebuild) {
  PickleBuilder object;
  object.mark().string("reduce_package").integer(7).global("os", "system").empty_tuple();
  object.tuple().binpersid();
  const Checkpoint checkpoint = read_archive(
      package({{"m.pkl", dict_with("w", PickleBuilder().raw(scalar(0)).raw(object).tuple2())}}));
  EXPECT_THAT(tensor_names(checkpoint), ElementsAre("w.0"));
}

TEST(TorchPackage, ReadsAScriptModuleWhereItStands) {
  PickleBuilder module;
  module.protocol(2).global("__torch__", "M").empty_tuple().newobj().empty_dict().string("w");
  module.tensor_v2("FloatStorage", "0.storage", 1, 0, {}, {}).setitem().build().stop();
  const auto constants = PickleBuilder().protocol(2).empty_tuple().stop().bytes();
  const PickleBuilder twice = PickleBuilder()
                                  .raw(script_module(PickleBuilder().string("0")))
                                  .raw(script_module(PickleBuilder().string("0")))
                                  .tuple2();
  const Checkpoint checkpoint = read_archive(package({
      {"m.pkl", dict_with("net", twice)},
      {".data/ts_code/0/data.pkl", module.bytes()},
      {".data/ts_code/0/constants.pkl", constants},
  }));
  EXPECT_THAT(tensor_names(checkpoint), ElementsAre("net.0.w", "net.1.w"));
}

}  // namespace
}  // namespace unbrine
