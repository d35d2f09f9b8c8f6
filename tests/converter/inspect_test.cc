#include "converter/inspect.h"

#include <gmock/gmock.h>

#include "tests/support/pickle_builder.h"
#include "tests/support/scratch_folder.h"
#include "tests/support/zip_builder.h"

namespace unbrine {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Inspection inspection_of(const PickleBuilder& object) {
  const ScratchFolder folder;
  PickleBuilder pickle;
  pickle.protocol(2).raw(object).stop();
  const auto zip = torch_zip({{"data.pkl", pickle.bytes()}, {"data/0", "0123456789abcdef"}});
  return inspect(folder.write("a.pt", zip), Rules{}, Limits{});
}

PickleBuilder view(int64_t offset, const std::vector<int64_t>& sizes,
                   const std::vector<int64_t>& strides) {
  PickleBuilder pickle;
  return pickle.tensor_v2("FloatStorage", "0", 4, offset, sizes, strides);
}

TEST(Inspect, TellsAliasesFromViewsThatOnlyShareBytes) {
  PickleBuilder object;
  object.empty_list().raw(view(0, {2, 2}, {2, 1})).append();
  object.raw(view(0, {2, 2}, {2, 1})).append();
  object.raw(view(0, {2, 2}, {1, 2})).append();
  object.raw(view(1, {2}, {1})).append();
  std::vector<std::string> aliases;
  for (const InspectedTensor& tensor : inspection_of(object).tensors)
    aliases.push_back(tensor.alias_of);
  EXPECT_THAT(aliases, ElementsAre("", "0", "", ""));
}

TEST(Inspect, TakesEmptyTensorsForNobodysAlias) {
  PickleBuilder object;
  object.empty_list().raw(view(0, {0}, {1})).append().raw(view(0, {0}, {1})).append();
  EXPECT_EQ(inspection_of(object).tensors[1].alias_of, "");
}

TEST(Inspect, ListsNamesThatThePickleMentionsAndWhichItWouldCall) {
  PickleBuilder object;
  object.empty_list().raw(view(0, {1}, {1})).append();
  object.global("os", "system").append();
  object.global("lib", "make").string("text").tuple1().reduce().append();
  std::vector<std::string> names;
  for (const NamedGlobal& global : inspection_of(object).globals)
    names.push_back(global.name + (global.interpreted ? " known" : "") +
                    (global.called ? " called" : ""));
  EXPECT_THAT(names, ElementsAre("collections.OrderedDict known called", "lib.make called",
                                 "os.system", "torch.FloatStorage known",
                                 "torch._utils._rebuild_tensor_v2 known called"));
}

TEST(Inspect, WritesJsonWithItsSchemaFirst) {
  const std::string json = inspection_json(inspection_of(view(1, {3}, {1})));
  EXPECT_THAT(json, ::testing::StartsWith(R"({"schema":"unbrine.inspect/1",)"));
  EXPECT_THAT(json,
              HasSubstr(R"("tensors":[{"name":"tensor","dtype":"float32",)"
                        R"("safetensors_dtype":"F32","shape":[3],"stride":[1],"bytes":12}])"));
}

}  // namespace
}  // namespace unbrine
