#include "formats/pickle/value_reader.h"

#include <gmock/gmock.h>

#include "tests/formats/pickle/decoded.h"
#include "tests/support/error_of.h"

namespace unbrine {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

class ValueReaderTest : public ::testing::Test {
 protected:
  NodeId read(const PickleBuilder& value) {
    decoded_ = decoded(PickleBuilder().protocol(4).raw(value).stop());
    return decoded_.pickle.root;
  }
  ValueReader reader() const { return {decoded_.graph, limits}; }

  template <class Read>
  std::string refusal(const PickleBuilder& value, Read read_value) {
    const NodeId node = read(value);
    const Error error = error_of([&] { read_value(reader(), node); });
    EXPECT_EQ(error.code(), ErrorCode::Corrupt) << error.what();
    return error.what();
  }

  Limits limits;
  Decoded decoded_;
};

TEST_F(ValueReaderTest, SaysWhatItFoundInPlaceOfAText) {
  const auto text = [](const ValueReader& values, NodeId node) { values.text(node, "the file"); };
  EXPECT_THAT(refusal(PickleBuilder().integer(1), text),
              HasSubstr("the file: expected a string, found Int"));
  EXPECT_THAT(refusal(PickleBuilder().string(std::string(20'000, 'x')), text),
              HasSubstr("a name of 20000 bytes"));
}

TEST_F(ValueReaderTest, RejectsNegativeAndOtherCounts) {
  const auto count = [](const ValueReader& values, NodeId node) { values.count(node, "it"); };
  EXPECT_THAT(refusal(PickleBuilder().integer(-1), count), HasSubstr("found -1"));
  EXPECT_THAT(refusal(PickleBuilder().none(), count), HasSubstr("found None"));
  EXPECT_THAT(refusal(PickleBuilder().long1(std::string(9, '\x7f')), count), HasSubstr("BigInt"));
}

TEST_F(ValueReaderTest, RejectsShapesThatAreNone) {
  const auto shape = [](const ValueReader& values, NodeId node) { values.shape(node, "it"); };
  EXPECT_THAT(refusal(PickleBuilder().string("x"), shape), HasSubstr("expected a shape"));
  EXPECT_THAT(refusal(PickleBuilder().int_tuple({2, -1}), shape), HasSubstr("found -1"));
  EXPECT_THAT(refusal(PickleBuilder().global("torch", "Size").empty_tuple().reduce(), shape),
              HasSubstr("torch.Size of a tuple"));
}

TEST_F(ValueReaderTest, LimitsDimensions) {
  const NodeId node = read(PickleBuilder().int_tuple(std::vector<int64_t>(65, 1)));
  EXPECT_EQ(error_of([&] { reader().shape(node, "it"); }).code(), ErrorCode::Limit);
}

TEST_F(ValueReaderTest, ReadsShapesOfBothSpellings) {
  EXPECT_THAT(reader().shape(read(PickleBuilder().int_tuple({2, 3})), "it"), ElementsAre(2, 3));
  const PickleBuilder size =
      PickleBuilder().global("torch", "Size").int_tuple({4, 5}).tuple1().reduce();
  EXPECT_THAT(reader().shape(read(size), "it"), ElementsAre(4, 5));
}

TEST_F(ValueReaderTest, ReadsAnEnumByItsNumber) {
  const PickleBuilder value = PickleBuilder().global("m", "Stage").integer(2).tuple1().reduce();
  EXPECT_EQ(reader().enum_number(read(value), "it"), 2u);
  EXPECT_EQ(reader().enum_number(read(PickleBuilder().integer(3)), "it"), 3u);
}

TEST_F(ValueReaderTest, ReadsEntriesInOrder) {
  const NodeId node =
      read(PickleBuilder().empty_dict().string("b").none().setitem().integer(7).none().setitem());
  EXPECT_THAT(reader().entries(node, "it"),
              ElementsAre(Pair("b", 0u), Pair("7", 0u)));  // node 0 is None
}

TEST_F(ValueReaderTest, ReadsAttributesOfAnObjectByName) {
  const NodeId node = read(PickleBuilder()
                               .global("m", "Thing")
                               .empty_tuple()
                               .newobj()
                               .empty_dict()
                               .string("size")
                               .integer(7)
                               .setitem()
                               .string("gone")
                               .none()
                               .setitem()
                               .build());
  EXPECT_EQ(reader().class_name(node), "Thing");
  const Fields fields(decoded_.graph, limits, node, "the thing");
  EXPECT_EQ(decoded_.graph.integer(fields.require("size")), 7);
  EXPECT_EQ(fields.find("gone"), kNoNode);
  EXPECT_THAT(error_of([&] { fields.require("first"); }).what(),
              HasSubstr("the thing has no 'first'"));
}

}  // namespace
}  // namespace unbrine
