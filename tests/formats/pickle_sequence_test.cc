#include "formats/pickle_sequence.h"

#include <gmock/gmock.h>

#include "formats/tensor_names.h"
#include "tests/support/error_of.h"
#include "tests/support/legacy_stream.h"
#include "tests/support/pickle_builder.h"

namespace unbrine {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string text_of(const std::vector<uint8_t>& bytes) { return {bytes.begin(), bytes.end()}; }

std::string stream(std::string_view name) {
  PickleBuilder object;
  object.empty_dict().string(name).tensor_v2("FloatStorage", "0", 1, 0, {1}, {1}).setitem();
  return text_of(legacy_stream(object, {{"0", "1234"}}));
}

std::string pickle() { return text_of(PickleBuilder().protocol(2).integer(1).stop().bytes()); }

Checkpoint read(const std::string& bytes) {
  const std::vector<uint8_t> copy(bytes.begin(), bytes.end());
  return open_checkpoint(std::make_shared<MemorySource>(copy), Limits{});
}

std::vector<std::string> names(const Checkpoint& checkpoint) {
  std::vector<std::string> list;
  const TensorNames all(checkpoint.graph, checkpoint.root, checkpoint.limits);
  for (const NamedTensor& tensor : all.below(checkpoint.root, ModuleView::StateDict))
    list.push_back(tensor.name);
  return list;
}

TEST(PickleSequence, RefusesWhatIsNoPickleBehindOne) {
  for (const std::string& first : {stream("w"), pickle()}) {
    const Error error = error_of([&] { read(first + "junk"); });
    EXPECT_EQ(error.code(), ErrorCode::Corrupt);
    EXPECT_THAT(error.what(), HasSubstr("byte " + std::to_string(first.size()) + ": 4 bytes"));
  }
}

TEST(PickleSequence, RefusesASecondItemCutShortAnywhere) {
  const std::string first = stream("a");
  const std::string second = stream("b");
  for (size_t size = 1; size < second.size(); ++size)
    EXPECT_EQ(error_of([&] { read(first + second.substr(0, size)); }).code(), ErrorCode::Corrupt)
        << size;
}

TEST(PickleSequence, RefusesZerosBetweenItems) {
  EXPECT_EQ(error_of([&] { read(stream("a") + '\0' + stream("b")); }).code(), ErrorCode::Corrupt);
}

TEST(PickleSequence, NumbersSeveralItems) {
  EXPECT_THAT(names(read(stream("a") + pickle() + stream("b"))), ElementsAre("#1.a", "#3.b"));
}

TEST(PickleSequence, LeavesOneItemAsItIs) {
  EXPECT_THAT(names(read(stream("a"))), ElementsAre("a"));
  EXPECT_THAT(names(read(stream("a") + std::string(100, '\0'))), ElementsAre("a"));
}

TEST(PickleSequence, IsCalledAfterItsFirstItem) {
  EXPECT_EQ(read(stream("a") + pickle()).format, "torch-legacy");
  EXPECT_EQ(read(pickle() + stream("a")).format, "pickle");
}

}  // namespace
}  // namespace unbrine
