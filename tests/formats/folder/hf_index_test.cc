#include "formats/folder/hf_index.h"

#include <gmock/gmock.h>

#include "formats/folder/folder.h"
#include "tests/formats/folder/folder_checkpoint.h"
#include "tests/support/error_of.h"
#include "tests/support/sample_checkpoints.h"
#include "tests/support/scratch_folder.h"

namespace unbrine {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

class HfIndex : public ::testing::Test {
 protected:
  static constexpr const char* kIndex = "pytorch_model.bin.index.json";

  HfIndex() {
    folder.write("1.bin", zip_checkpoint({"a", "b"}));
    folder.write("2.bin", zip_checkpoint({"c"}));
  }

  Checkpoint open(std::string_view index) const {
    folder.write(kIndex, index);
    return open_folder(folder.path(), Limits{});
  }

  Error refusal(std::string_view index) const {
    const Error error = error_of([&] { open(index); });
    EXPECT_EQ(error.code(), ErrorCode::Corrupt) << error.what();
    return error;
  }

  const std::string sound = R"({"metadata": {"total_size": 24},
                               "weight_map": {"c": "2.bin", "a": "1.bin", "b": "1.bin"}})";
  ScratchFolder folder;
};

TEST_F(HfIndex, RejectsEveryPrefixOfAnIndex) {
  for (size_t size = 0; size < sound.size(); ++size)
    EXPECT_THAT(refusal(sound.substr(0, size)).what(), HasSubstr(kIndex)) << size;
}

TEST_F(HfIndex, RejectsAnIndexOfAnotherShape) {
  for (const char* index :
       {"[]", "1", "{}", R"({"weight_map": 1})", R"({"weight_map": ["1.bin"]})",
        R"({"weight_map": {"a": 1}})", R"({"weight_map": {"a": null}})",
        R"({"weight_map": {"a": "1.bin", "a": "2.bin"}})",
        R"({"weight_map": {}, "weight_map": {}})", R"({"weight_map": {"a": {"file": "1.bin"}}})",
        R"({"metadata": {"total_size": "x"}, "weight_map": {}})"})
    EXPECT_THAT(refusal(index).what(), HasSubstr(kIndex)) << index;
}

TEST_F(HfIndex, RejectsNamesThatLeadOutOfTheFolder) {
  const ScratchFolder other;
  other.write("1.bin", zip_checkpoint({"a"}));
  std::filesystem::create_directory(folder / "below");
  folder.write("below/1.bin", zip_checkpoint({"a"}));
  for (const std::string& file :
       {std::string("../1.bin"), std::string("/etc/passwd"), (other / "1.bin").string(),
        std::string("./1.bin"), std::string("below/1.bin"), std::string("below/../1.bin")})
    EXPECT_THAT(refusal(R"({"weight_map": {"a": ")" + file + "\"}}").what(),
                HasSubstr("is not a plain name in the folder"))
        << file;
}

TEST_F(HfIndex, RejectsNamesThatAreNoFile) {
  for (const char* file : {"", ".", "..", "3.bin", "1.BIN", "1.bin\\u0000"})
    EXPECT_THAT(refusal(R"({"weight_map": {"a": ")" + std::string(file) + "\"}}").what(),
                HasSubstr("is not in the folder"))
        << file;
}

TEST_F(HfIndex, RejectsATensorThatItsShardDoesNotHave) {
  EXPECT_THAT(
      refusal(R"({"weight_map": {"a": "1.bin", "b": "1.bin", "d": "2.bin", "c": "2.bin"}})").what(),
      HasSubstr("'2.bin': has no tensor 'd'"));
}

TEST_F(HfIndex, RejectsATensorInAnotherShardThanTheIndexTells) {
  EXPECT_THAT(refusal(R"({"weight_map": {"a": "2.bin", "b": "1.bin", "c": "2.bin"}})").what(),
              HasSubstr("'1.bin': tensor 'a' should be in '2.bin'"));
}

TEST_F(HfIndex, RejectsATensorInTwoShards) {
  folder.write("2.bin", zip_checkpoint({"c", "b"}));
  EXPECT_THAT(refusal(sound).what(), HasSubstr("'2.bin': tensor 'b' is also in '1.bin'"));
}

TEST_F(HfIndex, RejectsABrokenShard) {
  const auto shard = zip_checkpoint({"c"});
  for (size_t size = 0; size < shard.size(); size += 97) {
    folder.write("2.bin", std::vector(shard.begin(), shard.begin() + static_cast<ptrdiff_t>(size)));
    folder.write(kIndex, sound);
    EXPECT_THAT(error_of([&] { open_folder(folder.path(), Limits{}); }).what(),
                HasSubstr("'2.bin': "))
        << size;
  }
}

TEST_F(HfIndex, LimitsTheIndex) {
  folder.write(kIndex, sound);
  Limits limits;
  limits.max_header_bytes = 10;
  EXPECT_EQ(error_of([&] { open_folder(folder.path(), limits); }).code(), ErrorCode::Limit);
}

TEST_F(HfIndex, DoesNotGuessAmongSeveralIndexes) {
  folder.write("other.bin.index.json", sound);
  folder.write(kIndex, sound);
  const Error error = error_of([&] { open_folder(folder.path(), Limits{}); });
  EXPECT_EQ(error.code(), ErrorCode::Unsupported);
  EXPECT_THAT(error.what(), AllOf(HasSubstr("other.bin.index.json"), HasSubstr(kIndex)));
}

TEST_F(HfIndex, JoinsShardsInTheOrderOfTheirNames) {
  const Checkpoint checkpoint = open(sound);
  EXPECT_EQ(checkpoint.format, "hf-shards+torch-zip");
  EXPECT_THAT(tensors_of(checkpoint),
              ElementsAre(Pair("a", ElementsAre(0, 0.5)), Pair("b", ElementsAre(1, 1.5)),
                          Pair("c", ElementsAre(0, 0.5))));
  EXPECT_EQ(checkpoint.files.size(), 3u);
  EXPECT_THAT(checkpoint.notes, IsEmpty());
}

TEST_F(HfIndex, TellsATotalThatIsWrong) {
  EXPECT_THAT(open(R"({"metadata": {"total_size": 25},
               "weight_map": {"a": "1.bin", "b": "1.bin", "c": "2.bin"}})")
                  .notes,
              ElementsAre(HasSubstr("total size of 25 bytes, the tensors have 24")));
}

TEST_F(HfIndex, TakesATotalWithAPointOrNone) {
  for (const char* metadata : {R"({"total_size": 24.0})", "{}", R"({"total_size": null})", "null"})
    EXPECT_THAT(open(R"({"metadata": )" + std::string(metadata) +
                     R"(, "weight_map": {"a": "1.bin", "b": "1.bin", "c": "2.bin"}})")
                    .notes,
                IsEmpty())
        << metadata;
}

TEST_F(HfIndex, KeepsTensorsThatTheIndexDoesNotName) {
  const Checkpoint checkpoint = open(R"({"weight_map": {"a": "1.bin", "c": "2.bin"}})");
  EXPECT_EQ(tensors_of(checkpoint).size(), 3u);
  EXPECT_THAT(checkpoint.notes, ElementsAre(HasSubstr("the index does not name 'b'")));
}

TEST_F(HfIndex, MayBeOpenedByItself) {
  const auto index = folder.write("my.json", sound);
  EXPECT_TRUE(looks_like_hf_index(index));
  EXPECT_EQ(tensors_of(open_hf_index(index, Limits{})).size(), 3u);
}

TEST_F(HfIndex, IsNotAnyJson) {
  EXPECT_FALSE(looks_like_hf_index(folder.write("my.json", R"({"weights": {}})")));
  EXPECT_FALSE(looks_like_hf_index(folder.write("my.json", R"("weight_map")")));
  EXPECT_FALSE(looks_like_hf_index(folder.write("my.json", "")));
  EXPECT_FALSE(looks_like_hf_index(folder / "absent"));
}

}  // namespace
}  // namespace unbrine
