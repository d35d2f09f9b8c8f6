#include "converter/storage_check.h"

#include <gmock/gmock.h>

#include "kernels/crc32.h"
#include "tests/support/error_of.h"

namespace unbrine {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class StorageCheckTest : public ::testing::Test {
 protected:
  static constexpr uint64_t kSize = 8;

  uint32_t add_storage(bool has_crc, std::vector<uint32_t> made_of = {}) {
    const std::vector<uint8_t> zeros(kSize);
    return table.add_storage({.name = "storage " + std::to_string(table.storages().size()),
                              .source = std::make_shared<MemorySource>(zeros),
                              .size = kSize,
                              .has_crc = has_crc,
                              .crc32 = crc32_update(0, zeros),
                              .made_of = std::move(made_of)});
  }

  void add_slot(uint32_t storage, uint64_t bytes = kSize) {
    const uint32_t row =
        table.add({.dtype = DType::U8, .storage = storage, .shape = {bytes}, .stride = {1}});
    const auto index = static_cast<uint32_t>(selection.tensors.size());
    selection.tensors.push_back({"tensor " + std::to_string(index), row});
    layout.slots.push_back({index, 0, 0, bytes});
  }

  StorageCheck check() {
    selection.table = &table;
    return StorageCheck(layout, selection);
  }

  TensorTable table{Limits{}};
  Selection selection;
  Layout layout;
};

TEST_F(StorageCheckTest, NamesTheDamagedPartAndTheTensorThatNeedsIt) {
  const uint32_t part = add_storage(true);
  add_slot(add_storage(false, {part}));
  StorageCheck checked = check();
  const Error error = error_of([&] { checked.add(part, 0, kSize, 0x1234); });
  EXPECT_EQ(error.code(), ErrorCode::Corrupt);
  EXPECT_THAT(error.what(), HasSubstr("'storage 0' (tensor 'tensor 0')"));
}

TEST_F(StorageCheckTest, TakesAStorageFromTheSlotThatReadsItWhole) {
  const uint32_t storage = add_storage(true);
  add_slot(storage, 3);
  add_slot(storage);
  StorageCheck checked = check();
  EXPECT_FALSE(checked.taken_from(0));
  EXPECT_TRUE(checked.taken_from(1));
  EXPECT_THAT(checked.left_over(), IsEmpty());
}

TEST_F(StorageCheckTest, LeavesOverAStorageThatIsReadInPart) {
  const uint32_t storage = add_storage(true);
  add_storage(true);  // read by none
  add_slot(storage, 3);
  EXPECT_THAT(check().left_over(), ElementsAre(storage));
}

TEST_F(StorageCheckTest, LeavesOverThePartsOfAStorageHoweverDeep) {
  const uint32_t part = add_storage(true);
  const uint32_t without_crc = add_storage(false);
  const uint32_t joined = add_storage(false, {part, without_crc});
  add_slot(add_storage(false, {joined, joined}));
  EXPECT_THAT(check().left_over(), ElementsAre(part));
}

TEST_F(StorageCheckTest, TakesAPartFromASlotThatReadsItWholeItself) {
  const uint32_t part = add_storage(true);
  const uint32_t joined = add_storage(false, {part});
  add_slot(joined);
  add_slot(part);
  StorageCheck checked = check();
  EXPECT_FALSE(checked.taken_from(0));
  EXPECT_TRUE(checked.taken_from(1));
  EXPECT_THAT(checked.left_over(), IsEmpty());
}

TEST_F(StorageCheckTest, JoinsPartsThatComeInAnyOrder) {
  const uint32_t storage = add_storage(true);
  add_slot(storage);
  StorageCheck checked = check();
  const std::vector<uint8_t> zeros(kSize);
  const ByteSpan bytes(zeros);
  checked.add(storage, 3, 5, crc32_update(0, bytes.first(5)));
  checked.add(storage, 0, 3, crc32_update(0, bytes.first(3)));
}

}  // namespace
}  // namespace unbrine
