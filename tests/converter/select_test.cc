#include "converter/select.h"

#include <gmock/gmock.h>

#include "tests/converter/select_test.h"
#include "tests/support/error_of.h"

namespace unbrine {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

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
  PickleBuilder thrice;
  thrice.empty_list().raw(tensor()).binput(9).append().binget(9).append().binget(9).append();
  const Checkpoint from = checkpoint(thrice, limits);
  EXPECT_EQ(error_of([&] { select(from, Rules{}, Scope::Weights); }).code(), ErrorCode::Limit);
}

TEST(Select, EndsAtAnEmptyKeyThatLeadsBack) {
  PickleBuilder pickle;
  pickle.empty_dict().binput(1).string("w").raw(tensor()).setitem();
  pickle.string("").binget(1).setitem();
  EXPECT_THAT(selected(pickle, ".w").names, ElementsAre("w"));
  EXPECT_EQ(error_of([&] { selected(pickle, "...x"); }).code(), ErrorCode::Usage);
}

TEST(Select, MarksTheFormatInTheMetadata) {
  EXPECT_THAT(selected(kWeights).metadata, ElementsAre(Pair("format", "pt")));
}

TEST(Select, AddsMetadataOverThatOfTheCheckpoint) {
  Rules rules;
  rules.metadata = {{"format", "np"}, {"author", "me"}};
  EXPECT_THAT(selected(kWeights, rules).metadata,
              ElementsAre(Pair("author", "me"), Pair("format", "np")));
}

TEST(Select, TellsWhereATensorWasFound) {
  EXPECT_THAT(selected(dict({{"model", kWeights}})).sources, ElementsAre("model.w", "model.b"));
  EXPECT_THAT(selected(kWeights).sources, ElementsAre("w", "b"));
  EXPECT_THAT(selected(dict({{"model", kWeights}}), "model.w").sources, ElementsAre("model.w"));
  EXPECT_THAT(selected(tensor()).sources, ElementsAre("tensor"));
}

// --- Rules ---

TEST(SelectRules, AreCheckedFirst) {
  Rules rules;
  rules.include = rules.exclude = {"w"};
  EXPECT_EQ(error_of([&] { selected(kWeights, rules); }).code(), ErrorCode::Usage);
}

TEST(SelectRules, WarnOfPatternsThatFitNothing) {
  Rules rules;
  rules.include = {"*", "x*"};
  rules.exclude = {"y"};
  rules.strip_prefixes = {"module."};
  rules.renames = {parse_rename("s/z/a/")};
  rules.dtypes = {parse_dtype_rule("q=F16"), parse_dtype_rule("F64=F32")};
  EXPECT_THAT(
      selected(kWeights, rules).warnings,
      ElementsAre("--include 'x*' fits no name", "--exclude 'y' fits no name",
                  "--dtype 'q=F16' fits no name", "--dtype 'F64=F32' fits no tensor",
                  "--strip-prefix 'module.' fits no name", "--rename 's/z/a/' fits no name"));
}

TEST(SelectRules, FailOnWhatFitsNothingIfStrict) {
  Rules rules;
  rules.strict = true;
  EXPECT_THAT(selected(kWeights, rules).names, ElementsAre("w", "b"));
  rules.include = {"w", "x"};
  rules.exclude = {"y"};
  const Error error = error_of([&] { selected(kWeights, rules); });
  EXPECT_EQ(error.code(), ErrorCode::Usage);
  EXPECT_STREQ(error.what(), "--include 'x' fits no name; --exclude 'y' fits no name");
}

// --- Scopes ---

TEST(SelectObject, TakesAllByDefaultAndKeepsTheStructure) {
  const Selected result =
      selected(dict({{"model", kWeights}, {"loss", tensor()}}), Rules{}, Scope::Object);
  EXPECT_THAT(result.groups, ElementsAre("model: model.w model.b loss"));
  EXPECT_EQ(result.root, "");
  EXPECT_TRUE(result.keeps_structure);
}

TEST(SelectObject, TakesAllOfThePartAskedFor) {
  Rules rules;
  rules.select = "net";
  const Selected result = selected(dict({{"net", module_with_hidden_buffer()}, {"loss", tensor()}}),
                                   rules, Scope::Object);
  EXPECT_THAT(result.groups, ElementsAre("model: w b"));
  EXPECT_THAT(result.left_out, ElementsAre("loss:1"));
  EXPECT_TRUE(result.keeps_structure);
}

TEST(SelectObject, HasNoStructureOnceNamesAreChanged) {
  Rules rules;
  rules.add_prefix = "p.";
  EXPECT_FALSE(selected(kWeights, rules, Scope::Object).keeps_structure);
  EXPECT_TRUE(selected(kWeights, rules, Scope::Tree).keeps_structure);
  EXPECT_FALSE(selected(kWeights, Rules{}, Scope::Weights).keeps_structure);
}

TEST(SelectObject, LeavesAliasesToTheFileWhichSharesStorages) {
  Rules rules;
  rules.aliases = Aliases::KeepOne;
  EXPECT_THAT(selected(kWeights, rules, Scope::Object).names, ElementsAre("w", "b"));
  rules.aliases = Aliases::Error;
  EXPECT_EQ(error_of([&] { selected(kWeights, rules, Scope::Object); }).code(), ErrorCode::Usage);
}

}  // namespace
}  // namespace unbrine
