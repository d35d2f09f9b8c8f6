#include "formats/safetensors/safetensors_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "formats/safetensors/safetensors_writer.h"
#include "tests/support/error_of.h"

namespace unbrine {
namespace {

using namespace std::string_literals;
using testing::ElementsAre;
using testing::HasSubstr;

std::string with_length(uint64_t length, const std::string& rest) {
  std::string bytes(8, '\0');
  for (size_t i = 0; i < 8; ++i) bytes[i] = static_cast<char>(length >> (8 * i) & 0xff);
  return bytes + rest;
}

std::string file(const std::string& json, const std::string& data = "") {
  return with_length(json.size(), json + data);
}

Checkpoint read(const std::string& bytes, const Limits& limits = {}) {
  const std::vector<uint8_t> copy(bytes.begin(), bytes.end());
  Checkpoint checkpoint(limits);
  const Probe probe{std::make_shared<MemorySource>(copy), copy, limits};
  Content content = read_safetensors(probe, checkpoint);
  checkpoint.root = content.root;
  checkpoint.format = std::move(content.format);
  return checkpoint;
}

bool looks_like(const std::string& bytes) {
  const std::vector<uint8_t> copy(bytes.begin(), bytes.end());
  return looks_like_safetensors({std::make_shared<MemorySource>(copy), copy, Limits()});
}

void expect_error(const std::string& bytes, const char* message,
                  ErrorCode code = ErrorCode::Corrupt, const Limits& limits = {}) {
  const Error error = error_of([&] { read(bytes, limits); });
  EXPECT_EQ(error.code(), code) << error.what();
  EXPECT_THAT(error.what(), HasSubstr(message));
}

std::string entry(const std::string& name, const std::string& dtype, const std::string& shape,
                  const std::string& offsets) {
  return "\"" + name + "\":{\"dtype\":\"" + dtype + "\",\"shape\":" + shape +
         ",\"data_offsets\":" + offsets + "}";
}

std::string one(const std::string& dtype, const std::string& shape, const std::string& offsets,
                const std::string& data) {
  return file("{" + entry("w", dtype, shape, offsets) + "}", data);
}

TEST(SafetensorsReader, RejectsAFileTooShortForItsLength) {
  expect_error("", "needs 8 bytes");
  expect_error("\x02\0\0"s, "needs 8 bytes");
}

TEST(SafetensorsReader, RejectsAHeaderLongerThanTheFile) {
  expect_error(with_length(3, "{}"), "claims 3 bytes, but only 2 follow: truncated download?");
  expect_error(with_length(uint64_t{1} << 63, "{}"), "but only 2 follow");
  expect_error(with_length(UINT64_MAX, "{}"), "but only 2 follow");
}

TEST(SafetensorsReader, AsksTheLimitBeforeItReadsTheHeader) {
  Limits limits;
  limits.max_header_bytes = 4;
  EXPECT_EQ(read(file("{  }"), limits).tensors.tensors().size(), 0u);
  expect_error(file("{   }"), "max_header_bytes", ErrorCode::Limit, limits);
}

TEST(SafetensorsReader, RejectsAHeaderThatStartsWithABlank) {
  expect_error(file(" {}"), "does not start with '{'");
  expect_error(file("\n{}"), "does not start with '{'");
  expect_error(file("\xef\xbb\xbf{}"), "does not start with '{'");
  expect_error(file(""), "does not start with '{'");
  expect_error(file("[]"), "does not start with '{'");
}

TEST(SafetensorsReader, RejectsWhatIsNoJson) {
  for (const std::string& json : {"{"s, "{}x"s, "{}\0"s, "{\"a\":}"s, "{} {}"s, "{\"\xff\":1}"s,
                                  "{\"\\ud800\":1}"s, "{\"a\nb\":1}"s, "{'a':1}"s, "{\"a\":NaN}"s})
    expect_error(file(json), "not valid JSON");
  expect_error(file("{\"a\":" + std::string(100'000, '[')), "not valid JSON");
}

TEST(SafetensorsReader, RejectsARepeatedName) {
  const std::string w = entry("w", "U8", "[1]", "[0,1]");
  expect_error(file("{" + w + "," + w + "}", "x"), "the key 'w' twice");
  expect_error(file("{" + w + "," + entry("\\u0077", "U8", "[0]", "[1,1]") + "}", "x"),
               "the key 'w' twice");
}

TEST(SafetensorsReader, RejectsARepeatedKeyInAnyObject) {
  expect_error(file(R"({"__metadata__":{"a":"1","a":"2"}})"), "the key 'a' twice");
  expect_error(file(R"({"w":{"dtype":"U8","dtype":"U8","shape":[0],"data_offsets":[0,0]}})"),
               "the key 'dtype' twice");
  expect_error(
      file(R"({"w":{"dtype":"U8","shape":[0],"data_offsets":[0,0],"x":[[{"k":1,"k":1}]]}})"),
      "the key 'k' twice");
}

TEST(SafetensorsReader, RejectsMetadataThatIsNotText) {
  expect_error(file(R"({"__metadata__":{"a":1}})"), "__metadata__: expected a string");
  expect_error(file(R"({"__metadata__":{"a":null}})"), "expected a string");
  expect_error(file(R"({"__metadata__":"pt"})"), "expected an object");
}

TEST(SafetensorsReader, RejectsAnEntryWithMissingOrOddFields) {
  expect_error(file(R"({"w":1})"), "tensor 'w': expected an object");
  expect_error(file(R"({"w":{}})"), "tensor 'w': has no 'dtype'");
  expect_error(file(R"({"w":{"dtype":1,"shape":[],"data_offsets":[0,4]}})"),
               "dtype: expected a string");
  expect_error(file(R"({"w":{"dtype":"F32","data_offsets":[0,4]}})"), "has no 'shape'");
  expect_error(file(R"({"w":{"dtype":"F32","shape":[]}})"), "has no 'data_offsets'");
  expect_error(one("F32", "2", "[0,8]", ""), "shape: expected an array");
  for (const char* size : {"[-1]", "[1.0]", "[\"1\"]", "[null]", "[true]", "[[1]]"})
    expect_error(one("F32", size, "[0,4]", "1234"), "shape: expected a whole number");
  expect_error(one("F32", "[1]", "[0,-4]", "1234"), "data_offsets: expected a whole number");
  expect_error(one("F32", "[1]", "[4]", "1234"), "expected two numbers, found 1");
  expect_error(one("F32", "[1]", "[0,4,4]", "1234"), "expected two numbers, found 3");
}

TEST(SafetensorsReader, NamesADtypeThatItDoesNotKnow) {
  for (const char* dtype : {"C128", "f32", "", "F32 "})
    expect_error(one(dtype, "[]", "[0,4]", "1234"), "is not known", ErrorCode::Unsupported);
}

TEST(SafetensorsReader, RejectsASizeThatIsNotThatOfItsShape) {
  expect_error(one("F32", "[2]", "[0,7]", "1234567"),
               "has 7 bytes, but its shape and dtype need 8");
  expect_error(one("F32", "[2]", "[0,9]", "123456789"), "has 9 bytes");
  expect_error(one("F32", "[0]", "[0,1]", "1"), "need 0");
}

TEST(SafetensorsReader, RejectsASizeThatOverflows) {
  const char* message = "does not fit 64 bits";
  expect_error(one("U8", "[4294967296,4294967296]", "[0,0]", ""), message);
  expect_error(one("U8", "[4294967296,4294967296,0]", "[0,0]", ""), message);
  expect_error(one("F32", "[4611686018427387904]", "[0,0]", ""), message);
  expect_error(one("U8", "[18446744073709551616]", "[0,0]", ""), "not valid JSON");
}

TEST(SafetensorsReader, RejectsElementsThatDoNotFillABytes) {
  expect_error(one("F4", "[3]", "[0,2]", "12"), "12 bits are not whole bytes");
  expect_error(one("F6_E2M3", "[2]", "[0,2]", "12"), "12 bits are not whole bytes");
}

TEST(SafetensorsReader, RejectsOffsetsInReverse) {
  expect_error(one("U8", "[1]", "[1,0]", "x"), "ends at byte 0, before it begins at 1");
}

TEST(SafetensorsReader, RejectsMissingBytes) {
  expect_error(one("F32", "[2]", "[0,8]", "1234567"), "which has 7: truncated download?");
}

TEST(SafetensorsReader, RejectsBytesBehindTheLastTensor) {
  expect_error(one("F32", "[1]", "[0,4]", "12345"), "1 bytes follow the last tensor");
  expect_error(file("{}", "x"), "1 bytes follow the last tensor");
}

TEST(SafetensorsReader, RejectsAHole) {
  expect_error(one("U8", "[1]", "[1,2]", "xy"), "bytes 0 to 1 of the data belong to no tensor");
  expect_error(
      file("{" + entry("a", "U8", "[1]", "[0,1]") + "," + entry("b", "U8", "[1]", "[2,3]") + "}",
           "xyz"),
      "bytes 1 to 2 of the data belong to no tensor");
}

TEST(SafetensorsReader, RejectsAnOverlap) {
  const std::string a = entry("a", "U8", "[2]", "[0,2]");
  expect_error(file("{" + a + "," + entry("b", "U8", "[2]", "[1,3]") + "}", "xyz"),
               "tensor 'b' begins at byte 1 of the data, inside another");
  expect_error(file("{" + a + "," + entry("b", "U8", "[2]", "[0,2]") + "}", "xy"),
               "tensor 'b' begins at byte 0 of the data, inside another");
}

TEST(SafetensorsReader, BoundsTensorsAndDimensions) {
  Limits limits;
  limits.max_tensors = 1;
  limits.max_rank = 2;
  const std::string a = entry("a", "U8", "[1,1]", "[0,1]");
  EXPECT_EQ(read(file("{\"__metadata__\":{}," + a + "}", "x"), limits).tensors.tensors().size(),
            1u);
  expect_error(file("{" + a + "," + entry("b", "U8", "[0]", "[1,1]") + "}", "x"), "max_tensors",
               ErrorCode::Limit, limits);
  expect_error(one("U8", "[1,1,1]", "[0,1]", "x"), "max_rank", ErrorCode::Limit, limits);
}

TEST(SafetensorsReader, EscapesNamesInItsMessages) {
  expect_error(file(R"({"\u001b[2J":1})"), "tensor '\\x1b[2J'");
}

TEST(SafetensorsReader, RejectsEveryTruncation) {
  const std::string whole =
      file(R"({"__metadata__":{"format":"pt"},)" + entry("a", "F32", "[2]", "[0,8]") + "," +
               entry("b", "U8", "[1]", "[8,9]") + "}",
           "123456789");
  read(whole);
  for (size_t size = 0; size < whole.size(); ++size) expect_error(whole.substr(0, size), "");
}

TEST(SafetensorsReader, EndsInAnErrorOrAResultForEveryDamagedByte) {
  const std::string whole =
      file("{" + entry("a", "F32", "[2]", "[0,8]") + "," + entry("b", "U8", "[1]", "[8,9]") + "}",
           "123456789");
  for (size_t at = 0; at < whole.size(); ++at)
    for (int value = 0; value < 256; value += 3) {
      std::string damaged = whole;
      damaged[at] = static_cast<char>(value);
      try {
        read(damaged);
      } catch (const Error&) {
      }
    }
}

TEST(SafetensorsReader, ReadsTensorsInTheOrderOfTheHeader) {
  const Checkpoint checkpoint =
      read(file("{" + entry("b", "U8", "[1]", "[8,9]") + "," + entry("a", "F32", "[2]", "[0,8]") +
                    R"(,"__metadata__":{"k":"v"}} )",
                "123456789"));
  EXPECT_EQ(checkpoint.format, "safetensors");
  EXPECT_THAT(checkpoint.metadata, ElementsAre(std::pair("k", "v")));
  const auto items = checkpoint.graph.items(checkpoint.root).to_vector();
  ASSERT_EQ(items.size(), 4u);
  EXPECT_EQ(checkpoint.graph.text(items[0]), "b");
  EXPECT_EQ(checkpoint.graph.text(items[2]), "a");
  ASSERT_TRUE(checkpoint.graph.is(items[3], NodeKind::Tensor));
  const Tensor& tensor = checkpoint.tensors.tensors()[checkpoint.graph.index(items[3])];
  EXPECT_EQ(tensor.dtype, DType::F32);
  EXPECT_THAT(tensor.shape, ElementsAre(2));
  const Storage& storage = checkpoint.tensors.storage_of(tensor);
  EXPECT_EQ(as_text(storage.source->read_all(storage.offset, storage.size)), "12345678");
}

TEST(SafetensorsReader, AcceptsWhatTheFormatAllows) {
  for (const std::string& bytes :
       {file("{}"), file(R"({"__metadata__":null})"), file("{}   "), one("F4", "[2]", "[0,1]", "x"),
        one("F6_E3M2", "[4]", "[0,3]", "xyz"), one("U8", "[0,18446744073709551615]", "[0,0]", ""),
        one("BOOL", "[]", "[0,1]", "\2"),
        file("{" + entry("", "U8", "[0]", "[0,0]") + "," + entry("\\u0000", "U8", "[0]", "[0,0]") +
             "}"),
        file(R"({"w":{"dtype":"U8","shape":[0],"data_offsets":[0,0],"note":{"k":[1]}}})")})
    EXPECT_EQ(read(bytes).format, "safetensors");
}

TEST(SafetensorsReader, KnowsEveryDtypeOfTheFormat) {
  for (const char* dtype :
       {"BOOL",    "F4",          "F6_E2M3",     "F6_E3M2", "U8",  "I8",  "F8_E5M2", "F8_E4M3",
        "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ", "I16",     "U16", "F16", "BF16",    "I32",
        "U32",     "F32",         "C64",         "F64",     "I64", "U64"}) {
    const Checkpoint checkpoint = read(one(dtype, "[0]", "[0,0]", ""));
    EXPECT_EQ(info(checkpoint.tensors.tensors()[0].dtype).safetensors, dtype);
  }
}

TEST(SafetensorsReader, ReadsBackWhatTheWriterLaysOut) {
  const Checkpoint first = read(file("{" + entry("b", "U8", "[3]", "[8,11]") + "," +
                                         entry("a\\n", "F32", "[2,1]", "[0,8]") + "," +
                                         entry("e", "F4", "[4]", "[11,13]") + "}",
                                     "1234567890123"));
  const Selection selection = {.table = &first.tensors,
                               .tensors = {{"b", 0}, {"a\n", 1}, {"e", 2}},
                               .metadata = {{"format", "pt"}}};
  const LayoutFile written = safetensors_layout(selection, WriteOptions()).files.at(0);
  const Checkpoint second =
      read(written.header + std::string(written.size - written.header.size(), 'x'));
  EXPECT_EQ(second.metadata, selection.metadata);
  std::vector<std::string> names;
  for (const Storage& storage : second.tensors.storages()) names.push_back(storage.name);
  EXPECT_THAT(names, ElementsAre("a\n", "b", "e"));
  EXPECT_EQ(second.tensors.tensors()[1].shape, first.tensors.tensors()[0].shape);
  EXPECT_EQ(second.tensors.tensors()[2].dtype, DType::F4);
}

TEST(SafetensorsReader, IsChosenByLengthAndBrace) {
  EXPECT_TRUE(looks_like(file("{}")));
  EXPECT_TRUE(looks_like(with_length(100'000'000, "{")));  // truncated
  EXPECT_TRUE(looks_like(with_length(uint64_t{1} << 63, "{}")));
  EXPECT_FALSE(looks_like(""));
  EXPECT_FALSE(looks_like(with_length(2, "")));
  EXPECT_FALSE(looks_like(file(" {}")));
  EXPECT_FALSE(looks_like("#include{ }"));
  EXPECT_FALSE(looks_like("01234567{}"));
  EXPECT_FALSE(looks_like(with_length(100'000'001, "{")));
  EXPECT_FALSE(looks_like("\x80\x02X\xff\xff\xff\xff\xff{"));
}

}  // namespace
}  // namespace unbrine
