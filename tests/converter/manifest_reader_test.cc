#include "converter/manifest_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "formats/error.h"
#include "tests/support/error_of.h"

namespace unbrine {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const std::string kManifest =
    R"({"schema":"unbrine.manifest/1",)"
    R"("source":{"file":"m.pt","format":"torch-zip","size":900,"selected":"net"},)"
    R"("files":[{"file":"model.safetensors","size":96,"tensors":1},)"
    R"({"file":"state.json","size":2,"digest":"xxh3-256k:00000000000000ff"}],)"
    R"("tensors":[{"name":"w","file":"model.safetensors","offset":88,"size":8,"dtype":"F32",)"
    R"("source":"net.w","source_dtype":"float32","shape":[2],)"
    R"("digest":"xxh3-256k:0123456789abcdef"}],)"
    R"("left_out":[],"excluded":3,"globals":[],"findings":[],"notes":[],"warnings":[]})";

Manifest read(const std::string& text) {
  return read_manifest(MemorySource({text.begin(), text.end()}), Limits());
}

// The manifest with one part of its text replaced.
std::string with(const std::string& part, const std::string& replacement) {
  std::string text = kManifest;
  const size_t at = text.find(part);
  EXPECT_NE(at, std::string::npos) << part;
  return text.replace(at, part.size(), replacement);
}

void refuses(const std::string& text, const std::string& word) {
  const Error error = error_of([&] { read(text); });
  EXPECT_EQ(error.code(), ErrorCode::Corrupt) << text;
  EXPECT_THAT(error.what(), HasSubstr(word));
}

TEST(ManifestReader, RefusesAManifestThatIsCutAtAnyByte) {
  for (size_t size = 0; size < kManifest.size(); ++size)
    EXPECT_EQ(error_of([&] { read(kManifest.substr(0, size)); }).code(), ErrorCode::Corrupt)
        << size;
}

TEST(ManifestReader, RefusesAnotherSchema) {
  refuses(with("manifest/1", "manifest/2"), "unbrine.manifest/1");
  refuses("[]", "object");
  refuses("{}", "schema");
}

TEST(ManifestReader, NamesTheFieldThatIsMissingOrOfAnotherKind) {
  refuses(with(R"("excluded":3,)", ""), "'excluded'");
  refuses(with(R"("selected":"net")", R"("selected":7)"), "selected");
  refuses(with(R"("offset":88,)", ""), "tensors: [0]: has no 'offset'");
  refuses(with(R"("offset":88)", R"("offset":-8)"), "offset");
  refuses(with(R"("shape":[2])", R"("shape":[2.5])"), "shape");
}

TEST(ManifestReader, RefusesFileNamesThatLeadElsewhere) {
  for (const std::string name :
       {"", ".", "..", "../model.safetensors", "/etc/passwd", "a/b", "nul\\u0000"}) {
    SCOPED_TRACE(name);
    refuses(with(R"("file":"model.safetensors","size")", R"("file":")" + name + R"(","size")"),
            "plain name");
  }
}

TEST(ManifestReader, RefusesAFileThatIsListedTwice) {
  refuses(with("state.json", "model.safetensors"), "twice");
}

TEST(ManifestReader, RefusesAFileThatIsNeitherTensorsNorDigested) {
  refuses(with(R"(,"tensors":1})", "}"), "either");
  refuses(with(R"("size":2,)", R"("size":2,"tensors":0,)"), "either");
}

TEST(ManifestReader, RefusesATensorOfNoListedFile) {
  refuses(with(R"("w","file":"model.safetensors")", R"("w","file":"other.safetensors")"),
          "other.safetensors");
  refuses(with(R"("w","file":"model.safetensors")", R"("w","file":"state.json")"), "state.json");
}

TEST(ManifestReader, RefusesATensorOutsideItsFile) {
  refuses(with(R"("offset":88)", R"("offset":89)"), "of a file of 96");
  refuses(with(R"("offset":88)", R"("offset":18446744073709551615)"), "of a file of 96");
}

TEST(ManifestReader, RefusesASizeThatShapeAndDTypeDoNotMake) {
  refuses(with(R"("dtype":"F32")", R"("dtype":"F64")"), "need 16");
  refuses(with(R"("shape":[2])", R"("shape":[4294967296,4294967296,4294967296])"), "64 bits");
  refuses(with(R"("dtype":"F32")", R"("dtype":"F33")"), "'F33' is no dtype");
}

TEST(ManifestReader, RefusesCountsThatDoNotFit) {
  refuses(with(R"("tensors":1})", R"("tensors":2})"), "2 tensors, but 1 are listed");
}

TEST(ManifestReader, RefusesDigestsThatAreNone) {
  for (const std::string digest : {"", "0123456789abcdef", "xxh3-256k:0123456789abcde",
                                   "xxh3-256k:0123456789abcdefa", "xxh3-256k:0123456789ABCDEF"}) {
    SCOPED_TRACE(digest);
    refuses(with("xxh3-256k:0123456789abcdef", digest), "16 hex digits");
  }
  refuses(with(R"("tensors":1})", R"("tensors":1,"sha256":"ab"})"), "64 hex digits");
}

TEST(ManifestReader, RefusesATensorThatIsListedTwice) {
  const size_t begin = kManifest.find(R"({"name":"w")");
  const std::string row = kManifest.substr(begin, kManifest.find("}]", begin) + 1 - begin);
  refuses(with(row, row + "," + row), "twice");
}

TEST(ManifestReader, BoundsTheNumberOfTensors) {
  Limits limits;
  limits.max_tensors = 0;
  const Error error = error_of([&] {
    read_manifest(MemorySource({kManifest.begin(), kManifest.end()}), limits);
  });
  EXPECT_EQ(error.code(), ErrorCode::Limit);
  EXPECT_THAT(error.what(), HasSubstr("max_tensors"));
}

TEST(ManifestReader, ReadsWhatWasWritten) {
  const Manifest manifest = read(kManifest);
  EXPECT_EQ(manifest.source_file, "m.pt");
  EXPECT_EQ(manifest.selected, "net");
  EXPECT_EQ(manifest.excluded, 3U);
  ASSERT_EQ(manifest.files.size(), 2U);
  EXPECT_EQ(manifest.files[0].tensors, 1U);
  EXPECT_EQ(manifest.files[1].digest, 0xffU);
  ASSERT_EQ(manifest.tensors.size(), 1U);
  const ManifestTensor& tensor = manifest.tensors[0];
  EXPECT_EQ(tensor.source, "net.w");
  EXPECT_EQ(tensor.dtype, DType::F32);
  EXPECT_THAT(tensor.shape, ElementsAre(2));
  EXPECT_EQ(tensor.digest, 0x0123456789abcdefU);
  EXPECT_THAT(tensor.alias_of, IsEmpty());
  EXPECT_NE(manifest.file("state.json"), nullptr);
  EXPECT_EQ(manifest.file("model.blob"), nullptr);
}

TEST(ManifestReader, TakesDTypesAsTorchNamesThem) {
  EXPECT_EQ(read(with(R"("dtype":"F32")", R"("dtype":"float32")")).tensors[0].dtype, DType::F32);
}

TEST(ManifestReader, KnowsTheNamesThatWereNotWritten) {
  const Manifest manifest = read(with(R"("tensors":1})", R"("tensors":1,"aliases":{"v":"w"}})"));
  EXPECT_EQ(manifest.files[0].aliases.at("v"), "w");
}

}  // namespace
}  // namespace unbrine
