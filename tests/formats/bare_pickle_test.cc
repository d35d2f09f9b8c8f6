#include "formats/bare_pickle.h"

#include <gmock/gmock.h>

#include "tests/support/error_of.h"
#include "tests/support/pickle_builder.h"

namespace unbrine {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// {"w": numpy.array([1, 2], dtype="u1")}
PickleBuilder arrays() {
  PickleBuilder pickle;
  pickle.protocol(2).empty_dict().string("w");
  pickle.global("numpy.core.multiarray", "_reconstruct").global("numpy", "ndarray");
  pickle.int_tuple({0}).short_binstring("b").tuple3().reduce();
  pickle.mark().integer(1).int_tuple({2}).global("numpy", "dtype");
  pickle.string("u1").integer(0).integer(1).tuple3().reduce();
  pickle.integer(0).short_binstring("\1\2").tuple().build();
  return pickle.setitem().stop();
}

Checkpoint read(const PickleBuilder& pickle) {
  return open_checkpoint(std::make_shared<MemorySource>(pickle.bytes()), Limits{});
}

Error refusal(const PickleBuilder& pickle) {
  return error_of([&] { read(pickle); });
}

TEST(BarePickle, RefusesBytesBehindItThatAreNoPickle) {
  EXPECT_EQ(refusal(arrays().raw("x")).code(), ErrorCode::Corrupt);
  EXPECT_THAT(refusal(arrays().raw("x")).what(), HasSubstr("1 bytes follow the pickle"));
  EXPECT_EQ(refusal(arrays().raw(std::string(100, '\0'))).code(), ErrorCode::Corrupt);
}

TEST(BarePickle, KeepsPersistentIdsAndSaysSo) {
  PickleBuilder pickle;
  pickle.protocol(2).storage("FloatStorage", "0", 1).stop();
  EXPECT_THAT(read(pickle).notes,
              ElementsAre("persistent ids that name nothing in the file: 1, kept as records"));
}

TEST(BarePickle, CutShortAnywhereIsCorrupt) {
  const auto whole = arrays().bytes();
  for (size_t size = 2; size < whole.size(); ++size) {
    const PickleBuilder part = PickleBuilder().raw(
        std::vector<uint8_t>(whole.begin(), whole.begin() + static_cast<long>(size)));
    EXPECT_EQ(refusal(part).code(), ErrorCode::Corrupt) << size;
  }
}

TEST(BarePickle, ReadsItsArrays) {
  const Checkpoint checkpoint = read(arrays());
  EXPECT_EQ(checkpoint.format, "pickle");
  ASSERT_EQ(checkpoint.tensors.tensors().size(), 1u);
  EXPECT_THAT(checkpoint.tensors.tensors()[0].shape, ElementsAre(2));
}

bool begins(std::string_view bytes) {
  const auto source =
      std::make_shared<MemorySource>(std::vector<uint8_t>(bytes.begin(), bytes.end()));
  return begins_bare_pickle(source, 0, Limits{});
}

TEST(BarePickle, IsNotSeenInText) {
  for (const char* text : {"cat\ndog\n", "col1,col2\n1,2\n", "(hello) world\n", "I am text\n",
                           "Some text\n", "Version 1\nAuthors\n", "Loss: 3\n", "[1, 2]", "N", ""})
    EXPECT_FALSE(begins(text)) << text;
}

TEST(BarePickle, IsNotSeenInTheLengthOfASafetensorsHeader) {
  using namespace std::string_view_literals;
  EXPECT_FALSE(begins("\x80\x01\0\0\0\0\0\0{\"__metadata__\""sv));
  EXPECT_FALSE(begins("\x80\x05\0\0\0\0\0\0{"sv));
  EXPECT_TRUE(begins("\x80\x02}."sv));
  EXPECT_TRUE(begins("\x80\x05"sv));
}

TEST(BarePickle, IsSeenInTheProtocolsThatBeginWithNothingOfTheirOwn) {
  using namespace std::string_view_literals;
  EXPECT_TRUE(begins("(dp0\nS'a'\np1\nI1\ns."sv));
  EXPECT_TRUE(
      begins("ccopy_reg\n_reconstructor\np0\n(c__main__\nA\np1\nc__builtin__\nobject\n"
             "p2\nNtp3\nRp4\n."sv));
  EXPECT_TRUE(begins("}q\0(U\1aK\1U\1bK\2u."sv));
}

}  // namespace
}  // namespace unbrine
