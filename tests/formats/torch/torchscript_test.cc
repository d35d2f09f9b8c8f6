#include "formats/torch/torchscript.h"

#include <gmock/gmock.h>

#include "tests/formats/torch/read_archive.h"
#include "tests/support/pickle_builder.h"

namespace unbrine {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const std::string kOne = "\1\1\1\1";
const std::string kTwo = "\2\2\2\2";

// The scalar float32 of a storage.
PickleBuilder scalar(const std::string& key) {
  return PickleBuilder().tensor_v2("FloatStorage", key, 1, 0, {}, {});
}

// __torch__.<name>, its attributes written by `attributes` as keys and values.
PickleBuilder object(std::string_view name, const PickleBuilder& attributes) {
  PickleBuilder pickle;
  pickle.global("__torch__", name).empty_tuple().newobj().empty_dict().mark();
  return pickle.raw(attributes).setitems().build();
}

PickleBuilder whole(const PickleBuilder& value) {
  return PickleBuilder().protocol(2).raw(value).stop();
}

PickleBuilder tuple_of(const PickleBuilder& items) {
  return PickleBuilder().mark().raw(items).tuple();
}

PickleBuilder module_with_weight() {
  return object("M", PickleBuilder().string("training").newtrue().string("w").raw(scalar("0")));
}

std::vector<uint8_t> archive(const PickleBuilder& module, const PickleBuilder& constants,
                             const std::vector<TorchRecord>& more = {}) {
  std::vector<TorchRecord> records = {{"data.pkl", whole(module).bytes()},
                                      {"data/0", kOne},
                                      {"constants.pkl", whole(constants).bytes()},
                                      {"constants/0", kTwo}};
  records.insert(records.end(), more.begin(), more.end());
  return torch_zip(records);
}

const PickleBuilder kNoConstants = PickleBuilder().empty_tuple();

TEST(TorchScript, RefusesADataPickleThatHoldsNoObject) {
  const Error error = archive_refusal(archive(PickleBuilder().empty_list(), kNoConstants));
  EXPECT_EQ(error.code(), ErrorCode::Corrupt);
  EXPECT_THAT(error.what(),
              HasSubstr("'archive/data.pkl': expected an object of a class, found List"));
}

TEST(TorchScript, RefusesConstantsThatAreNoTuple) {
  const Error error = archive_refusal(archive(module_with_weight(), PickleBuilder().empty_list()));
  EXPECT_EQ(error.code(), ErrorCode::Corrupt);
  EXPECT_THAT(error.what(), HasSubstr("'archive/constants.pkl': expected a tuple, found List"));
}

TEST(TorchScript, RefusesAnArchiveWithoutTheModule) {
  const Error error = archive_refusal(torch_zip({{"constants.pkl", whole(kNoConstants).bytes()}}));
  EXPECT_EQ(error.code(), ErrorCode::Corrupt);
  EXPECT_THAT(error.what(), HasSubstr("no record 'archive/data.pkl'"));
}

TEST(TorchScript, RefusesAConstantWhoseRecordIsAmongTheWeightsOnly) {
  const Error error =
      archive_refusal(archive(module_with_weight(), tuple_of(scalar("1")), {{"data/1", kOne}}));
  EXPECT_EQ(error.code(), ErrorCode::Corrupt);
  EXPECT_THAT(error.what(), HasSubstr("archive/constants.pkl: storage '1': the archive has no "
                                      "record 'archive/constants/1'"));
}

TEST(TorchScript, RefusesEitherPickleCutShort) {
  const std::string module(as_text(whole(module_with_weight()).bytes()));
  const std::string constants(as_text(whole(tuple_of(scalar("0"))).bytes()));
  const auto zip = [](const std::string& data, const std::string& more) {
    return torch_zip(
        {{"data.pkl", data}, {"data/0", kOne}, {"constants.pkl", more}, {"constants/0", kTwo}});
  };
  EXPECT_EQ(tensor_names(read_archive(zip(module, constants))).size(), 2u);
  expect_refused_when_cut(module, [&](const std::string& part) { return zip(part, constants); });
  expect_refused_when_cut(constants, [&](const std::string& part) { return zip(module, part); });
}

TEST(TorchScript, NamesWeightsByTheirPathOfAttributes) {
  const PickleBuilder inner =
      object("Sub", PickleBuilder().string("bias").raw(scalar("0")).string("training").newtrue());
  const PickleBuilder module =
      object("M", PickleBuilder().string("sub").raw(inner).string("w").raw(scalar("0")));
  const Checkpoint checkpoint = read_archive(archive(module, kNoConstants));
  EXPECT_EQ(checkpoint.format, "torchscript");
  EXPECT_THAT(tensor_names(checkpoint), ElementsAre("sub.bias", "w"));
  EXPECT_THAT(checkpoint.notes, IsEmpty());
}

TEST(TorchScript, CountsStoragesAnewAmongConstants) {
  const Checkpoint checkpoint = read_archive(archive(module_with_weight(), tuple_of(scalar("0"))));
  EXPECT_THAT(tensor_names(checkpoint), ElementsAre("w", "constants.0"));
  EXPECT_EQ(storage_bytes(checkpoint, "w"), kOne);
  EXPECT_EQ(storage_bytes(checkpoint, "constants.0"), kTwo);
}

TEST(TorchScript, LeavesAnAttributeCalledConstantsItsName) {
  const PickleBuilder module = object("M", PickleBuilder().string("constants").raw(scalar("0")));
  const Checkpoint checkpoint = read_archive(archive(module, tuple_of(scalar("0"))));
  EXPECT_THAT(tensor_names(checkpoint), ElementsAre("constants", "constants~1.0"));
}

TEST(TorchScript, LooksThroughTypedListsAndTags) {
  PickleBuilder list;  // build_tensorlist([tensor])
  list.global("torch.jit._pickle", "build_tensorlist").mark().empty_list().mark();
  list.raw(scalar("0")).raw(PickleBuilder().raw("e")).tuple().reduce();
  PickleBuilder dict;  // restore_type_tag({'a': tensor}, 'Dict[str, Tensor]')
  dict.global("torch.jit._pickle", "restore_type_tag").empty_dict().mark().string("a");
  dict.raw(scalar("0")).setitems().string("Dict[str, Tensor]").tuple2().reduce();
  const PickleBuilder module =
      object("M", PickleBuilder().string("list").raw(list).string("dict").raw(dict));
  EXPECT_THAT(tensor_names(read_archive(archive(module, kNoConstants))),
              ElementsAre("list.0", "dict.a"));
}

TEST(TorchScript, ReadsIdsOfSixItemsAsTorch14Wrote) {
  PickleBuilder tensor;
  tensor.global("torch._utils", "_rebuild_tensor_v2").mark();
  tensor.mark().string("storage").global("torch", "FloatStorage").string("0").string("cpu");
  tensor.integer(1).none().tuple().binpersid();
  tensor.integer(0).int_tuple({1}).int_tuple({1}).newfalse().ordered_dict().tuple().reduce();
  const PickleBuilder module = object("M", PickleBuilder().string("w").raw(tensor));
  EXPECT_THAT(tensor_names(read_archive(archive(module, kNoConstants))), ElementsAre("w"));
}

TEST(TorchScript, KeepsTheTensorsOfAnObjectThatIsNotInterpreted) {
  PickleBuilder packed;  // of a quantized layer: the state of a C++ class is a tuple
  packed.global("__torch__.torch.classes.quantized", "LinearPackedParamsBase").empty_tuple();
  packed.newobj().raw(scalar("0")).none().tuple2().build();
  const PickleBuilder module = object("M", PickleBuilder().string("packed").raw(packed));
  EXPECT_THAT(tensor_names(read_archive(archive(module, kNoConstants))),
              ElementsAre("packed.state.0"));
}

TEST(TorchScript, PassesOverRecordsThatHoldNoWeightsAndSaysSoOfTheProgram) {
  const Checkpoint checkpoint = read_archive(archive(
      module_with_weight(), kNoConstants,
      {{"code/__torch__.py", "class M(Module):"}, {"bytecode.pkl", "x"}, {"extra/a.txt", "y"}}));
  EXPECT_THAT(tensor_names(checkpoint), ElementsAre("w"));
  EXPECT_THAT(checkpoint.notes, ElementsAre(HasSubstr("program (code/) is not carried")));
}

}  // namespace
}  // namespace unbrine
