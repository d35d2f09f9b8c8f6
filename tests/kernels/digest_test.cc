#include "kernels/digest.h"

#include <gtest/gtest.h>
#include <xxhash.h>

#include <algorithm>
#include <memory>

#include "kernels/xxh3_implementations.h"

namespace unbrine {
namespace {

std::vector<uint8_t> counted_bytes(size_t size) {
  std::vector<uint8_t> bytes(size);
  for (size_t i = 0; i < size; ++i) bytes[i] = static_cast<uint8_t>(i * 31 + i / 251);
  return bytes;
}

// What the definition says, in the fewest words: hash each chunk, then the list of hashes.
uint64_t defined_digest(const std::vector<uint8_t>& bytes) {
  std::vector<uint8_t> list;
  uint64_t last = XXH3_64bits(nullptr, 0);
  for (size_t i = 0; i < bytes.size(); i += 262144) {
    last = XXH3_64bits(bytes.data() + i, std::min<size_t>(262144, bytes.size() - i));
    for (int shift = 56; shift >= 0; shift -= 8)
      list.push_back(static_cast<uint8_t>(last >> shift));
  }
  return list.size() > 8 ? XXH3_64bits(list.data(), list.size()) : last;
}

TEST(Digest, OfNothingIsThatOfXxh3) {
  EXPECT_EQ(digest_bytes({}), 0x2d06800538d394c2);
  EXPECT_EQ(combine_chunk_digests({}), 0x2d06800538d394c2);
}

TEST(Digest, OfOneChunkIsPlainXxh3) {
  const std::vector<uint8_t> bytes = counted_bytes(kDigestChunk);
  EXPECT_EQ(digest_bytes(bytes), XXH3_64bits(bytes.data(), bytes.size()));
}

TEST(Digest, FollowsItsDefinitionAroundChunkBoundaries) {
  for (const size_t size : {1u, 262143u, 262144u, 262145u, 524287u, 524288u, 524289u, 1000000u}) {
    const std::vector<uint8_t> bytes = counted_bytes(size);
    EXPECT_EQ(digest_bytes(bytes), defined_digest(bytes)) << size;
  }
}

TEST(Digest, TextHasPrefixAndSixteenDigits) {
  EXPECT_EQ(digest_text(0x0123456789abcdef), "xxh3-256k:0123456789abcdef");
  EXPECT_EQ(digest_text(0), "xxh3-256k:0000000000000000");
}

TEST(ChunkDigester, DoesNotDependOnHowBytesArrive) {
  const std::vector<uint8_t> bytes = counted_bytes(3 * kDigestChunk + 5);
  for (const size_t step : {size_t{1000}, size_t{65536}, size_t{262143}, bytes.size()}) {
    ChunkDigester digester;
    for (size_t i = 0; i < bytes.size(); i += step)
      digester.update(ByteSpan(bytes).subspan(i, std::min(step, bytes.size() - i)));
    const std::vector<uint64_t> chunks = digester.finish();
    EXPECT_EQ(chunks.size(), 4u);
    EXPECT_EQ(combine_chunk_digests(chunks), defined_digest(bytes)) << step;
  }
}

TEST(ChunkDigester, StartsAnewAfterFinish) {
  const std::vector<uint8_t> bytes = counted_bytes(100);
  ChunkDigester digester;
  digester.update(counted_bytes(7));
  EXPECT_EQ(digester.finish().size(), 1u);
  EXPECT_EQ(digester.finish().size(), 0u);
  digester.update(bytes);
  EXPECT_EQ(combine_chunk_digests(digester.finish()), defined_digest(bytes));
}

// Every way that this machine can run, against the library.
class EveryXxh3 : public ::testing::TestWithParam<const Xxh3Implementation*> {
 protected:
  void SetUp() override {
    if (!GetParam()->supported()) GTEST_SKIP() << "this CPU cannot run " << GetParam()->name;
  }

  void expect_equal(ByteSpan bytes, size_t step) {
    XXH3_64bits_reset(state_.get());
    for (size_t i = 0; i < bytes.size(); i += step)
      GetParam()->update(state_.get(), bytes.data() + i, std::min(step, bytes.size() - i));
    ASSERT_EQ(XXH3_64bits_digest(state_.get()), XXH3_64bits(bytes.data(), bytes.size()))
        << bytes.size() << " bytes in steps of " << step;
  }

 private:
  struct FreeState {
    void operator()(XXH3_state_t* state) const { XXH3_freeState(state); }
  };
  std::unique_ptr<XXH3_state_t, FreeState> state_{XXH3_createState()};
};

TEST_P(EveryXxh3, IsRightForEveryLength) {
  const std::vector<uint8_t> bytes = counted_bytes(4096);
  for (size_t size = 0; size <= bytes.size() && !HasFatalFailure(); ++size)
    expect_equal(ByteSpan(bytes).first(size), bytes.size());
}

TEST_P(EveryXxh3, IsRightForEveryAlignment) {
  const std::vector<uint8_t> bytes = counted_bytes(20'064);
  for (size_t offset = 0; offset < 64; ++offset)
    expect_equal(ByteSpan(bytes).subspan(offset, 20'000), 20'000);
}

TEST_P(EveryXxh3, DoesNotDependOnHowBytesArrive) {
  const std::vector<uint8_t> bytes = counted_bytes(kDigestChunk);
  for (const size_t step :
       {1u, 63u, 64u, 255u, 256u, 257u, 1023u, 1024u, 1025u, 100'000u, 262'144u})
    expect_equal(bytes, step);
}

INSTANTIATE_TEST_SUITE_P(Xxh3, EveryXxh3, ::testing::ValuesIn(kXxh3Implementations),
                         [](const auto& row) { return row.param->name; });

}  // namespace
}  // namespace unbrine
