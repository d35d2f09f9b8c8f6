#include "formats/folder/mosaic_source.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <random>
#include <thread>

#include "tests/support/error_of.h"

namespace unbrine {
namespace {

using ::testing::HasSubstr;
using Bytes = std::vector<uint8_t>;
using Shape = std::vector<uint64_t>;

std::shared_ptr<const Source> source(std::string_view text) {
  const ByteSpan bytes = as_bytes(text);
  return std::make_shared<MemorySource>(Bytes(bytes.begin(), bytes.end()));
}

std::string text_of(const Source& whole, uint64_t offset, uint64_t count) {
  return std::string(as_text(whole.read_all(offset, count)));
}

TEST(MosaicSource, RejectsAPartThatItsSourceDoesNotHold) {
  const Error error = error_of([&] { MosaicSource({4}, 2, {{source("12345678"), 1, {0}, {4}}}); });
  EXPECT_EQ(error.code(), ErrorCode::Corrupt);
  EXPECT_THAT(error.what(), HasSubstr("needs 8 bytes at byte 1 of 8"));
}

TEST(MosaicSource, RejectsGapsAndOverlaps) {
  EXPECT_EQ(error_of([] {
              MosaicSource({4}, 1, {{source("123"), 0, {0}, {3}}});
            }).code(),
            ErrorCode::Corrupt);
  EXPECT_EQ(error_of([] {
              MosaicSource({2}, 1, {{source("1"), 0, {0}, {2}}});
            }).code(),
            ErrorCode::Corrupt);
}

TEST(MosaicSource, RejectsASizeThatDoesNotFit64Bits) {
  const uint64_t huge = uint64_t{1} << 33;
  EXPECT_EQ(error_of([&] { MosaicSource({huge, huge}, 8, {}); }).code(), ErrorCode::Corrupt);
}

TEST(MosaicSource, RejectsAReadBehindTheEnd) {
  const MosaicSource whole({2}, 1, {{source("ab"), 0, {0}, {2}}});
  EXPECT_EQ(error_of([&] { whole.read_all(1, 2); }).code(), ErrorCode::Corrupt);
}

TEST(MosaicSource, HoldsNothingIfADimensionIsEmpty) {
  EXPECT_EQ(MosaicSource({3, 0}, 4, {}).size(), 0u);
  EXPECT_EQ(MosaicSource({0, UINT64_MAX, UINT64_MAX}, 8, {}).size(), 0u);
}

TEST(MosaicSource, PutsRowsTogether) {
  const MosaicSource whole(
      {3, 2}, 1, {{source("ef"), 0, {2, 0}, {1, 2}}, {source("-abcd"), 1, {0, 0}, {2, 2}}});
  EXPECT_EQ(text_of(whole, 0, 6), "abcdef");
  EXPECT_EQ(text_of(whole, 3, 2), "de");
}

TEST(MosaicSource, PutsColumnsTogether) {
  const MosaicSource whole(
      {3, 4}, 1, {{source("aaabbbccc"), 0, {0, 0}, {3, 3}}, {source("ABC"), 0, {0, 3}, {3, 1}}});
  EXPECT_EQ(text_of(whole, 0, 12), "aaaAbbbBcccC");
  EXPECT_EQ(text_of(whole, 2, 4), "aAbb");
  EXPECT_EQ(text_of(whole, 3, 1), "A");
  EXPECT_EQ(text_of(whole, 4, 0), "");
}

TEST(MosaicSource, HoldsAScalar) {
  EXPECT_EQ(text_of(MosaicSource({}, 4, {{source("1234"), 0, {}, {}}}), 1, 3), "234");
}

// A tensor of any shape, cut into a grid of blocks.
struct Cut {
  Bytes whole;
  std::vector<MosaicBlock> blocks;
};

std::vector<uint64_t> random_bounds(uint64_t size, std::mt19937& random) {
  std::vector<uint64_t> bounds = {0, size};
  while (random() % 3 != 0) bounds.push_back(random() % (size + 1));
  std::ranges::sort(bounds);
  return bounds;
}

// The block's bytes, one element after the other.
MosaicBlock cut_out(const Bytes& whole, const Shape& shape, uint32_t item, MosaicBlock block) {
  Bytes bytes = {0xff};  // it lies at offset 1
  uint64_t count = 1;
  for (const uint64_t size : block.sizes) count *= size;
  for (uint64_t i = 0; i < count; ++i) {
    uint64_t rest = i, place = 0, step = 1;
    for (size_t dim = shape.size(); dim-- > 0; step *= shape[dim]) {
      place += (block.first[dim] + rest % block.sizes[dim]) * step;
      rest /= block.sizes[dim];
    }
    const auto* first = whole.data() + place * item;
    bytes.insert(bytes.end(), first, first + item);
  }
  block.source = std::make_shared<MemorySource>(std::move(bytes));
  block.offset = 1;
  return block;
}

Cut cut_at_random(const Shape& shape, uint32_t item, std::mt19937& random) {
  Cut cut;
  uint64_t count = item;
  for (const uint64_t size : shape) count *= size;
  for (uint64_t i = 0; i < count; ++i) cut.whole.push_back(static_cast<uint8_t>(random()));
  std::vector<MosaicBlock> blocks(1);
  for (const uint64_t size : shape) {
    const auto bounds = random_bounds(size, random);
    std::vector<MosaicBlock> finer;
    for (const MosaicBlock& block : blocks)
      for (size_t i = 0; i + 1 < bounds.size(); ++i) {
        finer.push_back(block);
        finer.back().first.push_back(bounds[i]);
        finer.back().sizes.push_back(bounds[i + 1] - bounds[i]);
      }
    blocks = std::move(finer);
  }
  std::ranges::shuffle(blocks, random);
  for (MosaicBlock& block : blocks)
    cut.blocks.push_back(cut_out(cut.whole, shape, item, std::move(block)));
  return cut;
}

TEST(MosaicSource, AgreesWithCopyingElementByElement) {
  std::mt19937 random(11);
  for (int round = 0; round < 500; ++round) {
    Shape shape(random() % 5);
    for (uint64_t& size : shape) size = 1 + random() % 7;
    const uint32_t item = 1u << random() % 4;
    const Cut cut = cut_at_random(shape, item, random);
    const MosaicSource whole(shape, item, cut.blocks);
    ASSERT_EQ(whole.read_all(0, whole.size()), cut.whole);
    for (int read = 0; read < 20; ++read) {
      const uint64_t begin = random() % whole.size();
      const uint64_t count = random() % (whole.size() - begin + 1);
      const auto first = cut.whole.begin() + static_cast<ptrdiff_t>(begin);
      ASSERT_EQ(whole.read_all(begin, count), Bytes(first, first + static_cast<ptrdiff_t>(count)));
    }
  }
}

TEST(MosaicSource, AgreesForLongAndShortRuns) {
  std::mt19937 random(12);
  for (const Shape& shape : {Shape{3, 70'000}, Shape{300, 700}, Shape{70'000, 3}}) {
    const Cut cut = cut_at_random(shape, 2, random);
    const MosaicSource whole(shape, 2, cut.blocks);
    ASSERT_EQ(whole.read_all(0, whole.size()), cut.whole);
    ASSERT_EQ(whole.read_all(100'001, 200'002),
              Bytes(cut.whole.begin() + 100'001, cut.whole.begin() + 300'003));
  }
}

class CountingSource : public Source {
 public:
  explicit CountingSource(uint64_t size) : size_(size) {}
  uint64_t size() const override { return size_; }
  uint64_t reads() const { return reads_; }

 private:
  void read_range(uint64_t, MutableByteSpan) const override { ++reads_; }
  uint64_t size_;
  mutable uint64_t reads_ = 0;
};

TEST(MosaicSource, ReadsShortRunsManyAtATime) {
  const auto half = std::make_shared<CountingSource>(10'000 * 8);
  const MosaicSource whole({10'000, 2}, 8,
                           {{half, 0, {0, 0}, {10'000, 1}}, {half, 0, {0, 1}, {10'000, 1}}});
  whole.read_all(0, whole.size());
  EXPECT_LE(half->reads(), 4u);
}

TEST(MosaicSource, MayBeReadByManyThreads) {
  std::mt19937 random(13);
  const Shape shape = {200, 200};
  const Cut cut = cut_at_random(shape, 1, random);
  const MosaicSource whole(shape, 1, cut.blocks);
  std::vector<std::jthread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] {
      for (int read = 0; read < 20; ++read) EXPECT_EQ(whole.read_all(0, whole.size()), cut.whole);
    });
}

}  // namespace
}  // namespace unbrine
