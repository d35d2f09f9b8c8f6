#include "converter/naming.h"

#include <gmock/gmock.h>

#include "tests/converter/select_test.h"
#include "tests/support/error_of.h"

namespace unbrine {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

const PickleBuilder kWeights = dict({{"w", tensor()}, {"b", tensor()}});

TEST(Naming, BoundsTheBytesOfPrefixedNames) {
  Limits limits;
  limits.max_header_bytes = 100;
  Rules rules;
  rules.add_prefix = std::string(50, 'x');
  const Checkpoint from = checkpoint(kWeights, limits);
  EXPECT_EQ(error_of([&] { select(from, rules, Scope::Weights); }).code(), ErrorCode::Limit);
}

TEST(Naming, TakesWhatIsIncludedAndNotExcluded) {
  Rules rules;
  rules.include = {"*.w", "c.b"};
  rules.exclude = {"a*"};
  const PickleBuilder object = dict({{"a", kWeights}, {"c", kWeights}, {"d", kWeights}});
  const Selected result = selected(object, rules);
  EXPECT_THAT(result.names, ElementsAre("c.w", "c.b", "d.w"));
  EXPECT_EQ(result.excluded, 3u);
  EXPECT_THAT(result.left_out, IsEmpty());  // that is for other parts of the checkpoint
  EXPECT_THAT(result.warnings, IsEmpty());
}

TEST(Naming, StripsThenRenamesThenAdds) {
  Rules rules;
  rules.strip_prefixes = {"module.", "mod"};
  rules.renames = {parse_rename("s/^a/A/"), parse_rename("s/A/x./")};
  rules.add_prefix = "p.";
  const PickleBuilder object =
      dict({{"module.a", tensor()}, {"model", tensor()}, {"module.mod", tensor()}});
  EXPECT_THAT(selected(object, rules).names, ElementsAre("p.x.", "p.el", "p.mod"));
}

TEST(Naming, LeavesTheSourceAsItWas) {
  Rules rules;
  rules.add_prefix = "p.";
  EXPECT_THAT(selected(dict({{"model", kWeights}}), rules).sources,
              ElementsAre("model.w", "model.b"));
}

TEST(Naming, TellsWhereRulesMakeTwoNamesOne) {
  Rules rules;
  rules.renames = {parse_rename("s/.*/x/")};
  const Selected result = selected(kWeights, rules);
  EXPECT_THAT(result.names, ElementsAre("x", "x~1"));
  EXPECT_THAT(result.notes, ElementsAre("name 'x' is written as 'x~1'"));
}

TEST(Naming, PointsOutAPrefixThatAllNamesShare) {
  const char* const hint = "all names begin with 'module.': --strip-prefix module. takes it off";
  const PickleBuilder wrapped = dict({{"module.w", tensor()}, {"module.b", tensor()}});
  EXPECT_THAT(selected(wrapped).notes, ElementsAre(hint));
  EXPECT_THAT(selected(dict({{"module.w", tensor()}})).notes, IsEmpty());
  EXPECT_THAT(selected(dict({{"module.w", tensor()}, {"b", tensor()}})).notes, IsEmpty());
  Rules rules;
  rules.strip_prefixes = {"module."};
  EXPECT_THAT(selected(wrapped, rules).notes, IsEmpty());
}

}  // namespace
}  // namespace unbrine
