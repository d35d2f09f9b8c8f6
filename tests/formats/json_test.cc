#include "formats/json.h"

#include <gtest/gtest.h>

#include <bit>
#include <limits>

namespace unbrine {
namespace {

using namespace std::string_literals;

TEST(JsonWriter, EscapesAsTheReferenceDoes) {
  JsonWriter json;
  json.value("\"\\\b\t\n\f\r\x01\x1f\0/"s);
  EXPECT_EQ(json.text(), R"("\"\\\b\t\n\f\r\u0001\u001f\u0000/")");
}

TEST(JsonWriter, LeavesEverythingElseRaw) {
  JsonWriter json;
  json.value("\x7f é \u2028 😀");
  EXPECT_EQ(json.text(), "\"\x7f é \u2028 😀\"");
}

TEST(JsonWriter, EscapesKeys) {
  JsonWriter json;
  json.begin_object().key("a\"b").value(1).end_object();
  EXPECT_EQ(json.text(), R"({"a\"b":1})");
}

TEST(JsonWriter, PutsCommasBetweenValuesOnly) {
  JsonWriter json;
  json.begin_object().key("a").begin_array().value(1).value(-2).begin_array().end_array();
  json.begin_object().end_object().end_array().key("b").null().key("c").value(true);
  json.key("d").value(UINT64_MAX).key("e").value("").end_object();
  EXPECT_EQ(json.take(), R"({"a":[1,-2,[],{}],"b":null,"c":true,"d":18446744073709551615,"e":""})");
}

std::string shown(double number) { return JsonWriter().value(number).take(); }

TEST(JsonWriter, WritesTheShortestFloatThatReadsBack) {
  EXPECT_EQ(shown(0.1), "0.1");
  EXPECT_EQ(shown(1.0 / 3), "0.3333333333333333");
  EXPECT_EQ(shown(5e-324), "5e-324");
  EXPECT_EQ(shown(1.7976931348623157e308), "1.7976931348623157e+308");
}

TEST(JsonWriter, TellsAFloatFromAnInteger) {
  EXPECT_EQ(shown(1), "1.0");
  EXPECT_EQ(shown(-0.0), "-0.0");
  EXPECT_EQ(shown(1e5), "1e+05");
  EXPECT_EQ(shown(123456), "123456.0");
}

TEST(JsonWriter, NamesFloatsThatJsonDoesNotHave) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  EXPECT_EQ(shown(kInfinity), R"({"$float":"inf"})");
  EXPECT_EQ(shown(-kInfinity), R"({"$float":"-inf"})");
  EXPECT_EQ(shown(std::bit_cast<double>(uint64_t{0x7ff8'0000'0000'0000})), R"({"$float":"nan"})");
  EXPECT_EQ(shown(std::bit_cast<double>(uint64_t{0xfff8'0000'0000'0000})),
            R"({"$float":"0xfff8000000000000"})");
  EXPECT_EQ(shown(std::bit_cast<double>(uint64_t{0x7ff0'0000'0000'0001})),
            R"({"$float":"0x7ff0000000000001"})");
}

TEST(JsonWriter, TakesValuesThatAreJsonAlready) {
  JsonWriter json;
  json.begin_array().value(1.5).json("[2]").value(3).end_array();
  EXPECT_EQ(json.text(), "[1.5,[2],3]");
}

}  // namespace
}  // namespace unbrine
