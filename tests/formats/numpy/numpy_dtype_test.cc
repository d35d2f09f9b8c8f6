#include "formats/numpy/numpy_dtype.h"

#include <gmock/gmock.h>

#include "tests/formats/numpy/numpy_pickles.h"
#include "tests/formats/pickle/decoded.h"
#include "tests/support/error_of.h"

namespace unbrine {
namespace {

using ::testing::HasSubstr;
using ::testing::Optional;

DTypeRecord read(PickleBuilder pickle) {
  const Decoded result = decoded(pickle.stop());
  return read_dtype(result.graph, result.pickle.root);
}

Error refusal(const PickleBuilder& pickle) {
  return error_of([&] { read(pickle); });
}

PickleBuilder dtype_of_arguments(const PickleBuilder& arguments) {
  return PickleBuilder().global("numpy", "dtype").raw(arguments).reduce();
}

PickleBuilder dtype_of_class(std::string_view module, std::string_view name) {
  PickleBuilder arguments;
  arguments.global(module, name).newfalse().newtrue().tuple3();
  return dtype_of_arguments(arguments).raw(plain_dtype_state("<")).build();
}

TEST(NumpyDType, RefusesStringsThatAreNoType) {
  for (const char* text : {"", "<", "<q", "f", "<f4x", "<f-4", "<<f4", "M8[ns", "f4[ns]", "float32",
                           "<U4611686018427387905", "f99999999999999999999"}) {
    const Error error = error_of([&] { dtype_of_string(text); });
    EXPECT_EQ(error.code(), ErrorCode::Corrupt) << text;
    EXPECT_THAT(error.what(), HasSubstr("is none that numpy writes"));
  }
}

TEST(NumpyDType, RefusesWhatIsNoDType) {
  EXPECT_THAT(refusal(PickleBuilder().none()).what(), HasSubstr("its dtype is no numpy.dtype"));
  EXPECT_THAT(refusal(dtype_of_arguments(PickleBuilder().empty_tuple())).what(),
              HasSubstr("its dtype has no code"));
  EXPECT_THAT(refusal(dtype_of_arguments(PickleBuilder().integer(4).tuple1())).what(),
              HasSubstr("the dtype's code is no text"));
  EXPECT_THAT(refusal(dtype_of_arguments(PickleBuilder().empty_list())).what(),
              HasSubstr("the dtype's arguments are no tuple"));
}

TEST(NumpyDType, RefusesAStateOfAnotherShape) {
  const PickleBuilder code = dtype_of_arguments(PickleBuilder().string("f4").tuple1());
  EXPECT_THAT(refusal(PickleBuilder(code).int_tuple({3}).build()).what(), HasSubstr("too short"));
  EXPECT_THAT(refusal(PickleBuilder(code).none().build()).what(), HasSubstr("are no tuple"));
  const std::vector<int64_t> many(10, 0);
  EXPECT_THAT(refusal(PickleBuilder(code).int_tuple(many).build()).what(),
              HasSubstr("are more than 9"));
  EXPECT_THAT(refusal(dtype("i2", "?")).what(), HasSubstr("byte order is '?'"));
}

TEST(NumpyDType, KnowsEveryPlainNumber) {
  struct Row {
    const char* code;
    DType dtype;
  };
  for (const Row& row :
       {Row{"f8", DType::F64}, Row{"f2", DType::F16}, Row{"i8", DType::I64}, Row{"u4", DType::U32},
        Row{"b1", DType::Bool}, Row{"c8", DType::C64}, Row{"c16", DType::C128}}) {
    const DTypeRecord record = read(dtype(row.code));
    ASSERT_TRUE(record.type) << row.code;
    EXPECT_EQ(record.type->dtype, row.dtype);
    EXPECT_FALSE(record.type->big_endian);
    EXPECT_THAT(record.item_size, Optional(info(row.dtype).bits / 8u));
  }
}

TEST(NumpyDType, MarksBigEndianNumbersOfMoreThanOneByte) {
  EXPECT_TRUE(read(dtype("i2", ">")).type->big_endian);
  EXPECT_FALSE(read(dtype("i1", ">")).type->big_endian);
  EXPECT_TRUE(dtype_of_string(">c16").type->big_endian);
  EXPECT_FALSE(dtype_of_string("|b1").type->big_endian);
}

TEST(NumpyDType, DescribesWhatIsNoPlainNumber) {
  struct Row {
    const char* text;
    const char* words;
    uint64_t size;
  };
  for (const Row& row :
       {Row{"<f16", "long double", 16}, Row{"<f12", "long double", 12},
        Row{"<c32", "complex long double", 32}, Row{"<U3", "text", 12}, Row{"|S5", "bytes", 5},
        Row{"|V7", "raw bytes", 7}, Row{"<M8[ns]", "datetime64", 8},
        Row{"<m8[25s]", "timedelta64", 8}, Row{"M8", "datetime64", 8}}) {
    const DTypeRecord record = dtype_of_string(row.text);
    EXPECT_FALSE(record.type) << row.text;
    EXPECT_FALSE(record.has_objects);
    EXPECT_EQ(record.description, row.words);
    EXPECT_THAT(record.item_size, Optional(row.size));
  }
}

TEST(NumpyDType, SaysWhatHoldsObjects) {
  EXPECT_TRUE(dtype_of_string("|O").has_objects);
  EXPECT_TRUE(read(dtype("O8", "|")).has_objects);
  const PickleBuilder text = PickleBuilder()
                                 .global("numpy._core._internal", "_convert_to_stringdtype_kwargs")
                                 .integer(1)
                                 .tuple1()
                                 .reduce();
  EXPECT_TRUE(read(text).has_objects);
}

TEST(NumpyDType, CountsTheFieldsOfAStructure) {
  const DTypeRecord record = read(structured_dtype());
  EXPECT_FALSE(record.type);
  EXPECT_EQ(record.description, "a structure of 2 fields");
  EXPECT_THAT(record.item_size, Optional(12));
}

TEST(NumpyDType, KnowsTheClassesOfMlDtypes) {
  EXPECT_EQ(read(dtype_of_class("ml_dtypes", "bfloat16")).type->dtype, DType::BF16);
  EXPECT_EQ(read(dtype_of_class("ml_dtypes", "float8_e4m3fn")).type->dtype, DType::F8E4M3FN);
  EXPECT_FALSE(read(dtype_of_class("ml_dtypes", "float8_e4m3b11fnuz")).type);
  EXPECT_FALSE(read(dtype_of_class("ml_dtypes", "int4")).type);
}

TEST(NumpyDType, TakesAClassForADType) {
  EXPECT_EQ(read(PickleBuilder().global("numpy", "float32")).type->dtype, DType::F32);
  const DTypeRecord unknown = read(PickleBuilder().global("os", "system"));
  EXPECT_FALSE(unknown.type);
  EXPECT_FALSE(unknown.item_size);
  EXPECT_EQ(unknown.description, "os.system");
}

}  // namespace
}  // namespace unbrine
