#include "formats/json.h"

#include <gtest/gtest.h>

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

}  // namespace
}  // namespace unbrine
