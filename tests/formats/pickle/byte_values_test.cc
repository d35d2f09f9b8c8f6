#include "formats/pickle/byte_values.h"

#include <gmock/gmock.h>

#include "tests/formats/pickle/decoded.h"
#include "tests/support/error_of.h"

namespace unbrine {
namespace {

using ::testing::HasSubstr;

std::optional<std::string> content(PickleBuilder pickle) {
  const Decoded result = decoded(pickle.stop());
  const std::optional<ByteRange> range = bytes_of(result.graph, result.pickle.root);
  if (!range) return std::nullopt;
  return std::string(as_text(range->source->read_all(range->offset, range->size)));
}

Error refusal(const PickleBuilder& pickle) {
  return error_of([&] { content(pickle); });
}

PickleBuilder encode(std::string_view text, std::string_view encoding) {
  PickleBuilder pickle;
  return pickle.global("_codecs", "encode").string(text).string(encoding).tuple2().reduce();
}

TEST(ByteValues, RefusesTextBeyondLatin1) {
  const Error error = refusal(encode("\u20ac", "latin1"));
  EXPECT_EQ(error.code(), ErrorCode::Corrupt);
  EXPECT_THAT(error.what(), HasSubstr("beyond latin1"));
  EXPECT_THAT(refusal(encode("\xc3", "latin1")).what(), HasSubstr("beyond latin1"));
}

TEST(ByteValues, RefusesOtherEncodings) {
  const Error error = refusal(encode("abc", "rot13"));
  EXPECT_EQ(error.code(), ErrorCode::Unsupported);
  EXPECT_THAT(error.what(), HasSubstr("encoded as 'rot13', not as latin1"));
}

TEST(ByteValues, RefusesArgumentsThatAreNoTextAndEncoding) {
  const PickleBuilder encode = PickleBuilder().global("_codecs", "encode");
  EXPECT_EQ(refusal(PickleBuilder(encode).empty_tuple().reduce()).code(), ErrorCode::Corrupt);
  EXPECT_EQ(refusal(PickleBuilder(encode).none().reduce()).code(), ErrorCode::Corrupt);
  EXPECT_EQ(refusal(PickleBuilder(encode).integer(1).string("latin1").tuple2().reduce()).code(),
            ErrorCode::Corrupt);
}

TEST(ByteValues, HasNoneForOtherValues) {
  EXPECT_EQ(content(PickleBuilder().none()), std::nullopt);
  EXPECT_EQ(content(PickleBuilder().string("abc")), std::nullopt);
  EXPECT_EQ(content(PickleBuilder().global("os", "urandom").integer(3).tuple1().reduce()),
            std::nullopt);
  EXPECT_EQ(content(PickleBuilder().global("builtins", "bytearray").integer(3).tuple1().reduce()),
            std::nullopt);
}

TEST(ByteValues, FindsPlainBytes) {
  EXPECT_EQ(content(PickleBuilder().short_binbytes("abc")), "abc");
  EXPECT_EQ(content(PickleBuilder().bytearray8("abc")), "abc");
  EXPECT_EQ(content(PickleBuilder().short_binstring("abc")), "abc");
}

TEST(ByteValues, TurnsTextBackToBytes) {
  EXPECT_EQ(content(encode("a\u0080\u00ff\u00c3", "latin1")), "a\x80\xff\xc3");
  EXPECT_EQ(content(encode("a\u00e9", "latin-1")), "a\xe9");
}

TEST(ByteValues, FindsWhatConstructorsAreGiven) {
  EXPECT_EQ(content(PickleBuilder().global("__builtin__", "bytes").empty_tuple().reduce()), "");
  const PickleBuilder bytearray = PickleBuilder().global("builtins", "bytearray");
  EXPECT_EQ(content(PickleBuilder(bytearray).short_binbytes("abc").tuple1().reduce()), "abc");
  EXPECT_EQ(content(PickleBuilder(bytearray).string("\u00e9").string("latin-1").tuple2().reduce()),
            "\xe9");
  EXPECT_EQ(content(PickleBuilder(bytearray).raw(encode("\u00e9", "latin1")).tuple1().reduce()),
            "\xe9");
}

TEST(ByteValues, LeavesLongBytesInTheirPickle) {
  const std::string large(100'000, 'x');
  const Decoded result = decoded(PickleBuilder().binbytes(large).stop());
  const std::optional<ByteRange> range = bytes_of(result.graph, result.pickle.root);
  ASSERT_TRUE(range);
  EXPECT_EQ(range->offset, 5u);
  EXPECT_EQ(range->size, large.size());
  EXPECT_GT(range->source->size(), large.size());
}

TEST(ByteValues, CopiesWhatIsSharedOnce) {
  PickleBuilder pickle;
  const PickleBuilder call = PickleBuilder().global("_codecs", "encode").binget(0).string("latin1");
  pickle.string("abc").binput(0).pop().raw(call).tuple2().reduce().raw(call).tuple2().reduce();
  const Decoded result = decoded(pickle.tuple2().stop());
  const auto calls = result.graph.items(result.pickle.root).to_vector();
  ByteValues values(result.graph);
  EXPECT_EQ(values.find(calls[0])->source, values.find(calls[1])->source);
}

}  // namespace
}  // namespace unbrine
