#include "converter/groups.h"

#include <gmock/gmock.h>

#include "tests/converter/select_test.h"
#include "tests/support/error_of.h"

namespace unbrine {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

const PickleBuilder kWeights = dict({{"w", tensor()}, {"b", tensor()}});
const PickleBuilder kMoments = dict({{"state", dict({{"0", dict({{"m", tensor()}})}})}});
const PickleBuilder kNumber = PickleBuilder().integer(5);

Selected tree(const PickleBuilder& object, const Rules& rules = {}) {
  return selected(object, rules, Scope::Tree);
}

Selected split(const PickleBuilder& object) {
  Rules rules;
  rules.split_top = true;
  return tree(object, rules);
}

Selected part_of_tree(const PickleBuilder& object, const std::string& wanted) {
  Rules rules;
  rules.select = wanted;
  return tree(object, rules);
}

TEST(StemOfKey, NeverGivesAFileNameAMeaningOfItsOwn) {
  EXPECT_EQ(stem_of_key(""), "_");
  EXPECT_EQ(stem_of_key("_"), "_");
  EXPECT_EQ(stem_of_key("_state_dict"), "_");
  EXPECT_EQ(stem_of_key("."), "_");
  EXPECT_EQ(stem_of_key(".."), "_.");
  EXPECT_EQ(stem_of_key(".hidden"), "_hidden");
  EXPECT_EQ(stem_of_key("../../etc/passwd"), "_._.._etc_passwd");
  EXPECT_EQ(stem_of_key(std::string("a\0b\n", 4)), "a_b_");
  EXPECT_EQ(stem_of_key("a~1"), "a_1");
  EXPECT_EQ(stem_of_key("\u00e4"), "__");
  EXPECT_EQ(stem_of_key(std::string(1000, 'x')).size(), 100u);
}

TEST(StemOfKey, DropsWhatSaysNothing) {
  EXPECT_EQ(stem_of_key("optimizer"), "optimizer");
  EXPECT_EQ(stem_of_key("optimizer_state_dict"), "optimizer");
  EXPECT_EQ(stem_of_key("state_dict_ema"), "model_ema");
  EXPECT_EQ(stem_of_key("optimizer_"), "optimizer");
  EXPECT_EQ(stem_of_key("state_dict"), "state_dict");
  EXPECT_EQ(stem_of_key("modelA_state_dict"), "modelA");
}

TEST(Stems, DifferWithoutRegardToCase) {
  Stems stems({"root"});
  EXPECT_EQ(stems.take("a"), "a");
  EXPECT_EQ(stems.take("A"), "A~1");
  EXPECT_EQ(stems.take("a_"), "a~2");
  EXPECT_EQ(stems.take("Root"), "Root~1");
  EXPECT_EQ(stems.take("a~1"), "a_1");
}

TEST(Tree, OfNothingHasNoGroups) {
  const Selected result = tree(dict({{"epoch", kNumber}}));
  EXPECT_THAT(result.groups, IsEmpty());
  EXPECT_TRUE(result.keeps_structure);
}

TEST(Tree, OfAStateDictIsTheModel) {
  const Selected result = tree(kWeights);
  EXPECT_THAT(result.groups, ElementsAre("model: w b"));
  EXPECT_THAT(result.sources, ElementsAre("w", "b"));
  EXPECT_THAT(tree(tensor()).groups, ElementsAre("model: tensor"));
}

TEST(Tree, OfTimmHasModelAverageAndOptimizer) {
  const Selected result = tree(dict({{"epoch", kNumber},
                                     {"optimizer", kMoments},
                                     {"args", object({{"lr", kNumber}})},
                                     {"state_dict", kWeights},
                                     {"state_dict_ema", kWeights}}));
  EXPECT_THAT(result.groups, ElementsAre("model: w b", "optimizer: state.0.m", "model_ema: w b"));
  EXPECT_THAT(result.sources, ElementsAre("state_dict.w", "state_dict.b", "optimizer.state.0.m",
                                          "state_dict_ema.w", "state_dict_ema.b"));
  EXPECT_THAT(result.left_out, IsEmpty());
  EXPECT_EQ(result.root, "");
}

TEST(Tree, OfDeepMdKeepsTheAverageWithItsState) {
  const PickleBuilder model = dict({{"w", tensor()}, {"_extra_state", dict({{"n", kNumber}})}});
  const PickleBuilder ema = dict({{"decay", kNumber}, {"model", model}});
  EXPECT_THAT(tree(dict({{"model", model}, {"optimizer", kMoments}, {"ema", ema}})).groups,
              ElementsAre("model: w", "optimizer: state.0.m", "ema: model.w"));
}

TEST(Tree, OfOpacusDropsTheWordsStateDict) {
  EXPECT_THAT(tree(dict({{"module_state_dict", dict({{"_module.w", tensor()}})},
                         {"privacy_accountant_state_dict", dict({{"history", kNumber}})},
                         {"optimizer_state_dict", kMoments}}))
                  .groups,
              ElementsAre("model: _module.w", "optimizer: state.0.m"));
}

TEST(Tree, OfTheTutorialPutsALooseTensorIntoRoot) {
  const Selected result = tree(dict(
      {{"loss", tensor()}, {"model_state_dict", kWeights}, {"optimizer_state_dict", kMoments}}));
  EXPECT_THAT(result.groups, ElementsAre("model: w b", "optimizer: state.0.m", "root: loss"));
  EXPECT_EQ(result.sources.back(), "loss");
}

// Nine tensors in the module; the optimizer holds two moments of each and the nine themselves.
PickleBuilder skorch_net() {
  PickleBuilder module = PickleBuilder().empty_dict();
  PickleBuilder state = PickleBuilder().empty_dict();
  PickleBuilder params = PickleBuilder().empty_list();
  for (uint8_t i = 0; i < 9; ++i) {
    const std::string name = std::to_string(i);
    module.string(name).raw(tensor()).binput(i).setitem();
    state.string(name).raw(dict({{"m", tensor()}, {"v", tensor()}})).setitem();
    params.binget(i).append();
  }
  const PickleBuilder optimizer = dict({{"state", state}, {"params", params}});
  return object({{"max_epochs", kNumber}, {"module_", module}, {"optimizer_", optimizer}});
}

TEST(Tree, OfSkorchWritesWhatTheOptimizerSharesWithTheModuleOnce) {
  const Checkpoint from = checkpoint(skorch_net());
  const Choice choice = select(from, Rules{}, Scope::Tree);
  ASSERT_EQ(choice.selection.groups.size(), 2u);
  EXPECT_EQ(choice.selection.groups[0].stem, "module");
  EXPECT_EQ(choice.selection.groups[1].stem, "optimizer");
  EXPECT_EQ(std::ranges::count(choice.selection.tensors, 0u, &SelectedTensor::group), 9);
  EXPECT_EQ(std::ranges::count(choice.selection.tensors, 1u, &SelectedTensor::group), 18);
}

TEST(Tree, KeepsBothNamesOfATensorWithinAGroup) {
  const PickleBuilder tied = PickleBuilder()
                                 .empty_dict()
                                 .string("a")
                                 .raw(tensor())
                                 .binput(7)
                                 .setitem()
                                 .string("b")
                                 .binget(7)
                                 .setitem();
  EXPECT_THAT(tree(dict({{"model", tied}, {"x", dict({{"y", tied}})}})).groups,
              ElementsAre("model: a b", "x: y.a y.b"));
}

TEST(Tree, PutsWhatAStateDictLeavesOutBesideTheModel) {
  const PickleBuilder module = module_with_hidden_buffer({{"cache", dict({{"k", tensor()}})}});
  EXPECT_THAT(tree(module).groups, ElementsAre("model: w", "cache: k", "root: b"));
  EXPECT_THAT(tree(dict({{"model", module}})).groups,
              ElementsAre("model: w", "model~1: b cache.k"));
}

TEST(Tree, ReservesTheNamesOfModelAndRoot) {
  EXPECT_THAT(tree(dict({{"state_dict", kWeights},
                         {"model", kMoments},
                         {"Root", kMoments},
                         {"ROOT", kMoments},
                         {"t", tensor()}}))
                  .groups,
              ElementsAre("model: w b", "model~1: state.0.m", "Root~1: state.0.m",
                          "ROOT~2: state.0.m", "root: t"));
}

TEST(Tree, NamesPartsOfATensorByItself) {
  EXPECT_THAT(tree(dict({{"model", kWeights}, {"0", tensor()}, {"a", list({tensor()})}})).groups,
              ElementsAre("model: w b", "a: 0", "root: 0"));
}

TEST(Tree, OfAPartHasOneGroup) {
  const PickleBuilder timm = dict({{"state_dict", kWeights},
                                   {"state_dict_ema", kWeights},
                                   {"optimizer", kMoments},
                                   {"loss", tensor()}});
  EXPECT_THAT(part_of_tree(timm, "state_dict").groups, ElementsAre("model: w b"));
  EXPECT_THAT(part_of_tree(timm, "ema").groups, ElementsAre("model_ema: w b"));
  EXPECT_THAT(part_of_tree(timm, "loss").groups, ElementsAre("loss: loss"));
  EXPECT_THAT(part_of_tree(timm, "all").groups, tree(timm).groups);
  const Selected optimizer = part_of_tree(timm, "optimizer");
  EXPECT_THAT(optimizer.groups, ElementsAre("optimizer: state.0.m"));
  EXPECT_THAT(optimizer.sources, ElementsAre("optimizer.state.0.m"));
  EXPECT_THAT(optimizer.left_out, ElementsAre("state_dict:2", "state_dict_ema:2", "loss:1"));
  EXPECT_EQ(optimizer.root, "optimizer");
  EXPECT_TRUE(optimizer.keeps_structure);
  EXPECT_THAT(part_of_tree(skorch_net(), "module_").groups,
              ElementsAre(testing::StartsWith("module: 0")));
}

TEST(Tree, OfAPartLosesNoHiddenBuffer) {
  EXPECT_THAT(part_of_tree(dict({{"model", module_with_hidden_buffer()}}), "model").groups,
              ElementsAre("model: w b"));
}

TEST(SplitTop, MakesEachKeyAGroup) {
  EXPECT_THAT(
      split(dict({{"modelA_state_dict", kWeights},
                  {"modelB_state_dict", kWeights},
                  {"optimizerA_state_dict", kMoments},
                  {"optimizerB_state_dict", kMoments}}))
          .groups,
      ElementsAre("modelA: w b", "modelB: w b", "optimizerA: state.0.m", "optimizerB: state.0.m"));
}

TEST(SplitTop, NamesTheWeightsByTheirKeyToo) {
  EXPECT_THAT(split(dict({{"optimizer", kMoments}, {"net", kWeights}})).groups,
              ElementsAre("net: w b", "optimizer: state.0.m"));
  EXPECT_THAT(split(dict({{"model", kWeights}, {"t", tensor()}})).groups,
              ElementsAre("model: w b", "root: t"));
}

TEST(Tree, DropsAGroupThatIsExcludedWhole) {
  Rules rules;
  rules.exclude = {"state.*"};
  const Selected result =
      tree(dict({{"model", kWeights}, {"optimizer", kMoments}, {"x", kWeights}}), rules);
  EXPECT_THAT(result.groups, ElementsAre("model: w b", "x: w b"));
  EXPECT_EQ(result.excluded, 1u);
}

TEST(Tree, MakesNamesUniqueWithinAGroupOnly) {
  const PickleBuilder twice = dict({{"a", dict({{"b", tensor()}})}, {"a.b", tensor()}});
  const Selected result = tree(dict({{"model", twice}, {"x", twice}}));
  EXPECT_THAT(result.groups, ElementsAre("model: a.b a.b~1", "x: a.b a.b~1"));
  EXPECT_THAT(result.sources, ElementsAre("model.a.b", "model.a.b", "x.a.b", "x.a.b"));
}

}  // namespace
}  // namespace unbrine
