#include "kernels/crc32.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace unbrine {
namespace {

TEST(Crc32, OfTheCheckStringIsTheKnownValue) {
  EXPECT_EQ(crc32_update(0, as_bytes("123456789")), 0xcbf43926u);
}

TEST(Crc32, OfNothingKeepsTheStart) {
  EXPECT_EQ(crc32_update(0, {}), 0u);
  EXPECT_EQ(crc32_update(0xcbf43926, {}), 0xcbf43926u);
}

TEST(Crc32, ContinuesOverPieces) {
  EXPECT_EQ(crc32_update(crc32_update(0, as_bytes("1234")), as_bytes("56789")), 0xcbf43926u);
}

TEST(Crc32Combine, JoinsPiecesComputedApart) {
  const uint32_t head = crc32_update(0, as_bytes("12345"));
  const uint32_t tail = crc32_update(0, as_bytes("6789"));
  EXPECT_EQ(crc32_combine(head, tail, 4), 0xcbf43926u);
}

TEST(Crc32Combine, WithNothingOnEitherSideChangesNothing) {
  EXPECT_EQ(crc32_combine(0xcbf43926, 0, 0), 0xcbf43926u);
  EXPECT_EQ(crc32_combine(0, 0xcbf43926, 9), 0xcbf43926u);
}

TEST(Crc32Combine, EqualsTheWholeForAnySplit) {
  std::mt19937 random(1);
  std::vector<uint8_t> bytes(100'000);
  for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random());
  const ByteSpan whole(bytes);
  const uint32_t expected = crc32_update(0, whole);
  for (int i = 0; i < 200; ++i) {
    const size_t cut = random() % (bytes.size() + 1);
    const uint32_t head = crc32_update(0, whole.first(cut));
    const uint32_t tail = crc32_update(0, whole.subspan(cut));
    ASSERT_EQ(crc32_combine(head, tail, bytes.size() - cut), expected) << cut;
  }
}

// The length is a 64-bit number: 2^33 zero bytes after "123456789", in steps and at once.
TEST(Crc32Combine, TakesLengthsBeyondFourGigabytes) {
  const std::vector<uint8_t> zeros(1 << 20);
  uint32_t block = crc32_update(0, zeros);
  uint64_t size = zeros.size();
  for (; size < uint64_t{1} << 33; size *= 2) block = crc32_combine(block, block, size);
  uint32_t stepped = 0xcbf43926;
  const uint32_t quarter_block = [&] {
    uint32_t crc = crc32_update(0, zeros);
    for (uint64_t n = zeros.size(); n < size / 4; n *= 2) crc = crc32_combine(crc, crc, n);
    return crc;
  }();
  for (int i = 0; i < 4; ++i) stepped = crc32_combine(stepped, quarter_block, size / 4);
  EXPECT_EQ(crc32_combine(0xcbf43926, block, size), stepped);
}

}  // namespace
}  // namespace unbrine
