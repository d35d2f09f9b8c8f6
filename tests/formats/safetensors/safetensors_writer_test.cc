#include "formats/safetensors/safetensors_writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "formats/safetensors/safetensors_format.h"
#include "tests/formats/written_files.h"
#include "tests/support/error_of.h"

namespace unbrine {
namespace {

using namespace std::string_literals;
using testing::HasSubstr;

class SafetensorsWriter : public testing::Test {
 protected:
  SelectedTensor& add(const std::string& name, DType dtype, const std::vector<uint64_t>& shape) {
    return tensors_.add(name, dtype, shape);
  }

  Layout layout(const WriteOptions& options = {}) const {
    return safetensors_layout(selection_, options);
  }
  std::string header() const { return layout().files.at(0).header; }

  SelectedTensors tensors_;
  Selection& selection_ = tensors_.selection;
};

std::string framed(const std::string& json) {
  return std::string(1, static_cast<char>(json.size())) + "\0\0\0\0\0\0\0"s + json;
}

TEST_F(SafetensorsWriter, RefusesAHeaderBeyondTheLimit) {
  add("w", DType::F32, {2});
  WriteOptions options;
  options.limits.max_header_bytes = 56;
  EXPECT_EQ(layout(options).files.at(0).header.size(), 8 + 56u);
  options.limits.max_header_bytes = 55;
  const Error error = error_of([&] { layout(options); });
  EXPECT_EQ(error.code(), ErrorCode::Limit);
  EXPECT_THAT(error.what(), HasSubstr("max_header_bytes"));
}

TEST_F(SafetensorsWriter, WritesAFileWithoutTensors) {
  selection_.metadata = {{"format", "pt"}};
  EXPECT_EQ(header(), framed(R"({"__metadata__":{"format":"pt"}})"));
  EXPECT_EQ(layout().files.at(0).size, 40u);
  selection_.metadata.clear();
  EXPECT_EQ(header(), framed("{}      "));
}

TEST_F(SafetensorsWriter, WritesMetadataFirstThenTensorsByDtypeAndName) {
  selection_.metadata = {{"format", "pt"}, {"a", "1"}};
  add("b", DType::U8, {3});
  add("z", DType::F32, {});
  add("a", DType::F32, {2, 0});
  EXPECT_EQ(header(), framed(R"({"__metadata__":{"a":"1","format":"pt"},)"
                             R"("a":{"dtype":"F32","shape":[2,0],"data_offsets":[0,0]},)"
                             R"("z":{"dtype":"F32","shape":[],"data_offsets":[0,4]},)"
                             R"("b":{"dtype":"U8","shape":[3],"data_offsets":[4,7]}} )"));
}

TEST_F(SafetensorsWriter, SortsNamesByTheirBytes) {
  for (const char* name : {"é", "a.10", "a.2", "B", "~", ""}) add(name, DType::F32, {0});
  std::vector<std::string> names;
  for (const Slot& slot : layout().slots) names.push_back(selection_.tensors[slot.selected].name);
  EXPECT_THAT(names, testing::ElementsAre("", "B", "a.10", "a.2", "~", "é"));
}

TEST_F(SafetensorsWriter, EscapesNames) {
  add("\"\\\n\x01/\x7fé", DType::U8, {0});
  EXPECT_THAT(header(), HasSubstr("{\"\\\"\\\\\\n\\u0001/\x7fé\":{"));
}

TEST_F(SafetensorsWriter, OrdersDtypesAsTheReferenceDoes) {
  // The order of a file that safetensors 0.8.0 wrote; F6, which torch lacks, from its source.
  const std::vector<DType> order = {
      DType::U64,    DType::I64,        DType::F64,        DType::C64,    DType::F32,
      DType::U32,    DType::I32,        DType::BF16,       DType::F16,    DType::U16,
      DType::I16,    DType::F8E5M2FNUZ, DType::F8E4M3FNUZ, DType::F8E8M0, DType::F8E4M3FN,
      DType::F8E5M2, DType::I8,         DType::U8,         DType::F6E3M2, DType::F6E2M3,
      DType::F4,     DType::Bool};
  for (size_t i = order.size(); i-- > 0;) add("t", order[i], {8});
  std::vector<DType> written;
  for (const Slot& slot : layout().slots)
    written.push_back(selection_.tensor(selection_.tensors[slot.selected]).dtype);
  EXPECT_EQ(written, order);
}

TEST_F(SafetensorsWriter, HasAPlaceForEveryDtype) {
  for (const DTypeInfo& row : dtype_table())
    EXPECT_LT(safetensors_data_order(row.dtype), 22u) << row.torch_name;
}

TEST_F(SafetensorsWriter, GivesComplexPairsATrailingDimension) {
  add("c", DType::C128, {3});
  add("h", DType::C32, {});
  EXPECT_THAT(header(), HasSubstr(R"("c":{"dtype":"F64","shape":[3,2],"data_offsets":[0,48]})"));
  EXPECT_THAT(header(), HasSubstr(R"("h":{"dtype":"F16","shape":[2],"data_offsets":[48,52]})"));
}

TEST_F(SafetensorsWriter, DoublesTheLastDimensionOfPackedPairs) {
  add("a", DType::F4E2M1x2, {2, 3});
  add("b", DType::F4E2M1x2, {});
  EXPECT_THAT(header(), HasSubstr(R"("a":{"dtype":"F4","shape":[2,6],"data_offsets":[0,6]})"));
  EXPECT_THAT(header(), HasSubstr(R"("b":{"dtype":"F4","shape":[2],"data_offsets":[6,7]})"));
}

TEST_F(SafetensorsWriter, KeepsElementsNarrowerThanAByte) {
  add("a", DType::F4, {2, 3});
  add("b", DType::F6E2M3, {4});
  EXPECT_THAT(header(), HasSubstr(R"("a":{"dtype":"F4","shape":[2,3],"data_offsets":[3,6]})"));
  EXPECT_THAT(header(), HasSubstr(R"("b":{"dtype":"F6_E2M3","shape":[4],"data_offsets":[0,3]})"));
}

TEST_F(SafetensorsWriter, CoversTheFileWithHeaderAndSlots) {
  add("b", DType::U8, {3});
  add("a", DType::F64, {5});
  add("e", DType::F64, {0});
  const Layout result = layout();
  uint64_t end = result.files.at(0).header.size();
  for (const Slot& slot : result.slots) {
    EXPECT_EQ(slot.offset, end);
    end += slot.size;
  }
  EXPECT_EQ(result.files.at(0).size, end);
  EXPECT_EQ(result.files.at(0).header.size() % 8, 0u);
}

TEST_F(SafetensorsWriter, NamesTheFileOfEachGroup) {
  selection_.groups[0].stem = "model";
  add("w", DType::F32, {2});
  tensors_.new_group("optimizer");
  add("w", DType::U8, {3});
  const Layout result = layout();
  ASSERT_EQ(result.files.size(), 2u);
  EXPECT_EQ(result.files[0].name, "model.safetensors");
  EXPECT_EQ(result.files[1].name, "optimizer.safetensors");
  EXPECT_EQ(result.slots[1].file, 1u);
  EXPECT_EQ(result.slots[1].offset, result.files[1].header.size());
}

TEST_F(SafetensorsWriter, CastsInDtypeOrderAndSize) {
  add("a", DType::F32, {2}).cast = DType::F16;
  add("b", DType::F32, {3});
  EXPECT_EQ(header().substr(8), R"({"b":{"dtype":"F32","shape":[3],"data_offsets":[0,12]},)"
                                R"("a":{"dtype":"F16","shape":[2],"data_offsets":[12,16]}}  )");
}

TEST_F(SafetensorsWriter, RecordsAliasesAsMetadata) {
  add("w", DType::U8, {1});
  selection_.metadata = {{"format", "pt"}};
  selection_.groups[0].aliases = {{"tied", "w"}};
  EXPECT_THAT(header(), HasSubstr(R"({"__metadata__":{"format":"pt","tied":"w"},"w":)"));
  EXPECT_THAT(layout().notes, testing::IsEmpty());
}

TEST_F(SafetensorsWriter, LetsMetadataWinOverAnAliasAndSaysSo) {
  add("w", DType::U8, {1});
  selection_.metadata = {{"format", "pt"}};
  selection_.groups[0].aliases = {{"format", "w"}};
  EXPECT_THAT(header(), HasSubstr(R"({"__metadata__":{"format":"pt"},"w":)"));
  EXPECT_THAT(layout().notes, testing::ElementsAre(HasSubstr("'format' is an alias of 'w'")));
}

TEST(WriterFormats, BeginWithSafetensors) {
  EXPECT_EQ(default_writer().name, "safetensors");
  EXPECT_EQ(default_writer().suffixes[0], ".safetensors");
  EXPECT_EQ(&default_writer(), &writer_formats()[0]);
}

TEST(WriterFormats, AreFoundByName) {
  for (const WriterFormat& writer : writer_formats())
    EXPECT_EQ(writer_by_name(writer.name), &writer);
  EXPECT_EQ(writer_by_name("torc"), nullptr);
  EXPECT_EQ(writer_by_name(""), nullptr);
}

}  // namespace
}  // namespace unbrine
