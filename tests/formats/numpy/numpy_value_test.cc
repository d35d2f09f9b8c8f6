#include "formats/numpy/numpy_value.h"

#include <gmock/gmock.h>

#include <bit>
#include <cstring>

namespace unbrine {
namespace {

using namespace std::string_view_literals;

std::optional<NumpyValue> value(std::string_view type, std::string_view bytes) {
  return numpy_value(type, as_bytes(bytes));
}

std::vector<uint8_t> bytes(std::string_view text) { return {text.begin(), text.end()}; }

TEST(NumpyValue, HasNoneForBytesDatesAndLongDoubles) {
  EXPECT_EQ(value("|S1", "a"), std::nullopt);
  EXPECT_EQ(value("<M8[s]", "12345678"), std::nullopt);
  EXPECT_EQ(value("<f16", "0123456789abcdef"), std::nullopt);
}

TEST(NumpyValue, HasNoneForBytesOfTheWrongSize) {
  EXPECT_EQ(value("<f4", "abc"), std::nullopt);
  EXPECT_EQ(value("<U2", "abcd"), std::nullopt);
}

TEST(NumpyValue, HasNoneForBytesThatItWouldNotGiveBack) {
  EXPECT_EQ(value("|b1", "\2"), std::nullopt);
  EXPECT_EQ(value("<U2", "a\0\0\0\0\0\0\0"sv), std::nullopt);
  EXPECT_EQ(value("<U1", "\0\0\x11\0"sv), std::nullopt);
}

TEST(NumpyValue, RefusesValuesThatDoNotFit) {
  EXPECT_EQ(numpy_bytes("<i1", int64_t{128}), std::nullopt);
  EXPECT_EQ(numpy_bytes("<u1", int64_t{-1}), std::nullopt);
  EXPECT_EQ(numpy_bytes("<i8", UINT64_MAX), std::nullopt);
  EXPECT_EQ(numpy_bytes("<f4", 0.1), std::nullopt);
  EXPECT_EQ(numpy_bytes("<f2", 65536.0), std::nullopt);
  EXPECT_EQ(numpy_bytes("<f2", 0x1p-25), std::nullopt);
  EXPECT_EQ(numpy_bytes("<f4", int64_t{1}), std::nullopt);
  EXPECT_EQ(numpy_bytes("<U1", std::string("ab")), std::nullopt);
  EXPECT_EQ(numpy_bytes("<U1", std::string("\xc3")), std::nullopt);
}

TEST(NumpyValue, KeepsEveryHalfFloat) {
  for (uint32_t bits = 0; bits < 65536; ++bits) {
    const std::vector<uint8_t> half = {static_cast<uint8_t>(bits), static_cast<uint8_t>(bits >> 8)};
    const auto number = numpy_value("<f2", half);
    ASSERT_TRUE(number.has_value());
    EXPECT_EQ(numpy_bytes("<f2", *number), half) << bits;
  }
}

TEST(NumpyValue, GivesHalfFloatsTheirValue) {
  EXPECT_EQ(value("<f2", "\x00\x3c"sv), NumpyValue(1.0));
  EXPECT_EQ(value("<f2", "\x01\x00"sv), NumpyValue(0x1p-24));
  EXPECT_EQ(value(">f2", "\xfb\xff"sv), NumpyValue(-65504.0));
}

TEST(NumpyValue, KeepsFloatsOfEverySize) {
  for (const float number : {0.f, -0.f, 1.5f, 1e-45f, 3e38f, -1e-40f}) {
    std::vector<uint8_t> raw(4);
    std::memcpy(raw.data(), &number, 4);
    EXPECT_EQ(numpy_value("<f4", raw), NumpyValue(static_cast<double>(number)));
    EXPECT_EQ(numpy_bytes("<f4", static_cast<double>(number)), raw);
  }
  EXPECT_EQ(value("<f8", "\0\0\0\0\0\0\xf0\x3f"sv), NumpyValue(1.0));
}

// A float's quiet bit stays as it is.
TEST(NumpyValue, KeepsThePayloadOfANaN) {
  const auto number = value("<f4", "\x01\0\x80\x7f"sv);
  ASSERT_TRUE(number.has_value());
  EXPECT_EQ(std::bit_cast<uint64_t>(std::get<double>(*number)), 0x7ff0'0000'2000'0000u);
  EXPECT_EQ(numpy_bytes("<f4", *number), bytes("\x01\0\x80\x7f"sv));
}

TEST(NumpyValue, ReadsIntegersOfEitherOrder) {
  EXPECT_EQ(value("<i2", "\xfe\xff"), NumpyValue(int64_t{-2}));
  EXPECT_EQ(value(">u4", "\0\0\1\2"sv), NumpyValue(int64_t{258}));
  EXPECT_EQ(value("<u8", "\xff\xff\xff\xff\xff\xff\xff\xff"), NumpyValue(UINT64_MAX));
  EXPECT_EQ(numpy_bytes(">i4", int64_t{-2}), bytes("\xff\xff\xff\xfe"));
}

TEST(NumpyValue, ReadsTextBeyondTheBasicPlane) {
  EXPECT_EQ(value(">U1", "\0\1\xf6\0"sv), NumpyValue(std::string("\xf0\x9f\x98\x80")));
  EXPECT_EQ(numpy_bytes(">U1", std::string("\xf0\x9f\x98\x80")), bytes("\0\1\xf6\0"sv));
  EXPECT_EQ(value("<U1", "\0\xd8\0\0"sv), NumpyValue(std::string("\xed\xa0\x80")));
}

}  // namespace
}  // namespace unbrine
