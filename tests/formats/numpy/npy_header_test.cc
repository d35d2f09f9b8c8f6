#include "formats/numpy/npy_header.h"

#include <gmock/gmock.h>

#include "tests/formats/numpy/npy_builder.h"
#include "tests/support/error_of.h"

namespace unbrine {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Optional;

NpyHeader read(std::string_view file, const Limits& limits = {}) {
  const auto source = std::make_shared<MemorySource>(as_vector(file));
  return read_npy_header({source, 0, source->size()}, limits);
}

std::string refusal(std::string_view literal) {
  const Error error = error_of([&] { parse_npy_literal(literal); });
  EXPECT_EQ(error.code(), ErrorCode::Corrupt) << literal;
  return error.what();
}

TEST(NpyHeader, RefusesEveryPrefixOfALiteral) {
  const std::string whole = npy_literal("[('a', '<f4', (2,)), (('t', 'b'), '|S3')]", "(2, 3)");
  for (size_t size = 0; size < whole.size(); ++size) refusal(whole.substr(0, size));
  parse_npy_literal(whole);
}

TEST(NpyHeader, RefusesCode) {
  for (const char* literal : {"__import__('os')", "{'descr': exec('1'), }", "{}.__class__",
                              "{'descr': '<f4' + '', 'fortran_order': False, 'shape': ()}",
                              "{'descr': '<f4', 'fortran_order': not 1, 'shape': ()}",
                              "{'descr': '<f4', 'fortran_order': False, 'shape': (2**3,)}"})
    refusal(literal);
}

TEST(NpyHeader, RefusesKeysThatAreMissingUnknownOrRepeated) {
  EXPECT_THAT(refusal("{}"), HasSubstr("has no key 'descr'"));
  EXPECT_THAT(refusal("{'descr': '<f4', 'shape': ()}"), HasSubstr("has no key 'fortran_order'"));
  EXPECT_THAT(refusal("{'order': '<f4'}"), HasSubstr("has the key 'order', which .npy has not"));
  EXPECT_THAT(refusal("{'descr': '<f4', 'descr': '<f4'}"), HasSubstr("'descr' twice"));
}

TEST(NpyHeader, RefusesShapesThatAreNoTupleOfCounts) {
  for (const char* shape : {"3", "(3)", "(-1,)", "(1.5,)", "('a',)", "(3 4)", "[3]", "(,)", "None"})
    refusal(npy_literal("'<f4'", shape));
  EXPECT_THAT(refusal(npy_literal("'<f4'", "(99999999999999999999,)")), HasSubstr("64 bits"));
  EXPECT_THAT(refusal(npy_literal("'<f4'", "(9223372036854775808,)")), HasSubstr("64 bits"));
}

TEST(NpyHeader, RefusesMoreDimensionsThanNumpyHas) {
  const auto ones = [](int count) {
    std::string shape = "(";
    for (int i = 0; i < count; ++i) shape += "1,";
    return shape + ")";
  };
  EXPECT_EQ(parse_npy_literal(npy_literal("'<f4'", ones(64))).shape.size(), 64u);
  EXPECT_THAT(refusal(npy_literal("'<f4'", ones(65))), HasSubstr("more than 64 dimensions"));
}

TEST(NpyHeader, RefusesTypesThatAreNone) {
  EXPECT_THAT(refusal(npy_literal("'<q'", "()")), HasSubstr("dtype '<q'"));
  EXPECT_THAT(refusal(npy_literal("None", "()")), HasSubstr("expected a string, found 'N'"));
  EXPECT_THAT(refusal(npy_literal("[('a',)]", "()")), HasSubstr("expected a string"));
  EXPECT_THAT(refusal(npy_literal("[('a', '<f4', 9223372036854775807)]", "()")),
              HasSubstr("64 bits"));
}

TEST(NpyHeader, RefusesStructuresTooDeepInsideEachOther) {
  std::string open, close;
  for (int i = 0; i < 100'000; ++i) {
    open += "[('a',";
    close += ")]";
  }
  EXPECT_THAT(refusal(npy_literal(open + "'<f4'" + close, "()")), HasSubstr("too deep"));
}

TEST(NpyHeader, RefusesTextBehindTheDict) {
  EXPECT_THAT(refusal(npy_literal("'<f4'", "()") + " x"), HasSubstr("expected nothing, found 'x'"));
}

TEST(NpyHeader, RefusesOtherMagicNumbersAndVersions) {
  const std::string sound = npy(npy_literal("'<f4'", "()"), "abcd");
  for (const size_t at : {0, 5, 6, 7}) {
    std::string file = sound;
    file[at] = 9;
    EXPECT_FALSE(begins_npy(as_vector(file))) << at;
    EXPECT_THAT(error_of([&] { read(file); }).what(), HasSubstr("does not begin as .npy"));
  }
  EXPECT_TRUE(begins_npy(as_vector(sound)));
  EXPECT_FALSE(begins_npy(as_vector(sound.substr(0, 7))));
}

TEST(NpyHeader, RefusesALengthBeyondTheFileOrTheLimit) {
  std::string file = npy(npy_literal("'<f4'", "()"), "");
  file.pop_back();
  EXPECT_THAT(error_of([&] { read(file); }).what(), HasSubstr("its header needs 118 bytes, 117 "));
  Limits limits;
  limits.max_header_bytes = 117;
  const Error error = error_of([&] { read(npy(npy_literal("'<f4'", "()"), ""), limits); });
  EXPECT_EQ(error.code(), ErrorCode::Limit);
  limits.max_header_bytes = 118;
  EXPECT_EQ(read(npy(npy_literal("'<f4'", "()"), ""), limits).size, 128u);
}

TEST(NpyHeader, ReadsAllVersions) {
  for (const char major : {1, 2, 3}) {
    const NpyHeader header = read(npy(npy_literal("'>i2'", "(2, 3)", "True"), "", major));
    EXPECT_EQ(header.dtype.type->dtype, DType::I16);
    EXPECT_TRUE(header.dtype.type->big_endian);
    EXPECT_TRUE(header.fortran_order);
    EXPECT_THAT(header.shape, ElementsAre(2, 3));
    EXPECT_EQ(header.size % 64, 0u);
    EXPECT_EQ(header.descr, "'>i2'");
  }
}

TEST(NpyHeader, ReadsHeadersLongerThanTheFirstRead) {
  std::string literal = npy_literal("'<f4'", "()");
  literal.insert(1, 70'000, ' ');
  EXPECT_GT(read(npy(literal, "", 2)).size, 70'000u);
}

TEST(NpyHeader, TakesKeysInAnyOrderAndAnyQuotes) {
  const NpyHeader header =
      parse_npy_literal("{\"shape\":(1,2,),'fortran_order':False,'descr':\"|u1\"}\n");
  EXPECT_THAT(header.shape, ElementsAre(1, 2));
  EXPECT_THAT(parse_npy_literal(npy_literal("'|b1'", "()")).shape, IsEmpty());
}

TEST(NpyHeader, TakesTheLongIntegersOfPython2) {
  EXPECT_THAT(parse_npy_literal(npy_literal("'<f4'", "(3L,)")).shape, ElementsAre(3));
  EXPECT_THAT(parse_npy_literal(npy_literal("'<f4'", "(3L, 4)")).shape, ElementsAre(3, 4));
}

TEST(NpyHeader, AddsUpTheFieldsOfAStructure) {
  const NpyHeader header = parse_npy_literal(npy_literal(
      "[('a', '<f4'), ('', '|V4'), (('title', 'b'), '<i8', (2, 3)), ('c', [('d', '<U2')])]",
      "(5,)"));
  EXPECT_FALSE(header.dtype.type);
  EXPECT_FALSE(header.dtype.has_objects);
  EXPECT_EQ(header.dtype.description, "a structure of 4 fields");
  EXPECT_THAT(header.dtype.item_size, Optional(4 + 4 + 48 + 8));
}

TEST(NpyHeader, SeesObjectsInsideAStructure) {
  EXPECT_TRUE(parse_npy_literal(npy_literal("'|O'", "()")).dtype.has_objects);
  EXPECT_TRUE(parse_npy_literal(npy_literal("[('a', [('b', '|O')])]", "()")).dtype.has_objects);
}

}  // namespace
}  // namespace unbrine
