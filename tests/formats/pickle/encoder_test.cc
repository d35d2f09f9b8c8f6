#include "formats/pickle/encoder.h"

#include <gtest/gtest.h>

#include "tests/formats/pickle/decoded.h"

namespace unbrine {
namespace {

using namespace std::string_literals;

// The pickle of one value, without PROTO and STOP.
template <class Write>
std::string written(Write write) {
  PickleEncoder pickle;
  write(pickle);
  const std::string bytes = pickle.finish();
  EXPECT_EQ(bytes.substr(0, 2), "\x80\x02");
  EXPECT_EQ(bytes.back(), '.');
  return bytes.substr(2, bytes.size() - 3);
}

std::string integer(int64_t value) {
  return written([&](PickleEncoder& pickle) { pickle.integer(value); });
}

std::string big_integer(const std::string& decimal) {
  return written([&](PickleEncoder& pickle) { EXPECT_TRUE(pickle.big_integer(decimal)); });
}

// What the decoder makes of it.
std::string decoded_text(const std::string& opcodes) {
  PickleBuilder builder;
  return shown(builder.protocol(2).raw(opcodes).stop());
}

TEST(PickleEncoder, WritesIntegersByTheShortestOpcode) {
  EXPECT_EQ(integer(0), "K\0"s);
  EXPECT_EQ(integer(255), "K\xff");
  EXPECT_EQ(integer(256), "M\0\1"s);
  EXPECT_EQ(integer(65535), "M\xff\xff");
  EXPECT_EQ(integer(65536), "J\0\0\1\0"s);
  EXPECT_EQ(integer(-1), "J\xff\xff\xff\xff");
  EXPECT_EQ(integer(INT32_MIN), "J\0\0\0\x80"s);
  EXPECT_EQ(integer(int64_t{INT32_MAX} + 1), "\x8a\5\0\0\0\x80\0"s);
  EXPECT_EQ(integer(INT64_MIN), "\x8a\x08\0\0\0\0\0\0\0\x80"s);
}

TEST(PickleEncoder, WritesCountsBeyondSignedNumbers) {
  const auto count = [](uint64_t value) {
    return written([&](PickleEncoder& pickle) { pickle.count(value); });
  };
  EXPECT_EQ(count(7), "K\7");
  EXPECT_EQ(count(UINT64_MAX), "\x8a\x09\xff\xff\xff\xff\xff\xff\xff\xff\0"s);
}

TEST(PickleEncoder, WritesLongIntegersInTwosComplement) {
  EXPECT_EQ(big_integer("255"), "\x8a\2\xff\0"s);
  EXPECT_EQ(big_integer("-128"), "\x8a\1\x80");
  EXPECT_EQ(big_integer("-129"), "\x8a\2\x7f\xff");
  EXPECT_EQ(big_integer("-256"), "\x8a\2\0\xff"s);
  EXPECT_EQ(big_integer("0"), "\x8a\0"s);
  EXPECT_EQ(decoded_text(big_integer("-1000000000000000000000000000001")),
            "-1000000000000000000000000000001");
}

TEST(PickleEncoder, RefusesIntegersThatLong1CannotHold) {
  // 256 ** 254 * 128: the first that needs 256 bytes. Digits by Python.
  std::string digits = "1";
  PickleEncoder pickle;
  EXPECT_TRUE(pickle.big_integer(digits + std::string(613, '0')));
  EXPECT_FALSE(pickle.big_integer(digits + std::string(614, '0')));
  EXPECT_FALSE(pickle.big_integer("-" + std::string(100000, '9')));
  EXPECT_EQ(pickle.finish().substr(0, 4), "\x80\x02\x8a\xff");  // and nothing for the others
}

TEST(PickleEncoder, WritesFloatsBigEndian) {
  const auto real = [](double value) {
    return written([&](PickleEncoder& pickle) { pickle.real(value); });
  };
  EXPECT_EQ(real(1.0), "G\x3f\xf0\0\0\0\0\0\0"s);
  EXPECT_EQ(real(-0.0), "G\x80\0\0\0\0\0\0\0"s);
}

TEST(PickleEncoder, WritesTextAsItIs) {
  const std::string surrogate = "\xed\xa0\x80";
  EXPECT_EQ(written([&](PickleEncoder& pickle) { pickle.text("h\xc3\xa9" + surrogate); }),
            "X\6\0\0\0h\xc3\xa9"s + surrogate);
}

TEST(PickleEncoder, WritesBytesAsPythonDoesInProtocol2) {
  const std::string bytes = "a\x80\xff";
  EXPECT_EQ(written([&](PickleEncoder& pickle) { pickle.bytes(as_bytes(bytes)); }),
            "c_codecs\nencode\nq\0X\5\0\0\0a\xc2\x80\xc3\xbfX\6\0\0\0latin1q\1\x86R"s);
}

TEST(PickleEncoder, WritesByteArraysFromText) {
  EXPECT_EQ(written([&](PickleEncoder& pickle) { pickle.byte_array(as_bytes("a")); }),
            "c__builtin__\nbytearray\nq\0X\1\0\0\0aX\7\0\0\0latin-1q\1\x86R"s);
}

TEST(PickleEncoder, FetchesNamesAndWordsThatItHasWritten) {
  EXPECT_EQ(written([](PickleEncoder& pickle) {
              pickle.global("torch", "Size");
              pickle.word("torch");
              pickle.global("torch", "Size");
              pickle.word("torch");
            }),
            "ctorch\nSize\nq\0X\5\0\0\0torchq\1h\0h\1"s);
}

TEST(PickleEncoder, NumbersThePlacesOfItsMemo) {
  const std::string bytes = written([](PickleEncoder& pickle) {
    for (uint32_t i = 0; i < 257; ++i) {
      pickle.op(Op::EmptyList);
      EXPECT_EQ(pickle.put(), i);
    }
    pickle.get(255);
    pickle.get(256);
  });
  EXPECT_EQ(bytes.substr(bytes.size() - 16), "]q\xff]r\0\1\0\0h\xffj\0\1\0\0"s);
}

}  // namespace
}  // namespace unbrine
