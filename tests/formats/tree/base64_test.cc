#include "formats/tree/base64.h"

#include <gmock/gmock.h>

namespace unbrine {
namespace {

std::string text_of(std::string_view bytes) {
  std::string text;
  append_base64(text, as_bytes(bytes));
  return text;
}

std::optional<std::string> bytes_of(std::string_view text) {
  const auto bytes = bytes_of_base64(text);
  return bytes ? std::optional(std::string(bytes->begin(), bytes->end())) : std::nullopt;
}

TEST(Base64, RejectsWhatNoBytesGive) {
  for (const std::string_view text : {"YQ", "YQ=", "Y", "YQ=a", "Y===", "====", "YR==", "YWJ=",
                                      "YQ==YQ==", "Y Q=", "YQ-_", "YQ==\n"})
    EXPECT_EQ(bytes_of(text), std::nullopt) << text;
}

// RFC 4648, section 10.
TEST(Base64, GivesTheVectorsOfTheStandard) {
  const std::pair<std::string_view, std::string_view> vectors[] = {
      {"", ""},
      {"f", "Zg=="},
      {"fo", "Zm8="},
      {"foo", "Zm9v"},
      {"foob", "Zm9vYg=="},
      {"fooba", "Zm9vYmE="},
      {"foobar", "Zm9vYmFy"},
  };
  for (const auto& [bytes, text] : vectors) {
    EXPECT_EQ(text_of(bytes), text);
    EXPECT_EQ(bytes_of(text), bytes);
  }
}

TEST(Base64, UsesPlusAndSlash) {
  EXPECT_EQ(text_of("\xfb\xff\xfe"), "+//+");
  EXPECT_EQ(bytes_of("+//+"), "\xfb\xff\xfe");
}

}  // namespace
}  // namespace unbrine
