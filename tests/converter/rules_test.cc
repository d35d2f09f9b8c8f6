#include "converter/rules.h"

#include <gmock/gmock.h>

#include "tests/support/error_of.h"

namespace unbrine {
namespace {

using ::testing::HasSubstr;
using ::testing::Pair;

template <class Function>
std::string usage(Function function) {
  const Error error = error_of(function);
  EXPECT_EQ(error.code(), ErrorCode::Usage);
  return error.what();
}

std::string size_complaint(const std::string& text) {
  return usage([&] { parse_size("--max-shard-size", text); });
}

TEST(ParseSize, RefusesWhatIsNoSize) {
  for (const char* text : {"", "GB", "-1", "+1", " 1", "1 GB", "1G", "5GiBs", ".5GB", "1.GB",
                           "0x10", "1e9", "1.5", "1.5B", "1,5GB", "1.5.5GB"})
    EXPECT_THAT(size_complaint(text), HasSubstr("expected a size")) << text;
}

TEST(ParseSize, QuotesTheOption) {
  EXPECT_EQ(size_complaint("much"),
            "--max-shard-size 'much': expected a size as 4096, 500MB, 1.5GiB");
}

TEST(ParseSize, RefusesZeroAndWhatNeedsMoreThan64Bits) {
  EXPECT_THAT(size_complaint("0"), HasSubstr("must be more than 0"));
  EXPECT_THAT(size_complaint("0.0GB"), HasSubstr("must be more than 0"));
  EXPECT_THAT(size_complaint("18446744073709551616"), HasSubstr("64 bits"));
  EXPECT_THAT(size_complaint("18446745TB"), HasSubstr("64 bits"));
  EXPECT_THAT(size_complaint("1.00000000000000000001GB"), HasSubstr("too many digits"));
  EXPECT_THAT(size_complaint(std::string(1000, '9')), HasSubstr("64 bits"));
}

TEST(ParseSize, KnowsDecimalAndBinaryUnits) {
  const auto size = [](const char* text) { return parse_size("--align", text); };
  EXPECT_EQ(size("4096"), 4096u);
  EXPECT_EQ(size("7B"), 7u);
  EXPECT_EQ(size("500MB"), 500'000'000u);
  EXPECT_EQ(size("5GB"), 5'000'000'000u);
  EXPECT_EQ(size("5gb"), 5'000'000'000u);
  EXPECT_EQ(size("2GiB"), uint64_t{2} << 30);
  EXPECT_EQ(size("3KiB"), 3072u);
  EXPECT_EQ(size("1TiB"), uint64_t{1} << 40);
  EXPECT_EQ(size("18446744073709551615"), UINT64_MAX);
}

TEST(ParseSize, RoundsAFractionDownToBytes) {
  EXPECT_EQ(parse_size("--align", "1.5GB"), 1'500'000'000u);
  EXPECT_EQ(parse_size("--align", "1.25GiB"), 1'342'177'280u);
  EXPECT_EQ(parse_size("--align", "1.3KiB"), 1331u);
  EXPECT_EQ(parse_size("--align", "0.001kB"), 1u);
}

TEST(ParseChoices, ListWhatThereIs) {
  EXPECT_EQ(usage([] { parse_aliases("drop"); }),
            "--aliases 'drop': expected one of copy, keep-one, error");
  EXPECT_EQ(usage([] { parse_on_overflow("Inf"); }),
            "--on-overflow 'Inf': expected one of error, keep, saturate, inf");
}

TEST(ParseChoices, KnowEachWord) {
  EXPECT_EQ(parse_aliases("copy"), Aliases::Copy);
  EXPECT_EQ(parse_aliases("keep-one"), Aliases::KeepOne);
  EXPECT_EQ(parse_aliases("error"), Aliases::Error);
  EXPECT_EQ(parse_on_overflow("error"), OnOverflow::Error);
  EXPECT_EQ(parse_on_overflow("keep"), OnOverflow::Keep);
  EXPECT_EQ(parse_on_overflow("saturate"), OnOverflow::Saturate);
  EXPECT_EQ(parse_on_overflow("inf"), OnOverflow::Inf);
}

std::string dtype_complaint(const std::string& text) {
  return usage([&] { parse_dtype_rule(text); });
}

TEST(ParseDTypeRule, ListsTheKnownDTypes) {
  EXPECT_EQ(dtype_complaint("F17"),
            "--dtype 'F17': 'F17' is no dtype; there are F64, F32, F16, BF16, I64, I32, I16, I8, "
            "U64, U32, U16, U8, BOOL, F8_E5M2, F8_E4M3, F8_E5M2FNUZ, F8_E4M3FNUZ");
  EXPECT_THAT(dtype_complaint("*.w="), HasSubstr("'' is no dtype"));
}

TEST(ParseDTypeRule, RefusesDTypesThatThereIsNoCastFor) {
  EXPECT_EQ(dtype_complaint("C64"), "--dtype 'C64': there is no cast to 'C64'");
  EXPECT_EQ(dtype_complaint("C64=F32"), "--dtype 'C64=F32': there is no cast from 'C64'");
  EXPECT_THAT(dtype_complaint("*=qint8"), HasSubstr("there is no cast to 'qint8'"));
  EXPECT_THAT(dtype_complaint("complex128=F64"), HasSubstr("no cast from 'complex128'"));
  EXPECT_THAT(dtype_complaint("F8_E8M0"), HasSubstr("there is no cast to 'F8_E8M0'"));
}

TEST(ParseDTypeRule, RefusesAnEmptyOrBrokenPattern) {
  EXPECT_THAT(dtype_complaint("=F16"), HasSubstr("nothing stands before '='"));
  EXPECT_THAT(dtype_complaint("[a=F16"), HasSubstr("never closed"));
}

TEST(ParseDTypeRule, TakesALoneDTypeForAllNames) {
  const DTypeRule rule = parse_dtype_rule("F16");
  EXPECT_EQ(rule.text, "F16");
  EXPECT_EQ(rule.pattern, "*");
  EXPECT_EQ(rule.from, std::nullopt);
  EXPECT_EQ(rule.to, DType::F16);
}

TEST(ParseDTypeRule, TellsAPatternFromADType) {
  const DTypeRule names = parse_dtype_rule("a=b*=BF16");
  EXPECT_EQ(names.pattern, "a=b*");
  EXPECT_EQ(names.from, std::nullopt);
  EXPECT_EQ(names.to, DType::BF16);
  const DTypeRule dtype = parse_dtype_rule("F64=F32");
  EXPECT_EQ(dtype.pattern, "");
  EXPECT_EQ(dtype.from, DType::F64);
  EXPECT_EQ(dtype.to, DType::F32);
  EXPECT_EQ(parse_dtype_rule("F8_E8M0=F32").from, DType::F8E8M0);
}

TEST(ParseDTypeRule, KnowsBothWaysToNameADType) {
  EXPECT_EQ(parse_dtype_rule("bf16").to, DType::BF16);
  EXPECT_EQ(parse_dtype_rule("float16").to, DType::F16);
  EXPECT_EQ(parse_dtype_rule("Float8_e4m3fn").to, DType::F8E4M3FN);
  EXPECT_EQ(parse_dtype_rule("F8_E4M3").to, DType::F8E4M3FN);
  EXPECT_EQ(parse_dtype_rule("u8").to, DType::U8);  // quint8 and bits are U8 too
  EXPECT_EQ(parse_dtype_rule("bool").to, DType::Bool);
}

TEST(ParseMetadata, NeedsAKeyAndUtf8) {
  EXPECT_EQ(usage([] { parse_metadata("key"); }), "--metadata 'key': expected KEY=VALUE");
  EXPECT_THAT(usage([] { parse_metadata("=value"); }), HasSubstr("expected KEY=VALUE"));
  EXPECT_THAT(usage([] { parse_metadata("k=\xff"); }), HasSubstr("not valid UTF-8"));
}

TEST(ParseMetadata, SplitsAtTheFirstSign) {
  EXPECT_THAT(parse_metadata("k=a=b"), Pair("k", "a=b"));
  EXPECT_THAT(parse_metadata("k="), Pair("k", ""));
}

TEST(CheckRules, RefusesAPatternIncludedAndExcluded) {
  Rules rules;
  rules.include = {"a", "b*"};
  rules.exclude = {"c", "b*"};
  EXPECT_EQ(usage([&] { check_rules(rules); }), "--exclude 'b*' contradicts --include 'b*'");
}

TEST(CheckRules, RefusesTwoDTypesForOnePattern) {
  Rules rules;
  rules.dtypes = {parse_dtype_rule("*=F16"), parse_dtype_rule("BF16")};
  EXPECT_EQ(usage([&] { check_rules(rules); }), "--dtype 'BF16' contradicts --dtype '*=F16'");
  rules.dtypes = {parse_dtype_rule("F64=F16"), parse_dtype_rule("float64=F32")};
  EXPECT_THAT(usage([&] { check_rules(rules); }), HasSubstr("contradicts"));
}

TEST(CheckRules, RefusesBrokenPatternsAndAnEmptyPrefix) {
  Rules rules;
  rules.include = {"["};
  EXPECT_EQ(usage([&] { check_rules(rules); }),
            "--include: pattern '[': '[' is never closed at byte 0");
  rules = {};
  rules.exclude = {"a\\"};
  EXPECT_THAT(usage([&] { check_rules(rules); }), HasSubstr("--exclude: pattern"));
  rules = {};
  rules.strip_prefixes = {""};
  EXPECT_THAT(usage([&] { check_rules(rules); }), HasSubstr("--strip-prefix"));
}

TEST(CheckRules, TakesRulesThatAgree) {
  Rules rules;
  rules.include = {"a*"};
  rules.exclude = {"*a"};
  rules.dtypes = {parse_dtype_rule("*.b=F32"), parse_dtype_rule("F16"), parse_dtype_rule("F64=F32"),
                  parse_dtype_rule("F32=BF16"), parse_dtype_rule("F16")};
  check_rules(rules);
}

}  // namespace
}  // namespace unbrine
