#include "formats/checkpoint.h"

#include <gmock/gmock.h>

#include "tests/support/error_of.h"
#include "tests/support/tar_builder.h"

namespace unbrine {
namespace {

using ::testing::HasSubstr;

Error refusal(std::string_view content) {
  const ByteSpan bytes = as_bytes(content);
  return error_of([&] {
    open_checkpoint(
        std::make_shared<MemorySource>(std::vector<uint8_t>(bytes.begin(), bytes.end())), Limits{});
  });
}

struct Foreign {
  std::string_view content;
  ErrorCode code;
  std::string_view says;
};

void PrintTo(const Foreign& file, std::ostream* out) { *out << file.says; }

using namespace std::string_view_literals;

class SniffingOf : public ::testing::TestWithParam<Foreign> {};

TEST_P(SniffingOf, SaysWhatTheFileIs) {
  const Error error = refusal(GetParam().content);
  EXPECT_EQ(error.code(), GetParam().code) << error.what();
  EXPECT_THAT(error.what(), HasSubstr(GetParam().says));
}

TEST(Sniffing, RefusesAFileThatFitsTwoFormats) {
  const std::vector<uint8_t> bytes = TarBuilder().add("\x80\x02N.", "hello").bytes();
  const Error error = refusal(as_text(bytes));
  EXPECT_EQ(error.code(), ErrorCode::Corrupt);
  EXPECT_THAT(error.what(), HasSubstr("is both tar and pickle"));
}

INSTANTIATE_TEST_SUITE_P(
    Files, SniffingOf,
    ::testing::Values(Foreign{"", ErrorCode::Corrupt, "is empty"},
                      Foreign{"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n",
                              ErrorCode::Unsupported, "Git LFS pointer"},
                      Foreign{"  <!DOCTYPE html><html>", ErrorCode::Unsupported, "web page"},
                      Foreign{"hello\nworld", ErrorCode::Unsupported,
                              "is text, not a checkpoint: 'hello'"},
                      Foreign{"hi \x1b[31m", ErrorCode::Unsupported, "no known format"},
                      Foreign{"PK\x05\x06\0\0"sv, ErrorCode::Unsupported, "empty zip"},
                      Foreign{"PK\x03\x04rest", ErrorCode::Corrupt, "truncated"},
                      Foreign{"\x89HDF\r\n\x1a\n"sv, ErrorCode::Unsupported, "HDF5"},
                      Foreign{"7z\xbc\xaf\x27\x1c", ErrorCode::Unsupported, "7z"},
                      Foreign{"GGUF\3\0\0\0"sv, ErrorCode::Unsupported, "GGUF"},
                      Foreign{"\x93NUMPY\x01\0"sv, ErrorCode::Corrupt, "array at byte 0"},
                      Foreign{"\x1f\x8b\x08\0"sv, ErrorCode::Corrupt, "gzip"},
                      Foreign{"\x80\x04\x95\0"sv, ErrorCode::Corrupt, "byte 2 (FRAME)"},
                      Foreign{"\1\2\3\4", ErrorCode::Unsupported, "\\x01\\x02\\x03\\x04"}));

}  // namespace
}  // namespace unbrine
