#include "formats/folder/assembled.h"

#include <gmock/gmock.h>

#include "tests/support/error_of.h"

namespace unbrine {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Shape = std::vector<uint64_t>;

class AssembledTest : public ::testing::Test {
 protected:
  // A view of a storage of one byte for each element.
  TensorPart part(std::string_view text, Shape shape, Shape stride, Shape first) {
    const ByteSpan bytes = as_bytes(text);
    Tensor view;
    view.dtype = DType::U8;
    view.storage = table.add_storage(
        {.name = "part",
         .source = std::make_shared<MemorySource>(std::vector(bytes.begin(), bytes.end())),
         .size = bytes.size(),
         .made_of = {}});
    view.shape = std::move(shape);
    view.stride = std::move(stride);
    return {view, std::move(first)};
  }

  Tensor assembled(const Shape& shape, const std::vector<TensorPart>& parts) {
    return assemble(table, "whole", DType::U8, shape, parts);
  }

  std::string text_of(const Tensor& tensor) {
    const Storage& storage = table.storage_of(tensor);
    return std::string(as_text(storage.source->read_all(0, storage.size)));
  }

  Error refusal(const std::vector<TensorPart>& parts, const Shape& shape = {2, 2}) {
    return error_of([&] { assembled(shape, parts); });
  }

  TensorTable table{Limits{}};
};

TEST_F(AssembledTest, RejectsPartsOfAnotherType) {
  TensorPart other = part("cd", {1, 2}, {2, 1}, {1, 0});
  other.view.dtype = DType::Bool;
  const Error error = refusal({part("ab", {1, 2}, {2, 1}, {0, 0}), other});
  EXPECT_EQ(error.code(), ErrorCode::Corrupt);
  EXPECT_THAT(error.what(), HasSubstr("of bool, expected uint8"));
}

TEST_F(AssembledTest, RejectsPartsOfAnotherRank) {
  EXPECT_THAT(refusal({part("abcd", {4}, {1}, {0})}).what(), HasSubstr("has 1 dimensions"));
}

TEST_F(AssembledTest, RefusesPartsThatAreNegatedDifferently) {
  TensorPart other = part("cd", {1, 2}, {2, 1}, {1, 0});
  other.view.neg = true;
  EXPECT_EQ(refusal({part("ab", {1, 2}, {2, 1}, {0, 0}), other}).code(), ErrorCode::Unsupported);
}

TEST_F(AssembledTest, RefusesPartsWithHolesOrMixedOrders) {
  EXPECT_EQ(refusal({part("a-b-c-d", {2, 2}, {4, 2}, {0, 0})}).code(), ErrorCode::Unsupported);
  EXPECT_EQ(
      refusal({part("abcd", {2, 2}, {2, 1}, {0, 0}), part("acbd", {2, 2}, {1, 2}, {2, 0})}, {4, 2})
          .code(),
      ErrorCode::Unsupported);
}

TEST_F(AssembledTest, JoinsPartsAndNamesTheirStorages) {
  const Tensor whole =
      assembled({2, 2}, {part("bd", {2, 1}, {1, 1}, {0, 1}), part("ac", {2, 1}, {1, 1}, {0, 0})});
  EXPECT_EQ(text_of(whole), "abcd");
  EXPECT_THAT(whole.stride, ElementsAre(2, 1));
  EXPECT_THAT(table.storage_of(whole).made_of, ElementsAre(0, 1));
}

// Two shards of the transpose of a 3 x 2 matrix, as they lay in memory.
TEST_F(AssembledTest, KeepsTheOrderOfTransposedParts) {
  const Tensor whole =
      assembled({2, 3}, {part("ad", {2, 1}, {1, 2}, {0, 0}), part("becf", {2, 2}, {1, 2}, {0, 1})});
  EXPECT_EQ(text_of(whole), "adbecf");
  EXPECT_THAT(whole.stride, ElementsAre(1, 2));
}

TEST_F(AssembledTest, MakesATensorWithoutElementsOfNoParts) {
  const Tensor whole = assembled({0, 3}, {});
  EXPECT_THAT(whole.shape, ElementsAre(0, 3));
  EXPECT_EQ(table.storage_of(whole).size, 0u);
}

}  // namespace
}  // namespace unbrine
