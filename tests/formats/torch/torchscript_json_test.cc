#include "formats/torch/torchscript_json.h"

#include <gmock/gmock.h>

#include "tests/formats/torch/read_archive.h"
#include "tests/support/pickle_builder.h"

namespace unbrine {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const std::string kSixFloats = "aaaabbbbccccddddeeeeffff";

const std::string kTensor =
    R"({"dims":["2","3"],"offset":"0","strides":["3","1"],"requiresGrad":true,)"
    R"("dataType":"FLOAT","data":{"key":"tensors/0"},"device":"cpu"})";

std::string parameter(std::string_view name, int tensor) {
  return R"({"isBuffer":false,"tensorId":")" + std::to_string(tensor) + R"(","name":")" +
         std::string(name) + R"("})";
}

std::string model(const std::string& tensors, const std::string& main_module) {
  return R"({"protoVersion":"5","mainModule":)" + main_module +
         R"(,"producerName":"pytorch","tensors":[)" + tensors + "]}";
}

// A module that has the given members, and nothing else.
std::string module(const std::string& members) {
  return R"({"name":"net","optimize":true)" + (members.empty() ? "" : "," + members) + "}";
}

std::string one_parameter() { return module(R"("parameters":[)" + parameter("w", 0) + "]"); }

std::vector<uint8_t> archive(const std::string& json, const std::vector<TorchRecord>& more = {}) {
  std::vector<TorchRecord> records = {{"version", "1\n"}, {"tensors/0", kSixFloats}};
  records.insert(records.end(), more.begin(), more.end());
  records.push_back({"model.json", json});
  return torch_zip(records);
}

// The refusal of an archive with one tensor, a field of which has another value.
Error refusal_of_field(const std::string& field, const std::string& value) {
  std::string tensor = kTensor;
  const size_t at = tensor.find(field);
  tensor.replace(at, field.size(), value);
  return archive_refusal(archive(model(tensor, one_parameter())));
}

TEST(TorchScriptJson, RefusesSizesThatAreNoNumbers) {
  for (const char* dims : {R"("dims":["2","x"])", R"("dims":["2",""])", R"("dims":["2","3 "])",
                           R"("dims":["2","-3"])", R"("dims":["2",null])", R"("dims":["2",1.5])",
                           R"("dims":["2","99999999999999999999"])", R"("dims":"6")"}) {
    const Error error = refusal_of_field(R"("dims":["2","3"])", dims);
    EXPECT_EQ(error.code(), ErrorCode::Corrupt) << dims;
    EXPECT_THAT(error.what(), HasSubstr("archive/model.json: tensor 0: ")) << dims;
  }
}

TEST(TorchScriptJson, RefusesAViewOutsideItsRecord) {
  EXPECT_EQ(refusal_of_field(R"("offset":"0")", R"("offset":"1")").code(), ErrorCode::Corrupt);
  EXPECT_EQ(refusal_of_field(R"("offset":"0")", R"("offset":"-1")").code(), ErrorCode::Corrupt);
  EXPECT_EQ(refusal_of_field(R"(["3","1"])", R"(["4","1"])").code(), ErrorCode::Corrupt);
  EXPECT_EQ(refusal_of_field(R"(["3","1"])", R"(["3"])").code(), ErrorCode::Corrupt);
}

TEST(TorchScriptJson, RefusesARecordThatIsAbsent) {
  const Error error = refusal_of_field("tensors/0", "tensors/7");
  EXPECT_EQ(error.code(), ErrorCode::Corrupt);
  EXPECT_THAT(error.what(), HasSubstr("no record 'archive/tensors/7'"));
}

TEST(TorchScriptJson, RefusesATensorWithoutAFieldItNeeds) {
  EXPECT_THAT(refusal_of_field("\"dataType\"", "\"type\"").what(), HasSubstr("has no 'dataType'"));
  EXPECT_THAT(refusal_of_field("\"data\":", "\"date\":").what(), HasSubstr("has no 'data'"));
  EXPECT_THAT(refusal_of_field("\"key\"", "\"kex\"").what(), HasSubstr("has no 'key'"));
}

TEST(TorchScriptJson, NamesADataTypeThatItDoesNotKnow) {
  const Error error = refusal_of_field("\"FLOAT\"", "\"UNDEFINED\"");  // bfloat16 in torch 1.2
  EXPECT_EQ(error.code(), ErrorCode::Unsupported);
  EXPECT_THAT(error.what(), HasSubstr("dataType 'UNDEFINED' is not known"));
}

TEST(TorchScriptJson, RefusesATensorThatIsNotInTheTable) {
  const std::string json = model(kTensor, module(R"("parameters":[)" + parameter("w", 1) + "]"));
  EXPECT_THAT(archive_refusal(archive(json)).what(),
              HasSubstr("parameters: tensor 1 is not in the table, which has 1"));
}

TEST(TorchScriptJson, RefusesAnAttributeThatIsNotInThePickle) {
  const std::string json =
      model(kTensor, module(R"("attributes":[{"type":"int","name":"n","id":"0"}])"));
  EXPECT_EQ(archive_refusal(archive(json)).code(), ErrorCode::Corrupt);
  const auto values = PickleBuilder().protocol(2).empty_tuple().stop().bytes();
  EXPECT_THAT(archive_refusal(archive(json, {{"attributes.pkl", values}})).what(),
              HasSubstr("attribute 0 is not in attributes.pkl, which has 0"));
}

TEST(TorchScriptJson, RefusesAnIdInThePickleThatIsNoNumber) {
  const std::string json = model(kTensor, module(""));
  for (const PickleBuilder& id : {PickleBuilder().string("0"), PickleBuilder().integer(1),
                                  PickleBuilder().integer(-1), PickleBuilder().none()}) {
    PickleBuilder pickle;
    pickle.protocol(2).mark().global("torch.jit._pickle", "build_tensor_from_id");
    pickle.raw(id).tuple1().reduce().tuple().stop();
    const Error error = archive_refusal(archive(json, {{"attributes.pkl", pickle.bytes()}}));
    EXPECT_EQ(error.code(), ErrorCode::Corrupt);
    EXPECT_THAT(error.what(), HasSubstr("archive/attributes.pkl: byte "));
  }
}

TEST(TorchScriptJson, RefusesTwoMembersOfOneName) {
  const std::string json = model(
      kTensor, module(R"("parameters":[)" + parameter("w", 0) + "," + parameter("w", 0) + "]"));
  EXPECT_THAT(archive_refusal(archive(json)).what(), HasSubstr("two members of the name 'w'"));
}

TEST(TorchScriptJson, RefusesAKeyThatStandsTwice) {
  const Error error = refusal_of_field(R"("offset":"0")", R"("offset":"0","offset":"1")");
  EXPECT_THAT(error.what(), HasSubstr("the key 'offset' twice"));
}

TEST(TorchScriptJson, RefusesTextCutShort) {
  expect_refused_when_cut(model(kTensor, one_parameter()),
                          [](const std::string& part) { return archive(part); });
}

TEST(TorchScriptJson, RefusesAModelWithoutAModule) {
  EXPECT_THAT(archive_refusal(archive(R"({"tensors":[]})")).what(),
              HasSubstr("has no 'mainModule'"));
  EXPECT_EQ(archive_refusal(archive("[]")).code(), ErrorCode::Corrupt);
}

TEST(TorchScriptJson, NamesParametersByTheTreeOfModules) {
  const std::string inner = R"({"name":"sub","parameters":[)" + parameter("bias", 0) + "]}";
  const std::string json = model(kTensor, module(R"("submodules":[)" + inner +
                                                 R"(],"parameters":[)" + parameter("w", 0) + "]"));
  const Checkpoint checkpoint = read_archive(archive(json));
  EXPECT_EQ(checkpoint.format, "torchscript-json");
  EXPECT_THAT(tensor_names(checkpoint), ElementsAre("w", "sub.bias"));
  EXPECT_THAT(tensor_called(checkpoint, "w").shape, ElementsAre(2, 3));
  EXPECT_EQ(storage_bytes(checkpoint, "w"), kSixFloats);
  EXPECT_THAT(checkpoint.notes, IsEmpty());
}

TEST(TorchScriptJson, NamesConstantsByTheirNumberInTheTable) {
  const std::string json = model(kTensor + "," + kTensor, one_parameter());
  EXPECT_THAT(tensor_names(read_archive(archive(json))), ElementsAre("w", "constants.1"));
}

TEST(TorchScriptJson, ReadsAScalarAndAView) {
  const std::string scalar = R"({"offset":"5","dataType":"FLOAT","data":{"key":"tensors/0"}})";
  const std::string view =
      R"({"dims":["3","2"],"strides":["1","3"],"dataType":"FLOAT","data":{"key":"tensors/0"}})";
  const std::string json =
      model(scalar + "," + view,
            module(R"("parameters":[)" + parameter("s", 0) + "," + parameter("v", 1) + "]"));
  const Checkpoint checkpoint = read_archive(archive(json));
  EXPECT_THAT(tensor_called(checkpoint, "s").shape, IsEmpty());
  EXPECT_EQ(tensor_called(checkpoint, "s").offset, 5u);
  EXPECT_THAT(tensor_called(checkpoint, "v").stride, ElementsAre(1, 3));
  EXPECT_EQ(checkpoint.tensors.storages().size(), 1u);
}

TEST(TorchScriptJson, FindsAttributesInThePickle) {
  PickleBuilder pickle;
  pickle.protocol(2).mark();
  pickle.global("torch.jit._pickle", "build_tensor_from_id").integer(0).tuple1().reduce();
  pickle.integer(3).tuple().stop();
  const std::string json =
      model(kTensor, module(R"("attributes":[{"type":"Tensor","name":"buf","id":"0"},)"
                            R"({"type":"int","name":"n","id":"1"}])"));
  EXPECT_THAT(tensor_names(read_archive(archive(json, {{"attributes.pkl", pickle.bytes()}}))),
              ElementsAre("buf"));
}

TEST(TorchScriptJson, RefusesAttributesCutShort) {
  PickleBuilder pickle;
  pickle.protocol(2).mark();
  pickle.global("torch.jit._pickle", "build_tensor_from_id").integer(0).tuple1().reduce();
  pickle.tuple().stop();
  expect_refused_when_cut(as_text(pickle.bytes()), [&](const std::string& part) {
    return archive(model(kTensor, module("")), {{"attributes.pkl", part}});
  });
}

TEST(TorchScriptJson, TakesAQuantizedTensorApart) {
  const std::string tensor =
      R"({"dims":["2"],"offset":"0","strides":["1"],"dataType":"UINT8","data":{"key":"tensors/0"},)"
      R"("isQuantized":true,"scale":0.5,"zeroPoint":"3"})";
  const Checkpoint checkpoint = read_archive(archive(model(tensor, one_parameter())));
  EXPECT_THAT(tensor_names(checkpoint), ElementsAre("w", "w.scale", "w.zero_point"));
  EXPECT_EQ(tensor_called(checkpoint, "w").dtype, DType::QUInt8);
  EXPECT_EQ(storage_bytes(checkpoint, "w.scale"), std::string("\0\0\0\0\0\0\xe0\x3f", 8));
  EXPECT_EQ(storage_bytes(checkpoint, "w.zero_point"), std::string("\3\0\0\0\0\0\0\0", 8));
}

}  // namespace
}  // namespace unbrine
