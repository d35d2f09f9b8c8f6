#include "kernels/crc32.h"

#include <gtest/gtest.h>
#include <libdeflate.h>

#include <random>
#include <vector>

#include "kernels/crc32_implementations.h"

namespace unbrine {
namespace {

std::vector<uint8_t> random_bytes(size_t size) {
  std::mt19937 random(1);
  std::vector<uint8_t> bytes(size);
  for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random());
  return bytes;
}

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
  std::mt19937 random(2);
  const std::vector<uint8_t> bytes = random_bytes(100'000);
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

// Every way that this machine can run, against libdeflate.
class EveryCrc32 : public ::testing::TestWithParam<const Crc32Implementation*> {
 protected:
  void SetUp() override {
    if (!GetParam()->supported()) GTEST_SKIP() << "this CPU cannot run " << GetParam()->name;
  }

  static void expect_equal(uint32_t start, ByteSpan bytes) {
    ASSERT_EQ(GetParam()->update(start, bytes.data(), bytes.size()),
              libdeflate_crc32(start, bytes.data(), bytes.size()))
        << bytes.size() << " bytes from " << start;
  }
};

TEST_P(EveryCrc32, IsRightForEveryLengthAndAlignment) {
  const std::vector<uint8_t> bytes = random_bytes(4096 + 64);
  for (size_t offset = 0; offset < 64; ++offset)
    for (size_t size = 0; size <= 4096 && !HasFatalFailure(); ++size)
      expect_equal(0, ByteSpan(bytes).subspan(offset, size));
}

TEST_P(EveryCrc32, ContinuesFromAnyStart) {
  std::mt19937 random(3);
  const std::vector<uint8_t> bytes = random_bytes(1000);
  for (const uint32_t start : {0xffff'ffffu, 1u, 0x8000'0000u}) expect_equal(start, bytes);
  for (int i = 0; i < 1000; ++i) expect_equal(static_cast<uint32_t>(random()), bytes);
}

TEST_P(EveryCrc32, IsRightForLargeInput) {
  const std::vector<uint8_t> bytes = random_bytes((8 << 20) + 333);
  expect_equal(0, bytes);
  expect_equal(0xcbf43926, ByteSpan(bytes).subspan(1));
}

// Folding multiplies; here nothing but the start and single bits are left to multiply.
TEST_P(EveryCrc32, IsRightForSingleBitsAmongZeros) {
  std::vector<uint8_t> bytes(2048);
  expect_equal(0, bytes);
  expect_equal(0xffff'ffff, bytes);
  for (size_t bit = 0; bit < 8 * bytes.size(); ++bit) {
    bytes[bit / 8] = static_cast<uint8_t>(1 << bit % 8);
    expect_equal(0xffff'ffff, bytes);
    bytes[bit / 8] = 0;
  }
}

INSTANTIATE_TEST_SUITE_P(Crc32, EveryCrc32, ::testing::ValuesIn(kCrc32Implementations),
                         [](const auto& row) { return row.param->name; });

}  // namespace
}  // namespace unbrine
