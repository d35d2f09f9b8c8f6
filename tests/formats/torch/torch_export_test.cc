#include "formats/torch/torch_export.h"

#include <gmock/gmock.h>

#include "tests/formats/torch/read_archive.h"
#include "tests/support/sample_checkpoints.h"

namespace unbrine {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const std::string kSixFloats = "aaaabbbbccccddddeeeeffff";

// float32 of shape [2, 3] in a record of its own.
std::string payload(std::string_view record) {
  return R"({"path_name":")" + std::string(record) +
         R"(","is_param":true,"use_pickle":false,"tensor_meta":{"dtype":7,)"
         R"("sizes":[{"as_int":2},{"as_int":3}],"requires_grad":true,)"
         R"("device":{"type":"cpu","index":null},"strides":[{"as_int":3},{"as_int":1}],)"
         R"("storage_offset":{"as_int":0},"layout":7}})";
}

std::string pickled(std::string_view record) {
  return R"({"path_name":")" + std::string(record) +
         R"(","is_param":false,"use_pickle":true,"tensor_meta":null})";
}

std::string config(const std::string& entries) { return R"({"config":{)" + entries + "}}"; }

std::vector<uint8_t> archive(const std::vector<TorchRecord>& more) {
  std::vector<TorchRecord> records = {{"archive_format", "pt2"}, {"archive_version", "0"}};
  records.insert(records.end(), more.begin(), more.end());
  return torch_zip(records);
}

std::vector<uint8_t> archive_of(const std::string& weights) {
  return archive(
      {{"data/weights/weight_0", kSixFloats}, {"data/weights/model_weights_config.json", weights}});
}

std::string one_weight() { return config(R"("fc.weight":)" + payload("weight_0")); }

// The refusal of an archive with one weight, part of whose description is another.
Error refusal_of_field(const std::string& field, const std::string& value) {
  std::string weights = one_weight();
  weights.replace(weights.find(field), field.size(), value);
  return archive_refusal(archive_of(weights));
}

TEST(TorchExport, RefusesARecordThatIsAbsent) {
  const Error error = refusal_of_field("weight_0", "weight_9");
  EXPECT_EQ(error.code(), ErrorCode::Corrupt);
  EXPECT_THAT(error.what(), HasSubstr("archive/data/weights/model_weights_config.json: "
                                      "'fc.weight': the archive has no record "
                                      "'archive/data/weights/weight_9'"));
}

TEST(TorchExport, RefusesAViewOutsideItsRecord) {
  for (const char* other : {R"({"as_int":4},{"as_int":1}])", R"({"as_int":3},{"as_int":-1}])",
                            R"({"as_int":3}])", R"({"as_int":3},{"as_int":"x"}])"})
    EXPECT_EQ(refusal_of_field(R"({"as_int":3},{"as_int":1}])", other).code(), ErrorCode::Corrupt)
        << other;
  EXPECT_EQ(refusal_of_field(R"("storage_offset":{"as_int":0})", R"("storage_offset":{"as_int":1})")
                .code(),
            ErrorCode::Corrupt);
}

TEST(TorchExport, RefusesASizeThatIsAnExpression) {
  const Error error = refusal_of_field(R"({"as_int":2})", R"({"as_expr":{"expr_str":"s0"}})");
  EXPECT_EQ(error.code(), ErrorCode::Unsupported);
  EXPECT_THAT(error.what(), HasSubstr("sizes: is no fixed number"));
}

TEST(TorchExport, NamesADTypeOrLayoutThatItDoesNotKnow) {
  EXPECT_THAT(refusal_of_field(R"("dtype":7)", R"("dtype":27)").what(),
              HasSubstr("dtype 27 is not known"));
  EXPECT_THAT(refusal_of_field(R"("layout":7)", R"("layout":1)").what(),
              HasSubstr("layout 1 is not strided"));
}

TEST(TorchExport, RefusesADescriptionWithoutAField) {
  for (const char* key : {"path_name", "use_pickle", "tensor_meta", "dtype", "sizes", "strides",
                          "storage_offset", "layout", "requires_grad"}) {
    const std::string quoted_key = '"' + std::string(key) + '"';
    const Error error = refusal_of_field(quoted_key, "\"other\"");
    EXPECT_EQ(error.code(), ErrorCode::Corrupt);
    EXPECT_THAT(error.what(), HasSubstr("has no '" + std::string(key) + "'"));
  }
}

TEST(TorchExport, RefusesATextCutShort) { expect_refused_when_cut(one_weight(), archive_of); }

TEST(TorchExport, RefusesAFormatOfAnotherName) {
  const Error error = archive_refusal(torch_zip({{"archive_format", "pt3"}}));
  EXPECT_EQ(error.code(), ErrorCode::Unsupported);
  EXPECT_THAT(error.what(), HasSubstr("'archive/archive_format': is 'pt3'"));
}

TEST(TorchExport, SaysThatThereAreNoWeights) {
  const Error error = archive_refusal(archive({{"data/aotinductor/model/x.so", "\x7f"}}));
  EXPECT_EQ(error.code(), ErrorCode::Unsupported);
  EXPECT_THAT(error.what(), HasSubstr("without weights"));
}

TEST(TorchExport, NamesWeightsAsTheProgramDoes) {
  const std::string weights =
      config(R"("fc.weight":)" + payload("weight_0") + R"(,"tied":)" + payload("weight_0"));
  const Checkpoint checkpoint = read_archive(archive_of(weights));
  EXPECT_EQ(checkpoint.format, "torch-export");
  EXPECT_THAT(tensor_names(checkpoint), ElementsAre("fc.weight", "tied"));
  EXPECT_THAT(tensor_called(checkpoint, "tied").shape, ElementsAre(2, 3));
  EXPECT_EQ(storage_bytes(checkpoint, "tied"), kSixFloats);
  EXPECT_EQ(checkpoint.tensors.storages().size(), 1u);
}

TEST(TorchExport, PutsConstantsBelowTheirName) {
  const Checkpoint checkpoint =
      read_archive(archive({{"data/weights/weight_0", kSixFloats},
                            {"data/weights/model_weights_config.json", one_weight()},
                            {"data/constants/tensor_0", kSixFloats},
                            {"data/constants/model_constants_config.json",
                             config(R"("lifted":)" + payload("tensor_0"))}}));
  EXPECT_THAT(tensor_names(checkpoint), ElementsAre("fc.weight", "constants.lifted"));
}

TEST(TorchExport, LeavesAWeightCalledConstantsItsName) {
  const Checkpoint checkpoint = read_archive(archive(
      {{"data/weights/weight_0", kSixFloats},
       {"data/weights/m_weights_config.json", config(R"("constants":)" + payload("weight_0"))},
       {"data/constants/tensor_0", kSixFloats},
       {"data/constants/m_constants_config.json", config(R"("c":)" + payload("tensor_0"))}}));
  EXPECT_THAT(tensor_names(checkpoint), ElementsAre("constants", "constants~1.c"));
}

TEST(TorchExport, ReadsARecordThatIsASaveOfItsOwn) {
  const std::string saved(as_text(zip_checkpoint({"inner"})));
  const Checkpoint checkpoint =
      read_archive(archive({{"data/weights/weight_0", saved},
                            {"data/weights/model_weights_config.json",
                             config(R"("subclass":)" + pickled("weight_0"))}}));
  EXPECT_THAT(tensor_names(checkpoint), ElementsAre("subclass.inner"));
}

TEST(TorchExport, LeavesOutAnObjectOfACppClassAndSaysSo) {
  const Checkpoint checkpoint =
      read_archive(archive({{"data/weights/weight_0", kSixFloats},
                            {"data/weights/model_weights_config.json", one_weight()},
                            {"data/constants/custom_obj_0", "?"},
                            {"data/constants/model_constants_config.json",
                             config(R"("queue":)" + pickled("custom_obj_0"))}}));
  EXPECT_THAT(tensor_names(checkpoint), ElementsAre("fc.weight"));
  EXPECT_THAT(checkpoint.notes, ElementsAre(HasSubstr("'queue' is an object of a C++ class")));
}

TEST(TorchExport, KnowsAWeightThatWasExportedWithoutData) {
  const Checkpoint checkpoint = read_archive(archive(
      {{"data/weights/weight_0", ""}, {"data/weights/model_weights_config.json", one_weight()}}));
  EXPECT_THAT(tensor_names(checkpoint), IsEmpty());
}

TEST(TorchExport, KeepsSeveralModelsApart) {
  const Checkpoint checkpoint =
      read_archive(archive({{"data/weights/weight_0", kSixFloats},
                            {"data/weights/a_weights_config.json", one_weight()},
                            {"data/weights/b_weights_config.json", one_weight()}}));
  EXPECT_THAT(tensor_names(checkpoint), ElementsAre("a.fc.weight", "b.fc.weight"));
}

TEST(TorchExport, ReadsWeightsThatAreOneSave) {
  const std::string weights(as_text(zip_checkpoint({"w", "b"})));
  const std::string constants(as_text(zip_checkpoint({"c"})));
  const Checkpoint checkpoint = read_archive(
      archive({{"data/weights/model.pt", weights}, {"data/constants/model.pt", constants}}));
  EXPECT_THAT(tensor_names(checkpoint), ElementsAre("w", "b", "constants.c"));
}

TEST(TorchExport, ReadsTheZipOfEarlyReleases) {
  const std::string weights(as_text(zip_checkpoint({"w"})));
  const std::string constants(as_text(legacy_checkpoint({"c"})));
  for (const char* suffix : {".pt", ".json"}) {
    ZipBuilder zip;
    zip.add("serialized_exported_program.json", "{}");
    zip.add(std::string("serialized_state_dict") + suffix, weights);
    zip.add(std::string("serialized_constants") + suffix, constants).add("version", "8.1");
    const Checkpoint checkpoint = read_archive(zip.bytes());
    EXPECT_EQ(checkpoint.format, "torch-export");
    EXPECT_THAT(tensor_names(checkpoint), ElementsAre("w", "constants.c"));
  }
}

}  // namespace
}  // namespace unbrine
