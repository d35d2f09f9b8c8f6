#include "converter/cast_rules.h"

#include <gmock/gmock.h>

#include "tests/converter/select_test.h"

namespace unbrine {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

const PickleBuilder kMixed = dict(
    {{"w", tensor()}, {"d", double_tensor()}, {"n", integer_tensor()}, {"c", complex_tensor()}});

Selected cast(const PickleBuilder& object, const std::vector<std::string>& texts) {
  Rules rules;
  for (const std::string& text : texts) rules.dtypes.push_back(parse_dtype_rule(text));
  return selected(object, rules);
}

TEST(CastRules, WarnOfAPatternThatFitsIntegersOnly) {
  const Selected result = cast(kMixed, {"n*=F16"});
  EXPECT_THAT(result.casts, IsEmpty());
  EXPECT_THAT(result.warnings, ElementsAre("--dtype 'n*=F16' fits no floating tensor, only such as "
                                           "int64, which a pattern leaves: I64=F16 casts them"));
}

TEST(CastRules, WarnOfAPatternThatFitsNothingCastable) {
  EXPECT_THAT(cast(kMixed, {"c=F32"}).warnings,
              ElementsAre("--dtype 'c=F32' fits no floating tensor; there is no cast from "
                          "complex64"));
  EXPECT_THAT(cast(dict({}), {"F16"}).warnings, ElementsAre("--dtype 'F16' fits no tensor"));
}

TEST(CastRules, CastAllFloatsByALoneDType) {
  const Selected result = cast(kMixed, {"BF16"});
  EXPECT_THAT(result.casts, ElementsAre("w BF16", "d BF16"));
  EXPECT_THAT(result.warnings, IsEmpty());
}

TEST(CastRules, LeaveATensorThatHasTheDType) {
  const Selected result = cast(kMixed, {"F32"});
  EXPECT_THAT(result.casts, ElementsAre("d F32"));
  EXPECT_THAT(result.warnings, IsEmpty());
}

TEST(CastRules, TakeTheFirstThatFits) {
  EXPECT_THAT(cast(kMixed, {"w=F64", "F16"}).casts, ElementsAre("w F64", "d F16"));
  EXPECT_THAT(cast(kMixed, {"w=F32", "F16"}).casts, ElementsAre("d F16"));
}

TEST(CastRules, CastIntegersThatAreNamed) {
  EXPECT_THAT(cast(kMixed, {"I64=I32", "*=F16"}).casts, ElementsAre("w F16", "d F16", "n I32"));
  EXPECT_THAT(cast(kMixed, {"*=F16", "int64=F64"}).casts, ElementsAre("w F16", "d F16", "n F64"));
}

TEST(CastRules, CastFloatsToIntegers) {
  EXPECT_THAT(cast(kMixed, {"d=I32"}).casts, ElementsAre("d I32"));
}

TEST(CastRules, SeeTheNameAsItWasFound) {
  Rules rules;
  rules.add_prefix = "p.";
  rules.dtypes = {parse_dtype_rule("w=F16"), parse_dtype_rule("p.d=F16")};
  const Selected result = selected(kMixed, rules);
  EXPECT_THAT(result.casts, ElementsAre("p.w F16"));
  EXPECT_THAT(result.warnings, ElementsAre("--dtype 'p.d=F16' fits no name"));
}

TEST(CastRules, DoNotCallARuleIdleThatComesTooLate) {
  EXPECT_THAT(cast(kMixed, {"*=F16", "w=BF16"}).warnings, IsEmpty());
}

TEST(CastRules, LeaveThePartsOfAQuantizedTensor) {
  Graph graph;
  Limits limits;
  TensorTable table(limits);
  table.add_input(100);
  const auto bytes = std::make_shared<MemorySource>(std::vector<uint8_t>(64));
  const uint32_t storage = table.add_storage({.name = "0", .source = bytes, .size = 64});
  const auto add = [&](DType dtype) {
    Tensor number;
    number.dtype = dtype;
    number.storage = storage;
    return graph.add_tensor(table.add(number));
  };
  const NodeId integers = add(DType::QInt8);
  const NodeId scale = add(DType::F64);
  add(DType::F64);
  graph.add_composite({"per_tensor_affine", DType::QInt8, {}, {{"", integers}, {"scale", scale}}});
  Selection selection;
  selection.table = &table;
  for (const char* name : {"q", "q.scale", "plain"})
    selection.tensors.push_back({name, static_cast<uint32_t>(selection.tensors.size())});
  std::vector<std::string> warnings;
  choose_casts(selection, {parse_dtype_rule("F64=F32"), parse_dtype_rule("F16")}, graph, warnings);
  EXPECT_EQ(selection.tensors[1].cast, std::nullopt);
  EXPECT_EQ(selection.tensors[2].cast, DType::F32);
}

}  // namespace
}  // namespace unbrine
