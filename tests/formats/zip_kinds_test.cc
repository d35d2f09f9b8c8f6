#include "formats/zip_kinds.h"

#include <gmock/gmock.h>

#include "tests/formats/torch/read_archive.h"
#include "tests/support/sample_checkpoints.h"

namespace unbrine {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<uint8_t> zip_of(const std::vector<std::string>& names) {
  ZipBuilder zip;
  for (const std::string& name : names) zip.add(name, "x");
  return zip.bytes();
}

TEST(ZipKinds, RefusesAnArchiveOfTwoKinds) {
  const std::vector<std::string> both[] = {{"a/data.pkl", "a/model.json"},
                                           {"a/constants.pkl", "a/archive_format"},
                                           {"a/data.pkl", "a/.data/extern_modules"},
                                           {"a/data.pkl", "serialized_exported_program.json"}};
  for (const auto& names : both) {
    const Error error = archive_refusal(zip_of(names));
    EXPECT_EQ(error.code(), ErrorCode::Corrupt);
    EXPECT_THAT(error.what(), AllOf(HasSubstr("is both "), HasSubstr("two different things")));
  }
}

TEST(ZipKinds, RefusesAZipWithoutFiles) {
  ZipBuilder zip;
  zip.add("folder/", "");
  EXPECT_EQ(archive_refusal(zip.bytes()).code(), ErrorCode::Unsupported);
}

TEST(ZipKinds, RefusesASecondRoot) {
  const Error error = archive_refusal(zip_of({"a/data.pkl", "a/version", "b/data.pkl"}));
  EXPECT_EQ(error.code(), ErrorCode::Corrupt);
  EXPECT_THAT(error.what(), HasSubstr("'b/data.pkl' is not below 'a/'"));
}

TEST(ZipKinds, ListsAZipOfOtherThings) {
  const Error error = archive_refusal(zip_of({"readme.txt", "a\x1b.txt", "b", "c"}));
  EXPECT_EQ(error.code(), ErrorCode::Unsupported);
  EXPECT_THAT(error.what(), HasSubstr("a zip of 4 entries but no checkpoint: it holds "
                                      "'readme.txt', 'a\\x1b.txt', 'b', ..."));
}

TEST(ZipKinds, NamesWhatIsNotOurs) {
  const std::pair<std::vector<std::string>, const char*> kinds[] = {
      {{"metadata.json", "config.json", "model.weights.h5"}, "a Keras model"},
      {{"model.pt", "MAR-INF/MANIFEST.json"}, "a TorchServe archive"},
      {{"data", "pytorch_variables.pth", "policy.pth"}, "convert policy.pth"},
      {{"[Content_Types].xml", "word/document.xml"}, "an Office document"},
  };
  for (const auto& [names, text] : kinds) {
    const Error error = archive_refusal(zip_of(names));
    EXPECT_EQ(error.code(), ErrorCode::Unsupported);
    EXPECT_THAT(error.what(), HasSubstr(text));
  }
}

TEST(ZipKinds, PassesOverDirectories) {
  PickleBuilder pickle;
  pickle.protocol(2).empty_dict().string("w");
  pickle.tensor_v2("FloatStorage", "0", 1, 0, {}, {}).setitem().stop();
  ZipBuilder zip;
  zip.add("net/", "").add("net/data/", "").add("net/data/0", "1234");
  zip.add("net/data.pkl", pickle.bytes()).add("net/version", "3\n");
  EXPECT_THAT(tensor_names(read_archive(zip.bytes())), ElementsAre("w"));
}

TEST(ZipKinds, TakesAnArchiveOfArraysForNpz) {
  const Error error = archive_refusal(zip_of({"w.npy", "b.npy"}));  // whose contents are broken
  EXPECT_THAT(error.what(), HasSubstr("w.npy"));
  EXPECT_THAT(archive_refusal(zip_of({"w.npy", "b.txt"})).what(), HasSubstr("no checkpoint"));
}

TEST(ZipKinds, HasEveryKindCheckedByASecondReader) {
  const Checkpoint checkpoint = read_archive(zip_checkpoint({"w"}));
  EXPECT_EQ(checkpoint.cross_checks.size(), 1u);
  checkpoint.cross_check();
}

}  // namespace
}  // namespace unbrine
