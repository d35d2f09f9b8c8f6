#include "formats/numpy/dtype_string.h"

#include <gmock/gmock.h>

#include "tests/formats/numpy/numpy_pickles.h"
#include "tests/formats/pickle/decoded.h"
#include "tests/support/error_of.h"

namespace unbrine {
namespace {

std::optional<std::string> string_of(PickleBuilder pickle) {
  const Decoded decoded = unbrine::decoded(pickle.stop());
  return dtype_string(decoded.graph, decoded.pickle.root);
}

PickleBuilder date(const PickleBuilder& unit, int64_t number) {
  PickleBuilder pickle;
  pickle.global("numpy", "dtype").string("M8").newfalse().newtrue().tuple3().reduce().mark();
  pickle.integer(4).string("<").none().none().none().integer(-1).integer(-1).integer(0);
  pickle.none().mark().raw(unit).integer(number).integer(1).integer(1).tuple().tuple2();
  return pickle.tuple().build();
}

TEST(DTypeString, HasNoneForAStructure) { EXPECT_EQ(string_of(structured_dtype()), std::nullopt); }

TEST(DTypeString, HasNoneForWhatIsNoDType) {
  EXPECT_EQ(string_of(PickleBuilder().string("f4")), std::nullopt);
  EXPECT_EQ(string_of(PickleBuilder().global("numpy", "dtype").empty_tuple().reduce()),
            std::nullopt);
  EXPECT_EQ(string_of(dtype("f4", "?")), std::nullopt);
  EXPECT_EQ(string_of(dtype("q9")), std::nullopt);
}

TEST(DTypeString, IsThatOfNumpy) {
  EXPECT_EQ(string_of(dtype("f4")), "<f4");
  EXPECT_EQ(string_of(dtype("i8", ">")), ">i8");
  EXPECT_EQ(string_of(dtype("b1", "|")), "|b1");
  EXPECT_EQ(string_of(dtype("O8", "|")), "|O");
  EXPECT_EQ(string_of(dtype("U3")), "<U3");
}

TEST(DTypeString, TellsTheUnitOfADate) {
  EXPECT_EQ(string_of(date(PickleBuilder().short_binbytes("ns"), 1)), "<M8[ns]");
  EXPECT_EQ(string_of(date(PickleBuilder().short_binstring("s"), 25)), "<M8[25s]");
  EXPECT_EQ(string_of(date(PickleBuilder().short_binbytes("generic"), 1)), "<M8");
}

TEST(DTypeString, GivesBackWhatAddDTypeAdds) {
  for (const std::string_view text : {"<f4", ">i8", "|b1", "|O", "<U3", "|S5", "|V7", "<M8[ns]",
                                      "<m8[25s]", "<M8", "<f16", "<c16"}) {
    Graph graph;
    EXPECT_EQ(dtype_string(graph, add_dtype(graph, text)), text);
  }
}

TEST(DTypeString, AddsNothingForATextThatIsNone) {
  for (const std::string_view text : {"", "f4", "<", "<q4", "<f4x", "<M8[", "<M8]s["}) {
    Graph graph;
    EXPECT_EQ(error_of([&] { add_dtype(graph, text); }).code(), ErrorCode::Corrupt) << text;
  }
}

}  // namespace
}  // namespace unbrine
