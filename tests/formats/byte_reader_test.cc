#include "formats/byte_reader.h"

#include <gmock/gmock.h>

#include "tests/support/error_of.h"

namespace unbrine {
namespace {

using ::testing::ElementsAre;

constexpr uint8_t kBytes[] = {0x01, 0x02, 0x03, 0x04, 0x05};

TEST(ByteReader, RefusesToPassTheEnd) {
  ByteReader reader(kBytes, 100);
  reader.skip(3);
  const Error error = error_of([&] { reader.read_bytes(3); });
  EXPECT_EQ(error.code(), ErrorCode::Corrupt);
  EXPECT_STREQ(error.what(), "byte 103: needs 3 bytes, has 2");
}

TEST(ByteReader, RefusesACountThatWouldWrap) {
  ByteReader reader(kBytes);
  reader.skip(2);
  EXPECT_EQ(error_of([&] { reader.read_bytes(UINT64_MAX); }).code(), ErrorCode::Corrupt);
}

TEST(ByteReader, ReadsNumbersLittleEndian) {
  ByteReader reader(kBytes);
  EXPECT_EQ(reader.read<uint32_t>(), 0x04030201u);
  EXPECT_EQ(reader.offset(), 4u);
  EXPECT_THAT(reader.read_bytes(1), ElementsAre(5));
  EXPECT_EQ(reader.remaining(), 0u);
}

}  // namespace
}  // namespace unbrine
