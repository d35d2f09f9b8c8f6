#include "converter/alias_policy.h"

#include <gmock/gmock.h>

#include "tests/converter/select_test.h"
#include "tests/support/error_of.h"

namespace unbrine {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

Rules with(Aliases policy) {
  Rules rules;
  rules.aliases = policy;
  return rules;
}

const PickleBuilder kTied =
    dict({{"head", tensor()}, {"other", tensor(2)}, {"embed", tensor()}, {"x", tensor()}});

PickleBuilder empty_tensor() {
  PickleBuilder pickle;
  return pickle.tensor_v2("FloatStorage", "0", 8, 0, {0}, {1});
}

TEST(Aliases, NamesTwoWhereTheyAreAnError) {
  const Error error = error_of([] { selected(kTied, with(Aliases::Error)); });
  EXPECT_EQ(error.code(), ErrorCode::Usage);
  EXPECT_STREQ(error.what(),
               "--aliases error: 'head' and 'embed' are the same view of one storage");
}

TEST(Aliases, NamesTheFirstPairOfSeveral) {
  const PickleBuilder object =
      dict({{"a", tensor(2)}, {"b", tensor()}, {"c", tensor()}, {"d", tensor(2)}});
  EXPECT_STREQ(error_of([&] { selected(object, with(Aliases::Error)); }).what(),
               "--aliases error: 'a' and 'd' are the same view of one storage");
}

TEST(Aliases, AreWrittenEachByDefault) {
  const Selected result = selected(kTied, Rules{});
  EXPECT_THAT(result.names, ElementsAre("head", "other", "embed", "x"));
  EXPECT_THAT(result.aliases, IsEmpty());
}

TEST(Aliases, KeepTheNameThatIsFirstByItsBytes) {
  const Selected result = selected(kTied, with(Aliases::KeepOne));
  EXPECT_THAT(result.names, ElementsAre("other", "embed"));
  EXPECT_THAT(result.aliases, ElementsAre("head -> embed", "x -> embed"));
}

TEST(Aliases, TellWhichTensorsTheyStoodFor) {
  const Checkpoint from = checkpoint(kTied);
  const Selection selection = select(from, with(Aliases::KeepOne), Scope::Tree).selection;
  ASSERT_EQ(selection.aliased.size(), 2u);
  EXPECT_EQ(selection.aliased[0].name, "head");
  EXPECT_EQ(selection.aliased[0].row, 0u);
  EXPECT_EQ(selection.aliased[1].name, "x");
  EXPECT_EQ(selection.aliased[1].row, 3u);
}

TEST(Aliases, AreNeitherPartialViewsNorTensorsWithoutBytes) {
  const PickleBuilder object = dict(
      {{"a", tensor(0)}, {"b", tensor(1)}, {"none", empty_tensor()}, {"nothing", empty_tensor()}});
  EXPECT_EQ(selected(object, with(Aliases::KeepOne)).names.size(), 4u);
  EXPECT_EQ(selected(object, with(Aliases::Error)).names.size(), 4u);
}

TEST(Aliases, CountWithinAGroup) {
  const PickleBuilder object = dict({{"model", kTied}, {"ema", kTied}});
  const Selected result = selected(object, with(Aliases::KeepOne), Scope::Tree);
  EXPECT_THAT(result.groups, ElementsAre("model: other embed", "ema: other embed"));
  const PickleBuilder apart =
      dict({{"model", dict({{"w", tensor()}})}, {"ema", dict({{"w", tensor()}})}});
  EXPECT_EQ(selected(apart, with(Aliases::Error), Scope::Tree).names.size(), 2u);
}

TEST(Aliases, GoByTheNamesAsTheyAreWritten) {
  Rules rules = with(Aliases::KeepOne);
  rules.renames = {parse_rename("s/^x$/a/")};
  const Selected result = selected(kTied, rules);
  EXPECT_THAT(result.names, ElementsAre("other", "a"));
  EXPECT_THAT(result.aliases, ElementsAre("embed -> a", "head -> a"));
}

TEST(Aliases, AreNoneOnceTheirDTypesDiffer) {
  Rules rules = with(Aliases::KeepOne);
  rules.dtypes = {parse_dtype_rule("head=F16")};
  const Selected result = selected(kTied, rules);
  EXPECT_THAT(result.names, ElementsAre("head", "other", "embed"));
  EXPECT_THAT(result.aliases, ElementsAre("x -> embed"));
}

}  // namespace
}  // namespace unbrine
