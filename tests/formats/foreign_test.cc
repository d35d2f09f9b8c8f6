#include "formats/foreign.h"

#include <gmock/gmock.h>

#include "tests/support/error_of.h"

namespace unbrine {
namespace {

using namespace std::string_view_literals;
using ::testing::HasSubstr;

struct File {
  std::string_view head;
  std::string_view says;
};

void PrintTo(const File& file, std::ostream* out) { *out << file.says; }

Error refusal(std::string_view head) {
  return error_of([&] {
    const Limits limits;
    const auto source =
        std::make_shared<MemorySource>(std::vector<uint8_t>(head.begin(), head.end()));
    fail_foreign({source, as_bytes(head), limits});
  });
}

class Foreign : public ::testing::TestWithParam<File> {};

TEST_P(Foreign, IsNamed) {
  const Error error = refusal(GetParam().head);
  EXPECT_EQ(error.code(), ErrorCode::Unsupported);
  EXPECT_THAT(error.what(), HasSubstr(GetParam().says));
}

INSTANTIATE_TEST_SUITE_P(
    Marks, Foreign,
    ::testing::Values(File{"7z\xbc\xaf\x27\x1c\0\4"sv, "7z archive"},
                      File{"Rar!\x1a\7\1\0"sv, "RAR archive"},
                      File{"\x28\xb5\x2f\xfd\x04"sv, "zstd"}, File{"\4\x22\x4d\x18\x64"sv, "lz4"},
                      File{"\x89HDF\r\n\x1a\n"sv, "HDF5"}, File{"GGUF\3\0\0\0"sv, "GGUF"},
                      File{"tjgg\3\0\0\0"sv, "GGML"}, File{"lmgg\0\0\0\0"sv, "GGML"},
                      File{"\x1c\0\0\0TFL3\x14\0"sv, "TFLite"},
                      File{"\4\0\0\0\1\0\0\0\3\0\0\0V 1\x11\0\0\0torch.FloatTensor"sv, "Torch7"},
                      File{"\x12\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1"sv, "MXNet"},
                      File{"\177ELF\2\1\1\0"sv, "ELF"}, File{"%PDF-1.7\n\xff"sv, "PDF"},
                      File{"SQLite format 3\0\x10"sv, "SQLite"}));

// The first fields of real files.
INSTANTIATE_TEST_SUITE_P(
    Messages, Foreign,
    ::testing::Values(
        File{"\x08\x07\x12\x07pytorch\x1a\x05\x31.9.0:\xff\x05"sv, "is ONNX"},
        File{"\x08\x08:\x90\x02\n\x1a\n\1x"sv, "is ONNX"},
        File{"\x08\x0a\x42\x04\n\0\x10\x0b:"sv, "is ONNX"},
        File{"\x08\1\x12\xa1\x8f\1\n\x9c\x8c\1\x12\x05serve"sv, "TensorFlow SavedModel or Core ML"},
        File{"\x08\4\x12\x8f\2\n\x1f\n\x05image"sv, "TensorFlow SavedModel or Core ML"},
        File{"\n\x2e\n\x05input\x12\x0bPlaceholder*\x0b"sv, "TensorFlow graph"},
        File{"\n\x09VGG_ILSVR\x12\x90\1\n\4data\x12\4Data"sv, "Caffe"},
        File{"\n\7ResNet0\x1a\4data\"\1"sv, "Caffe"},
        File{"\n\7AlexNet\xa2\6\x1b\n\4data\x12\4Data"sv, "Caffe"}));

INSTANTIATE_TEST_SUITE_P(
    Others, Foreign,
    ::testing::Values(File{"\x08", "no known format"}, File{"\x08\x07"sv, "no known format"},
                      File{"\x08\x07\x12"sv, "no known format"},
                      File{"\x08\0\x12\2ab"sv, "no known format"},
                      File{"\n\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\1"sv, "no known format"},
                      File{"\n\4\1\2\3\4"sv, "no known format"}));

}  // namespace
}  // namespace unbrine
