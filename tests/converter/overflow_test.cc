#include "converter/overflow.h"

#include <gmock/gmock.h>

#include <cstring>

#include "tests/support/error_of.h"

namespace unbrine {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class OverflowRules : public ::testing::Test {
 protected:
  OverflowRules() { choice_.selection.table = &table_; }

  void cast_to_f16(const std::string& name, std::vector<float> values) {
    std::vector<uint8_t> bytes(values.size() * sizeof(float));
    std::memcpy(bytes.data(), values.data(), bytes.size());
    const uint64_t size = bytes.size();
    const uint32_t storage = table_.add_storage(
        {.name = name, .source = std::make_shared<MemorySource>(std::move(bytes)), .size = size});
    const uint32_t row = table_.add({.storage = storage, .shape = {values.size()}, .stride = {1}});
    choice_.selection.tensors.push_back({.name = name, .row = row, .cast = DType::F16});
  }

  std::vector<bool> is_cast() const {
    std::vector<bool> casts;
    for (const SelectedTensor& tensor : choice_.selection.tensors)
      casts.push_back(tensor.cast.has_value());
    return casts;
  }

  TensorTable table_{Limits{}};
  Choice choice_;
};

TEST_F(OverflowRules, AreRefusedWithTheTensorAndTheCount) {
  cast_to_f16("small", {1});
  cast_to_f16("large", {1e6F, 2, -1e6F});
  cast_to_f16("larger", {1e9F});
  Layout layout;
  layout.slots = {{0, 0, 0, 2}, {1, 0, 2, 6}, {2, 0, 8, 2}};
  std::vector<SlotResult> results(3);
  refuse_overflow(layout, choice_.selection, results);
  results[1].cast.overflowed = 2;
  results[2].cast.became_nan = 1;
  const Error error = error_of([&] { refuse_overflow(layout, choice_.selection, results); });
  EXPECT_EQ(error.code(), ErrorCode::Usage);
  EXPECT_THAT(error.what(), AllOf(HasSubstr("'large' as F16: 2 values overflow"),
                                  HasSubstr("1 more"), HasSubstr("--on-overflow")));
}

TEST_F(OverflowRules, LeaveTensorsAsTheyAreIfTheyAreToBeKept) {
  cast_to_f16("small", {1, 65504});
  cast_to_f16("large", {1, 65520});
  keep_what_overflows(choice_, {});
  EXPECT_THAT(is_cast(), ElementsAre(true, false));
  EXPECT_THAT(choice_.notes,
              ElementsAre(AllOf(HasSubstr("'large'"), HasSubstr("1 value overflows"))));
}

}  // namespace
}  // namespace unbrine
