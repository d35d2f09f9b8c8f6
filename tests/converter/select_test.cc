#include "converter/select.h"

#include <gmock/gmock.h>

#include "tests/support/error_of.h"
#include "tests/support/pickle_builder.h"
#include "tests/support/zip_builder.h"

namespace unbrine {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Checkpoints whose tensors are all views of one small storage.
PickleBuilder tensor() {
  PickleBuilder pickle;
  return pickle.tensor_v2("FloatStorage", "0", 2, 0, {2}, {1});
}

PickleBuilder dict(const std::vector<std::pair<std::string, PickleBuilder>>& entries) {
  PickleBuilder pickle;
  pickle.empty_dict();
  for (const auto& [key, value] : entries) pickle.string(key).raw(value).setitem();
  return pickle;
}

Checkpoint checkpoint(const PickleBuilder& object) {
  PickleBuilder pickle;
  pickle.protocol(2).raw(object).stop();
  const auto zip = torch_zip({{"data.pkl", pickle.bytes()}, {"data/0", "01234567"}});
  return open_checkpoint(std::make_shared<MemorySource>(zip), Limits{});
}

struct Selected {
  std::vector<std::string> names;
  std::string root;
  std::vector<std::string> left_out;  // "key:tensors"
  std::vector<std::string> notes;
};

Selected selected(const PickleBuilder& object, const std::string& wanted = "") {
  const Checkpoint from = checkpoint(object);
  const Choice choice = select(from, Rules{wanted});
  Selected result{{}, choice.root, {}, choice.notes};
  for (const SelectedTensor& tensor : choice.selection.tensors) result.names.push_back(tensor.name);
  for (const Omission& omission : choice.left_out)
    result.left_out.push_back(omission.key + ":" + std::to_string(omission.tensors));
  return result;
}

const PickleBuilder kWeights = dict({{"w", tensor()}, {"b", tensor()}});

TEST(Select, NamesTheKeysWhenThePathLeadsNowhere) {
  const Error error = error_of([] { selected(dict({{"model", kWeights}}), "model.absent"); });
  EXPECT_EQ(error.code(), ErrorCode::Usage);
  EXPECT_THAT(error.what(), HasSubstr("nothing at 'model.absent'; the checkpoint has 'model'"));
}

TEST(Select, SaysWhenThereIsNoMovingAverage) {
  EXPECT_EQ(error_of([] { selected(kWeights, "ema"); }).code(), ErrorCode::Usage);
}

TEST(Select, TakesAStateDictWhole) {
  const Selected result = selected(kWeights);
  EXPECT_THAT(result.names, ElementsAre("w", "b"));
  EXPECT_EQ(result.root, "");
  EXPECT_THAT(result.left_out, IsEmpty());
}

TEST(Select, FindsTheWeightsUnderACustomaryKey) {
  const PickleBuilder optimizer = dict({{"state", dict({{"m", tensor()}})}});
  for (const char* key : {"state_dict", "model_state_dict", "module_state_dict", "model", "module",
                          "net", "generator", "params"}) {
    const Selected result = selected(dict({{"optimizer", optimizer}, {key, kWeights}}));
    EXPECT_THAT(result.names, ElementsAre("w", "b")) << key;
    EXPECT_EQ(result.root, key);
    EXPECT_THAT(result.left_out, ElementsAre("optimizer:1"));
  }
}

TEST(Select, PrefersTheMoreTellingOfTwoKeys) {
  const Selected result = selected(dict({{"model", kWeights}, {"state_dict", kWeights}}));
  EXPECT_EQ(result.root, "state_dict");
  EXPECT_THAT(result.left_out, ElementsAre("model:2"));
}

TEST(Select, TakesNoTensorForAModel) {
  const Selected result = selected(
      dict({{"model", tensor()}, {"x", dict({{"y", tensor()}})}, {"z", dict({{"y", tensor()}})}}));
  EXPECT_THAT(result.names, ElementsAre("model", "x.y", "z.y"));
}

TEST(Select, LeavesALooseTensorBesideTheModelOut) {
  const Selected result = selected(
      dict({{"model", kWeights}, {"epoch", PickleBuilder().integer(5)}, {"loss", tensor()}}));
  EXPECT_EQ(result.root, "model");
  EXPECT_THAT(result.left_out, ElementsAre("loss:1"));
}

TEST(Select, TakesEverythingWhenNoKeyIsCustomary) {
  const Selected result = selected(dict({{"a", kWeights}, {"c", kWeights}}));
  EXPECT_THAT(result.names, ElementsAre("a.w", "a.b", "c.w", "c.b"));
}

TEST(Select, TakesEverythingWhenAskedTo) {
  const Selected result = selected(dict({{"model", kWeights}, {"loss", tensor()}}), "all");
  EXPECT_THAT(result.names, ElementsAre("model.w", "model.b", "loss"));
  EXPECT_THAT(result.left_out, IsEmpty());
}

TEST(Select, FindsTheMovingAverageAndTheWeightsInIt) {
  const PickleBuilder flat = dict({{"state_dict", kWeights}, {"state_dict_ema", kWeights}});
  EXPECT_EQ(selected(flat, "ema").root, "state_dict_ema");
  const PickleBuilder nested = dict({{"model", kWeights}, {"ema", dict({{"model", kWeights}})}});
  EXPECT_EQ(selected(nested, "ema").root, "ema.model");
  EXPECT_THAT(selected(nested, "ema").names, ElementsAre("w", "b"));
}

TEST(Select, FollowsAPathThroughKeysWithDots) {
  const PickleBuilder object =
      dict({{"a", dict({{"x", tensor()}})}, {"a.b", dict({{"c", kWeights}})}});
  EXPECT_THAT(selected(object, "a.b.c").names, ElementsAre("w", "b"));
}

TEST(Select, CallsASingleTensorByItsKey) {
  EXPECT_THAT(selected(dict({{"model", kWeights}}), "model.w").names, ElementsAre("w"));
  EXPECT_THAT(selected(tensor()).names, ElementsAre("tensor"));
}

TEST(Select, TellsWhichNamesItChanged) {
  const Selected result =
      selected(dict({{"a", dict({{"b", tensor()}})}, {"a.b", tensor()}}), "all");
  EXPECT_THAT(result.names, ElementsAre("a.b", "a.b~1"));
  EXPECT_THAT(result.notes, ElementsAre("name 'a.b' is written as 'a.b~1'"));
}

TEST(Select, BoundsTheBytesOfASharedTensorByItsNames) {
  Limits limits;
  limits.free_output_bytes = 20;
  limits.max_output_ratio = 0;
  PickleBuilder pickle;
  pickle.protocol(2).empty_list().raw(tensor()).binput(9).append().binget(9).append();
  pickle.binget(9).append().stop();
  const auto zip = torch_zip({{"data.pkl", pickle.bytes()}, {"data/0", "01234567"}});
  const Checkpoint from = open_checkpoint(std::make_shared<MemorySource>(zip), limits);
  EXPECT_EQ(error_of([&] { select(from, Rules{}); }).code(), ErrorCode::Limit);
}

TEST(Select, MarksTheFormatInTheMetadata) {
  const Checkpoint from = checkpoint(kWeights);
  EXPECT_THAT(select(from, Rules{}).selection.metadata,
              ElementsAre(std::pair<const std::string, std::string>("format", "pt")));
}

}  // namespace
}  // namespace unbrine
