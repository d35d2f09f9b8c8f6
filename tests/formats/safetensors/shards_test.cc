#include "formats/safetensors/shards.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "formats/safetensors/safetensors_writer.h"
#include "tests/formats/written_files.h"
#include "tests/support/error_of.h"

namespace unbrine {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class Shards : public testing::Test {
 protected:
  Shards() { tensors_.selection.groups[0].stem = "m"; }

  void add(const std::string& name, uint64_t bytes) { tensors_.add(name, DType::U8, {bytes}); }

  // "file: names" for each.
  std::vector<std::string> split(uint64_t max_size) const {
    std::vector<std::string> lines;
    for (const Shard& shard : split_into_shards(selection_, ".st", max_size)) {
      std::string line = shard.name + ":";
      for (const uint32_t i : shard.selected) line += " " + selection_.tensors[i].name;
      lines.push_back(line);
    }
    return lines;
  }

  SelectedTensors tensors_;
  Selection& selection_ = tensors_.selection;
};

TEST_F(Shards, RefuseATensorThatNoneCanTake) {
  add("small", 4);
  add("large", 5);
  EXPECT_NO_THROW(split(5));
  const Error error = error_of([&] { split(4); });
  EXPECT_EQ(error.code(), ErrorCode::Usage);
  EXPECT_STREQ(error.what(), "tensor 'large' has 5 bytes, more than a shard of at most 4 can take");
}

TEST_F(Shards, AreFilledInTheOrderOfTheSelection) {
  for (const auto& [name, size] : {std::pair{"a", 6}, {"b", 6}, {"c", 2}, {"d", 6}, {"e", 2}})
    add(name, static_cast<uint64_t>(size));
  EXPECT_THAT(split(10), ElementsAre("m-00001-of-00003.st: a", "m-00002-of-00003.st: b c",
                                     "m-00003-of-00003.st: d e"));
}

TEST_F(Shards, TakeExactlyTheirSize) {
  add("a", 5);
  add("b", 5);
  EXPECT_THAT(split(10), ElementsAre("m.st: a b"));
  EXPECT_THAT(split(9), ElementsAre("m-00001-of-00002.st: a", "m-00002-of-00002.st: b"));
}

TEST_F(Shards, AreOneFileWithoutASize) {
  add("a", 5);
  add("b", 5);
  EXPECT_THAT(split(0), ElementsAre("m.st: a b"));
}

TEST_F(Shards, GiveAnEmptyGroupAFile) {
  tensors_.new_group("o");
  add("a", 1);
  EXPECT_THAT(split(1), ElementsAre("m.st:", "o.st: a"));
}

TEST_F(Shards, AreCountedInEachGroup) {
  add("a", 2);
  add("b", 2);
  tensors_.new_group("o");
  add("c", 2);
  EXPECT_THAT(split(2), ElementsAre("m-00001-of-00002.st: a", "m-00002-of-00002.st: b", "o.st: c"));
}

TEST_F(Shards, MeasureCastTensorsAsTheyAreWritten) {
  tensors_.add("a", DType::F32, {2}).cast = DType::F16;
  tensors_.add("b", DType::F32, {2}).cast = DType::F16;
  EXPECT_THAT(split(8), ElementsAre("m.st: a b"));
}

TEST_F(Shards, HaveAnIndexOfNamesAndBytes) {
  tensors_.add("b", DType::F32, {2});
  tensors_.add("a\"", DType::U8, {3});
  const Layout layout = safetensors_layout(selection_, {.max_shard_size = 8});
  const std::vector<SideFile> files = safetensors_side_files(layout, selection_, {});
  ASSERT_EQ(files.size(), 1u);
  EXPECT_EQ(files[0].name, "m.safetensors.index.json");
  EXPECT_EQ(files[0].text, R"({"metadata":{"total_parameters":5,"total_size":11},)"
                           R"("weight_map":{"a\"":"m-00002-of-00002.safetensors",)"
                           R"("b":"m-00001-of-00002.safetensors"}})"
                           "\n");
}

TEST_F(Shards, HaveNoIndexWhereThereIsOne) {
  add("a", 1);
  const Layout layout = safetensors_layout(selection_, {.max_shard_size = 8});
  EXPECT_THAT(safetensors_side_files(layout, selection_, {}), testing::IsEmpty());
}

TEST_F(Shards, RecordAliasesBesideTheTensorThatIsKept) {
  add("a", 1);
  add("b", 1);
  selection_.metadata = {{"format", "pt"}};
  selection_.groups[0].aliases = {{"tied", "b"}};
  const Layout layout = safetensors_layout(selection_, {.max_shard_size = 1});
  EXPECT_THAT(layout.files.at(0).header, HasSubstr(R"({"format":"pt"})"));
  EXPECT_THAT(layout.files.at(1).header, HasSubstr(R"({"format":"pt","tied":"b"})"));
}

TEST_F(Shards, PutEachSlotIntoItsOwnFile) {
  add("b", 1);
  add("a", 1);
  add("c", 2);
  const Layout layout = safetensors_layout(selection_, {.max_shard_size = 2});
  ASSERT_EQ(layout.slots.size(), 3u);
  EXPECT_EQ(selection_.tensors[layout.slots[0].selected].name, "a");  // by name in its file
  EXPECT_EQ(selection_.tensors[layout.slots[1].selected].name, "b");
  EXPECT_EQ(layout.slots[2].file, 1u);
  EXPECT_EQ(layout.slots[2].offset, layout.files[1].header.size());
}

}  // namespace
}  // namespace unbrine
