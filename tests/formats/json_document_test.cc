#include "formats/json_document.h"

#include <gmock/gmock.h>

#include "tests/support/error_of.h"

namespace unbrine {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

JsonDocument document(std::string_view text) {
  return JsonDocument(MemorySource({text.begin(), text.end()}), 1000);
}

template <class Use>
Error refusal(std::string_view text, Use use) {
  return error_of([&] {
    const JsonDocument parsed = document(text);
    use(parsed.root());
  });
}

TEST(JsonDocument, RefusesWhatIsNotOneValue) {
  for (const char* text : {"", " ", "{", "{}x", "[1,]", "nul", "\"\xff\"", "1 2", "{\"a\":}"}) {
    const Error error = refusal(text, [](const JsonValue&) {});
    EXPECT_EQ(error.code(), ErrorCode::Corrupt) << text;
    EXPECT_THAT(error.what(), HasSubstr("is not valid JSON")) << text;
  }
}

TEST(JsonDocument, RefusesAKeyThatStandsTwiceHoweverDeep) {
  const Error error = refusal(R"([{"a":[{"b":1,"\u0062":2}]}])", [](const JsonValue&) {});
  EXPECT_EQ(error.code(), ErrorCode::Corrupt);
  EXPECT_THAT(error.what(), HasSubstr("has the key 'b' twice"));
}

TEST(JsonDocument, TakesTextUpToItsLimit) {
  EXPECT_EQ(document('"' + std::string(998, 'x') + '"').root().text().size(), 998u);
  const Error error = refusal('"' + std::string(999, 'x') + '"', [](const JsonValue&) {});
  EXPECT_EQ(error.code(), ErrorCode::Limit);
  EXPECT_THAT(error.what(), AllOf(HasSubstr("1001"), HasSubstr("max_header_bytes")));
}

TEST(JsonDocument, RefusesAValueOfAnotherKind) {
  const auto refuses = [](std::string_view text, auto use) {
    const Error error = refusal(text, use);
    EXPECT_EQ(error.code(), ErrorCode::Corrupt);
    EXPECT_THAT(error.what(), HasSubstr("expected"));
  };
  refuses("1", [](const JsonValue& value) { value.text(); });
  refuses("1", [](const JsonValue& value) { value.boolean(); });
  refuses("{}", [](const JsonValue& value) { value.items(); });
  refuses("[]", [](const JsonValue& value) { value.fields(); });
  refuses("[]", [](const JsonValue& value) { value.find("a"); });
  refuses("\"1\"", [](const JsonValue& value) { value.number(); });
}

TEST(JsonDocument, RefusesWhatIsNoWholeNumber) {
  for (const char* text : {"1.5", "\"\"", "\" 1\"", "\"1 \"", "\"+1\"", "\"0x1\"", "\"1e3\"",
                           "\"9223372036854775808\"", "9223372036854775808", "null"})
    EXPECT_EQ(refusal(text, [](const JsonValue& value) { value.integer(); }).code(),
              ErrorCode::Corrupt)
        << text;
  EXPECT_THAT(refusal("-1", [](const JsonValue& value) { value.count(); }).what(),
              HasSubstr("no negative number, found -1"));
}

TEST(JsonDocument, NamesAFieldThatIsAbsentOrNull) {
  for (const char* text : {"{}", R"({"a":null})"}) {
    EXPECT_THAT(refusal(text, [](const JsonValue& value) { value.its("a"); }).what(),
                HasSubstr("has no 'a'"));
    EXPECT_FALSE(document(text).root().find("a").has_value());
  }
}

TEST(JsonDocument, ReadsEveryKindOfValue) {
  const JsonDocument parsed =
      document(R"({"n":null,"t":"x","b":true,"f":0.5,"i":-3,"s":"12","l":[1,[]],"o":{"k":1}})");
  const JsonValue root = parsed.root();
  EXPECT_EQ(root.its("t").text(), "x");
  EXPECT_TRUE(root.its("b").boolean());
  EXPECT_EQ(root.its("f").number(), 0.5);
  EXPECT_EQ(root.its("i").integer(), -3);
  EXPECT_EQ(root.its("s").count(), 12u);
  EXPECT_EQ(root.its("l").items().size(), 2u);
  EXPECT_EQ(root.its("o").fields()[0].key, "k");
  EXPECT_TRUE(root.fields()[0].value.is_null());
}

}  // namespace
}  // namespace unbrine
