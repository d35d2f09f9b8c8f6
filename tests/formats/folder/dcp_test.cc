#include "formats/folder/dcp.h"

#include <gmock/gmock.h>

#include <cstring>
#include <optional>

#include "formats/folder/folder.h"
#include "tests/formats/folder/folder_checkpoint.h"
#include "tests/support/error_of.h"
#include "tests/support/pickle_builder.h"
#include "tests/support/scratch_folder.h"
#include "tests/support/zip_builder.h"

namespace unbrine {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;
using Shape = std::vector<int64_t>;

constexpr const char* kModule = "torch.distributed.checkpoint.metadata";

PickleBuilder size(const Shape& shape) {
  return PickleBuilder().global("torch", "Size").int_tuple(shape).tuple1().reduce();
}

// An object of a class with attributes: name, value, name, value...
PickleBuilder object(std::string_view name,
                     const std::vector<std::pair<std::string, PickleBuilder>>& attributes) {
  PickleBuilder builder;
  builder.global(kModule, name).empty_tuple().newobj().empty_dict();
  for (const auto& [key, value] : attributes) builder.string(key).raw(value).setitem();
  return builder.build();
}

PickleBuilder text(std::string_view value) { return PickleBuilder().string(value); }
PickleBuilder number(int64_t value) { return PickleBuilder().integer(value); }

PickleBuilder properties(std::string_view dtype = "float32") {
  return PickleBuilder()
      .global(kModule, "TensorProperties")
      .empty_tuple()
      .newobj()
      .mark()
      .global("torch", dtype)
      .none()
      .newfalse()
      .none()
      .newfalse()
      .tuple()
      .build();
}

PickleBuilder chunk(const Shape& offsets, const Shape& sizes) {
  return object("ChunkStorageMetadata", {{"offsets", size(offsets)}, {"sizes", size(sizes)}});
}

PickleBuilder tensor(const Shape& shape, const std::vector<PickleBuilder>& chunks,
                     const PickleBuilder& of = properties()) {
  PickleBuilder list;
  list.empty_list();
  for (const PickleBuilder& part : chunks) list.raw(part).append();
  return object("TensorStorageMetadata",
                {{"properties", of}, {"size", size(shape)}, {"chunks", list}});
}

PickleBuilder index(std::string_view name, const std::optional<Shape>& offset) {
  if (!offset)
    return object("MetadataIndex", {{"fqn", text(name)}, {"index", PickleBuilder().none()}});
  return object("MetadataIndex", {{"fqn", text(name)}, {"offset", size(*offset)}});
}

// What torch.save writes for a contiguous tensor of these numbers.
std::vector<uint8_t> saved(const std::vector<float>& numbers, const Shape& shape) {
  const auto count = static_cast<int64_t>(numbers.size());
  const Shape stride = shape.size() == 2 ? Shape{shape[1], 1} : Shape(shape.size(), 1);
  PickleBuilder pickle;
  pickle.protocol(2).tensor_v2("FloatStorage", "0", count, 0, shape, stride).stop();
  std::string data(numbers.size() * sizeof(float), '\0');
  std::memcpy(data.data(), numbers.data(), data.size());
  return torch_zip({{"data.pkl", pickle.bytes()}, {"data/0", data}});
}

class Dcp : public ::testing::Test {
 protected:
  // Appends a stream to the file and tells where, as storage_data does.
  void store(const PickleBuilder& key, const std::vector<uint8_t>& stream,
             const std::vector<std::pair<std::string, PickleBuilder>>& more = {}) {
    const auto offset = static_cast<int64_t>(file.size());
    file.insert(file.end(), stream.begin(), stream.end());
    place(key, offset, static_cast<int64_t>(stream.size()), "__0_0.distcp", more);
  }

  void place(const PickleBuilder& key, int64_t offset, int64_t length,
             std::string_view name = "__0_0.distcp",
             const std::vector<std::pair<std::string, PickleBuilder>>& more = {}) {
    std::vector<std::pair<std::string, PickleBuilder>> fields = {
        {"relative_path", text(name)}, {"offset", number(offset)}, {"length", number(length)}};
    fields.insert(fields.end(), more.begin(), more.end());
    storage.raw(key).raw(object("_StorageInfo", fields)).setitem();
  }

  void add(std::string_view name, const PickleBuilder& item) {
    items.string(name).raw(item).setitem();
  }

  // The columns [1, 2 | 3] and [4, 5 | 6] of "w", and an object "epoch".
  void add_sound() {
    add("w", tensor({2, 3}, {chunk({0, 0}, {2, 2}), chunk({0, 2}, {2, 1})}));
    store(index("w", Shape{0, 2}), saved({3, 6}, {2, 1}));
    store(index("w", Shape{0, 0}), saved({1, 2, 4, 5}, {2, 2}));
    add("epoch", object("BytesStorageMetadata", {}));
    store(index("epoch", std::nullopt), saved({7}, {1}));
  }

  std::vector<uint8_t> metadata() const {
    PickleBuilder pickle;
    pickle.protocol(4).raw(object(
        "Metadata",
        {{"state_dict_metadata", items}, {"planner_data", planner}, {"storage_data", storage}}));
    return pickle.stop().bytes();
  }

  Checkpoint open() const {
    folder.write(".metadata", metadata());
    folder.write("__0_0.distcp", file);
    return open_folder(folder.path(), Limits{});
  }

  std::string refusal(ErrorCode code = ErrorCode::Corrupt) const {
    const Error error = error_of([&] { open(); });
    EXPECT_EQ(error.code(), code) << error.what();
    return error.what();
  }

  PickleBuilder items = PickleBuilder().empty_dict();
  PickleBuilder planner = PickleBuilder().none();
  PickleBuilder storage = PickleBuilder().empty_dict();
  std::vector<uint8_t> file;
  ScratchFolder folder;
};

TEST_F(Dcp, RejectsMetadataCutAtEveryByte) {
  add_sound();
  const std::vector<uint8_t> whole = metadata();
  folder.write("__0_0.distcp", file);
  for (size_t count = 0; count < whole.size(); ++count) {
    folder.write(".metadata",
                 std::vector(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(count)));
    const Error error = error_of([&] { open_folder(folder.path(), Limits{}); });
    EXPECT_EQ(error.code(), ErrorCode::Corrupt) << count;
    EXPECT_THAT(error.what(), HasSubstr("'.metadata': ")) << count;
  }
}

TEST_F(Dcp, RejectsPartsCutShort) {
  add_sound();
  folder.write(".metadata", metadata());
  for (size_t count = 0; count < file.size(); count += 53) {
    folder.write("__0_0.distcp",
                 std::vector(file.begin(), file.begin() + static_cast<ptrdiff_t>(count)));
    const Error error = error_of([&] { open_folder(folder.path(), Limits{}); });
    EXPECT_EQ(error.code(), ErrorCode::Corrupt) << count;
  }
}

TEST_F(Dcp, RejectsMetadataOfAnotherShape) {
  for (const PickleBuilder& root :
       {number(1), PickleBuilder().empty_list(), PickleBuilder().empty_dict(),
        object("Metadata", {}), object("Metadata", {{"state_dict_metadata", number(1)}}),
        object("Metadata", {{"state_dict_metadata", items}}),
        object("Metadata", {{"state_dict_metadata", items}, {"storage_data", number(1)}})}) {
    folder.write("__0_0.distcp", "x");
    folder.write(".metadata", PickleBuilder().protocol(4).raw(root).stop().bytes());
    EXPECT_EQ(error_of([&] { open_folder(folder.path(), Limits{}); }).code(), ErrorCode::Corrupt);
  }
}

TEST_F(Dcp, RejectsItemsOfAnotherShape) {
  const std::vector<std::pair<PickleBuilder, const char*>> cases = {
      {number(1), "found Int"},
      {object("Surprise", {}), "found 'Surprise'"},
      {object("TensorStorageMetadata", {}), "has no 'properties'"},
      {tensor({1}, {number(1)}), "a chunk: expected a dict or an object"},
      {tensor({1}, {object("ChunkStorageMetadata", {})}), "a chunk has no 'offsets'"},
      {tensor({-1}, {}), "size: expected a count, found -1"},
      {tensor({1}, {}, number(1)), "properties"},
      {tensor({1}, {}, object("TensorProperties", {{"state", number(1)}})), "properties"},
  };
  for (const auto& [item, says] : cases) {
    items = PickleBuilder().empty_dict();
    add("w", item);
    EXPECT_THAT(refusal(), HasSubstr(says));
  }
}

TEST_F(Dcp, RefusesADtypeThatIsNotKnown) {
  add("w", tensor({1}, {}, properties("float128")));
  EXPECT_THAT(refusal(ErrorCode::Unsupported), HasSubstr("dtype 'float128' is not known"));
}

TEST_F(Dcp, RefusesPartsThatWereTransformed) {
  add("w", tensor({1}, {chunk({0}, {1})}));
  store(index("w", Shape{0}), saved({1}, {1}),
        {{"transform_descriptors", PickleBuilder().empty_list().string("zstd").append()}});
  EXPECT_THAT(refusal(ErrorCode::Unsupported), HasSubstr("transform_descriptors"));
}

TEST_F(Dcp, RejectsAFileOutsideTheFolder) {
  add("w", tensor({1}, {chunk({0}, {1})}));
  place(index("w", Shape{0}), 0, 10, "../__0_0.distcp");
  EXPECT_THAT(refusal(), HasSubstr("is not a plain name"));
}

TEST_F(Dcp, RejectsAFileThatIsMissing) {
  add("w", tensor({1}, {chunk({0}, {1})}));
  place(index("w", Shape{0}), 0, 10, "__1_0.distcp");
  EXPECT_THAT(refusal(), HasSubstr("'__1_0.distcp' is not in the folder"));
}

TEST_F(Dcp, RejectsAPartBehindTheEndOfItsFile) {
  add("w", tensor({1}, {chunk({0}, {1})}));
  place(index("w", Shape{0}), INT64_MAX, INT64_MAX);
  EXPECT_THAT(refusal(), HasSubstr("'__0_0.distcp': part at byte"));
}

TEST_F(Dcp, RejectsPartsThatShareBytes) {
  add_sound();
  place(index("x", Shape{0}), 10, 10);
  EXPECT_THAT(refusal(), HasSubstr("the parts at byte 0 and byte 10 overlap"));
}

TEST_F(Dcp, RejectsTwoPlacesForOnePart) {
  add_sound();
  place(index("epoch", std::nullopt), 1 << 20, 10);
  EXPECT_THAT(refusal(), HasSubstr("two entries for one part of 'epoch'"));
}

TEST_F(Dcp, RejectsAPartWithoutAPlace) {
  add("w", tensor({2}, {chunk({0}, {1}), chunk({1}, {1})}));
  store(index("w", Shape{0}), saved({1}, {1}));
  EXPECT_THAT(refusal(), HasSubstr("'w': storage_data does not say"));
}

TEST_F(Dcp, RejectsGapsAndOverlaps) {
  add("w", tensor({3}, {chunk({0}, {1}), chunk({2}, {1})}));
  store(index("w", Shape{0}), saved({1}, {1}));
  store(index("w", Shape{2}), saved({1}, {1}));
  EXPECT_THAT(refusal(), HasSubstr("'w': the parts of shape [3] leave a gap at [1]"));
}

TEST_F(Dcp, RejectsAPartOfAnotherShapeOrType) {
  for (const bool other_shape : {true, false}) {
    items = PickleBuilder().empty_dict();
    storage = PickleBuilder().empty_dict();
    const PickleBuilder type = properties(other_shape ? "float32" : "int32");
    add("w", tensor({2}, {chunk({0}, {2})}, type));
    store(index("w", Shape{0}),
          saved(other_shape ? std::vector<float>{1} : std::vector<float>{1, 2},
                other_shape ? Shape{1} : Shape{2}));
    EXPECT_THAT(refusal(), HasSubstr("not of the dtype and shape"));
  }
}

TEST_F(Dcp, PutsPartsTogether) {
  add_sound();
  const Checkpoint checkpoint = open();
  EXPECT_EQ(checkpoint.format, "torch-dcp");
  EXPECT_THAT(tensors_of(checkpoint),
              ElementsAre(Pair("epoch", ElementsAre(7)), Pair("w", ElementsAre(1, 2, 3, 4, 5, 6))));
  EXPECT_EQ(checkpoint.files.size(), 2u);
  checkpoint.cross_check();
}

TEST_F(Dcp, NestsByThePathsOfThePlanner) {
  add_sound();
  planner =
      PickleBuilder().empty_dict().string("w").mark().string("model").integer(0).tuple().setitem();
  const Checkpoint checkpoint = open();
  EXPECT_THAT(tensors_of(checkpoint), ElementsAre(Pair("epoch", ElementsAre(7)),
                                                  Pair("model.0", ElementsAre(1, 2, 3, 4, 5, 6))));
}

TEST_F(Dcp, RejectsTwoItemsOfOnePath) {
  add_sound();
  planner = PickleBuilder().empty_dict().string("w").string("epoch").tuple1().setitem();
  EXPECT_THAT(refusal(), HasSubstr("two values have the path"));
}

TEST_F(Dcp, NeedsNoPartForATensorWithoutElements) {
  add("none", tensor({0, 3}, {chunk({0, 0}, {0, 3}), chunk({0, 0}, {0, 3})}));
  EXPECT_THAT(tensors_of(open()), ElementsAre(Pair("none", ElementsAre())));
}

}  // namespace
}  // namespace unbrine
