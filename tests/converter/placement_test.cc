#include "converter/placement.h"

#include <gmock/gmock.h>

namespace unbrine {
namespace {

using ::testing::ElementsAre;

class Placement : public ::testing::Test {
 protected:
  Placement() {
    selection_.table = &table_;
    const auto source = std::make_shared<MemorySource>(std::vector<uint8_t>(16));
    table_.add_input(1 << 20);
    storage_ = table_.add_storage({.name = "s", .source = source, .size = 16});
    layout_.files = {{.header = "", .name = "a.safetensors"}, {.header = "", .name = "b.blob"}};
  }

  // A view of two floats, from the given one on; its row.
  uint32_t view(uint64_t first) {
    return table_.add({.storage = storage_, .offset = first, .shape = {2}, .stride = {1}});
  }

  void write(const std::string& name, uint32_t row, uint32_t file = 0,
             std::optional<DType> cast = {}) {
    const auto selected = static_cast<uint32_t>(selection_.tensors.size());
    selection_.tensors.push_back({.name = name, .row = row, .cast = cast});
    layout_.slots.push_back({.selected = selected, .file = file, .offset = 0, .size = 8});
  }

  std::vector<std::string> places() const {
    std::vector<std::string> texts;
    for (const TensorPlace& place : tensor_places(layout_, selection_))
      texts.push_back(place.file + ":" + place.name +
                      (place.alias_of.empty() ? "" : " = " + place.alias_of));
    return texts;
  }

  TensorTable table_{Limits{}};
  Selection selection_;
  Layout layout_;
  uint32_t storage_ = 0;
};

TEST_F(Placement, HasNoneForATensorThatIsNotWritten) {
  view(0);
  write("w", view(2));
  EXPECT_THAT(places(), ElementsAre(":", "a.safetensors:w"));
}

TEST_F(Placement, TellsAliasesInOneFileOnly) {
  const uint32_t first = view(0), same = view(0), other = view(2), elsewhere = view(0);
  write("a", first);
  write("b", same);
  write("c", other);
  write("d", elsewhere, 1);
  EXPECT_THAT(places(),
              ElementsAre("a.safetensors:a", "a.safetensors:b = a", "a.safetensors:c", "b.blob:d"));
}

TEST_F(Placement, TakesAnotherDTypeForNoAlias) {
  const uint32_t first = view(0), same = view(0);
  write("a", first);
  write("b", same, 0, DType::F16);
  EXPECT_THAT(alias_names(layout_, selection_), ElementsAre("", ""));
}

TEST_F(Placement, GivesATensorOfTwoNamesTheFirst) {
  const uint32_t row = view(0);
  write("z", row);
  write("a", row);
  EXPECT_THAT(places(), ElementsAre("a.safetensors:z"));
}

TEST_F(Placement, KnowsNamesThatAreKeptOnlyAsARecord) {
  const uint32_t kept = view(0), aliased = view(0);
  write("a", kept);
  selection_.groups.front().aliases = {{"b", "a"}};
  selection_.aliased = {{.name = "b", .row = aliased}};
  EXPECT_THAT(places(), ElementsAre("a.safetensors:a", "a.safetensors:b = a"));
}

}  // namespace
}  // namespace unbrine
