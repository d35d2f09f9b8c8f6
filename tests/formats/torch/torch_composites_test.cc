#include "formats/torch/torch_composites.h"

#include <gmock/gmock.h>

#include <cstring>

#include "tests/formats/torch/interpreted.h"

namespace unbrine {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

PickleBuilder tensor(std::string_view storage_class, std::string_view key, int64_t size) {
  PickleBuilder pickle;
  return pickle.tensor_v2(storage_class, key, size, 0, {size}, {1});
}

std::vector<std::string> roles(const Checkpoint& checkpoint) {
  std::vector<std::string> list;
  for (const CompositePart& part : checkpoint.graph.composite(checkpoint.root).parts)
    list.emplace_back(part.role);
  return list;
}

const Tensor& part(const Checkpoint& checkpoint, std::string_view role) {
  for (const CompositePart& part : checkpoint.graph.composite(checkpoint.root).parts)
    if (part.role == role) return checkpoint.tensors.tensors()[checkpoint.graph.index(part.tensor)];
  fail(ErrorCode::Usage, "no part ", role);
}

template <class Number>
std::vector<Number> values(const Checkpoint& checkpoint, std::string_view role) {
  const Storage& storage = checkpoint.tensors.storage_of(part(checkpoint, role));
  const std::vector<uint8_t> bytes = storage.source->read_all(storage.offset, storage.size);
  std::vector<Number> list(bytes.size() / sizeof(Number));
  std::memcpy(list.data(), bytes.data(), bytes.size());
  return list;
}

// --- Sparse ---

PickleBuilder layout(std::string_view name) {
  return torch_call("_get_layout", PickleBuilder().string(name), "torch.serialization");
}

PickleBuilder sparse(std::string_view name, const PickleBuilder& data) {
  PickleBuilder arguments = layout(name);
  return torch_call("_rebuild_sparse_tensor", arguments.mark().raw(data).tuple());
}

PickleBuilder coo_data() {
  PickleBuilder data;
  data.tensor_v2("LongStorage", "0", 4, 0, {2, 2}, {2, 1}).raw(tensor("FloatStorage", "1", 2));
  return data.int_tuple({4, 4});
}

PickleBuilder compressed_data() {
  PickleBuilder data = tensor("LongStorage", "0", 3);
  data.raw(tensor("LongStorage", "1", 2)).raw(tensor("FloatStorage", "2", 2));
  return data.int_tuple({2, 2});
}

TEST(TorchComposites, RefusesSparseDataOfTheWrongLength) {
  EXPECT_THAT(interpret_refusal(sparse("torch.sparse_coo", tensor("FloatStorage", "0", 1))).what(),
              HasSubstr("its data has 1 items, expected 3 or 4"));
  EXPECT_THAT(interpret_refusal(sparse("torch.sparse_csr", coo_data())).what(),
              HasSubstr("expected 4"));
}

TEST(TorchComposites, RefusesSparsePartsThatAreNoTensors) {
  PickleBuilder data;
  data.integer(1).raw(tensor("FloatStorage", "1", 2)).int_tuple({4});
  EXPECT_THAT(interpret_refusal(sparse("torch.sparse_coo", data)).what(),
              HasSubstr("is no tensor"));
}

TEST(TorchComposites, RefusesALayoutThatIsNotKnown) {
  EXPECT_EQ(interpret_refusal(sparse("torch.sparse_odd", coo_data())).code(),
            ErrorCode::Unsupported);
  PickleBuilder arguments;
  arguments.integer(1).mark().raw(coo_data()).tuple();
  EXPECT_THAT(interpret_refusal(torch_call("_rebuild_sparse_tensor", arguments)).what(),
              HasSubstr("no layout"));
}

TEST(TorchComposites, BoundsTheDimensions) {
  PickleBuilder data;
  data.tensor_v2("LongStorage", "0", 4, 0, {2, 2}, {2, 1}).raw(tensor("FloatStorage", "1", 2));
  data.int_tuple(std::vector<int64_t>(65, 1));
  EXPECT_THAT(interpret_refusal(sparse("torch.sparse_coo", data)).what(), HasSubstr("max_rank"));
}

TEST(TorchComposites, ReadsSparseCooWithAndWithoutItsFlag) {
  const Checkpoint old = interpreted(sparse("torch.sparse_coo", coo_data()));
  EXPECT_THAT(roles(old), ElementsAre("indices", "values"));
  EXPECT_THAT(old.graph.composite(old.root).shape, ElementsAre(4, 4));
  EXPECT_THAT(roles(interpreted(sparse("torch.sparse_coo", coo_data().newtrue()))),
              ElementsAre("indices", "values"));
}

TEST(TorchComposites, ReadsTheCompressedSparseLayouts) {
  for (const char* rows : {"torch.sparse_csr", "torch.sparse_bsr"})
    EXPECT_THAT(roles(interpreted(sparse(rows, compressed_data()))),
                ElementsAre("crow_indices", "col_indices", "values"));
  for (const char* columns : {"torch.sparse_csc", "torch.sparse_bsc"})
    EXPECT_THAT(roles(interpreted(sparse(columns, compressed_data()))),
                ElementsAre("ccol_indices", "row_indices", "values"));
}

// --- Quantized ---

PickleBuilder quantized(const PickleBuilder& scheme,
                        std::string_view storage_class = "QInt8Storage", int64_t bytes = 6) {
  PickleBuilder arguments;
  arguments.storage(storage_class, "q", bytes).integer(0).int_tuple({2, 3}).int_tuple({3, 1});
  arguments.mark().raw(scheme).tuple().newfalse().ordered_dict();
  return torch_call("_rebuild_qtensor", arguments);
}

PickleBuilder per_tensor() {
  PickleBuilder scheme;
  return scheme.global("torch", "per_tensor_affine").binfloat(0.5).integer(3);
}

PickleBuilder per_channel_lists(std::string_view name = "per_channel_affine") {
  PickleBuilder scheme;
  scheme.global("torch", name).mark().binfloat(0.5).binfloat(2.0).list();
  return scheme.mark().integer(1).integer(-2).list().integer(0);
}

TEST(TorchComposites, RefusesAQuantizerOfTheWrongShape) {
  EXPECT_THAT(interpret_refusal(quantized(PickleBuilder())).what(), HasSubstr("no scheme"));
  EXPECT_THAT(
      interpret_refusal(quantized(PickleBuilder().global("torch", "per_tensor_affine"))).what(),
      HasSubstr("has 1 items, expected 3"));
  EXPECT_THAT(
      interpret_refusal(quantized(PickleBuilder().global("torch", "per_channel_affine"))).what(),
      HasSubstr("has 1 items, expected 4"));
  EXPECT_EQ(interpret_refusal(quantized(PickleBuilder().global("torch", "odd"))).code(),
            ErrorCode::Unsupported);
}

TEST(TorchComposites, RefusesQuantizerNumbersOfAnotherKind) {
  PickleBuilder scheme;
  scheme.global("torch", "per_tensor_affine").string("x").integer(3);
  EXPECT_THAT(interpret_refusal(quantized(scheme)).what(), HasSubstr("no integer"));
}

TEST(TorchComposites, RefusesAnUntypedQuantizedStorage) {
  EXPECT_THAT(interpret_refusal(quantized(per_tensor(), "UntypedStorage")).what(),
              HasSubstr("untyped"));
}

TEST(TorchComposites, ReadsATensorQuantizedAsAWhole) {
  const Checkpoint checkpoint = interpreted(quantized(per_tensor()));
  EXPECT_THAT(roles(checkpoint), ElementsAre("", "scale", "zero_point"));
  EXPECT_EQ(part(checkpoint, "").dtype, DType::QInt8);
  EXPECT_THAT(part(checkpoint, "").shape, ElementsAre(2, 3));
  EXPECT_THAT(part(checkpoint, "scale").shape, IsEmpty());
  EXPECT_THAT(values<double>(checkpoint, "scale"), ElementsAre(0.5));
  EXPECT_THAT(values<int64_t>(checkpoint, "zero_point"), ElementsAre(3));
}

TEST(TorchComposites, ReadsChannelsWhoseNumbersAreLists) {
  const Checkpoint checkpoint = interpreted(quantized(per_channel_lists()));
  EXPECT_THAT(roles(checkpoint), ElementsAre("", "scale", "zero_point", "axis"));
  EXPECT_THAT(values<double>(checkpoint, "scale"), ElementsAre(0.5, 2.0));
  EXPECT_THAT(values<int64_t>(checkpoint, "zero_point"), ElementsAre(1, -2));
  EXPECT_THAT(values<int64_t>(checkpoint, "axis"), ElementsAre(0));
}

TEST(TorchComposites, ReadsFloatParametersOfChannelsAsFloats) {
  const Checkpoint checkpoint =
      interpreted(quantized(per_channel_lists("per_channel_affine_float_qparams")));
  EXPECT_THAT(values<float>(checkpoint, "scale"), ElementsAre(0.5f, 2.0f));
  EXPECT_THAT(values<float>(checkpoint, "zero_point"), ElementsAre(1.0f, -2.0f));
}

TEST(TorchComposites, KeepsThePackedBytesOfNarrowIntegers) {
  const Checkpoint checkpoint = interpreted(quantized(per_tensor(), "QUInt4x2Storage", 3));
  EXPECT_THAT(part(checkpoint, "").shape, ElementsAre(3));
  EXPECT_THAT(checkpoint.graph.composite(checkpoint.root).shape, ElementsAre(2, 3));
}

// --- Nested ---

TEST(TorchComposites, ReadsNestedTensorsOfTheStridedKind) {
  PickleBuilder arguments = tensor("FloatStorage", "0", 9);
  arguments.raw(tensor("LongStorage", "1", 4)).raw(tensor("LongStorage", "2", 4));
  arguments.raw(tensor("LongStorage", "3", 2));
  EXPECT_THAT(roles(interpreted(torch_call("_rebuild_nested_tensor", arguments))),
              ElementsAre("values", "sizes", "strides", "offsets"));
}

PickleBuilder jagged(const PickleBuilder& entries) {
  PickleBuilder state;
  state.empty_dict().mark().raw(entries).setitems();
  return torch_call("_rebuild_njt", state, "torch.nested._internal.nested_tensor");
}

TEST(TorchComposites, RefusesAJaggedTensorWithoutOffsets) {
  PickleBuilder entries;
  entries.string("values").raw(tensor("FloatStorage", "0", 9));
  EXPECT_THAT(interpret_refusal(jagged(entries)).what(), HasSubstr("no values and offsets"));
}

TEST(TorchComposites, ReadsJaggedTensorsWithAndWithoutLengths) {
  PickleBuilder entries;
  entries.string("values").raw(tensor("FloatStorage", "0", 9));
  entries.string("offsets").raw(tensor("LongStorage", "1", 3));
  EXPECT_THAT(roles(interpreted(jagged(entries))), ElementsAre("values", "offsets"));
  entries.string("lengths").raw(tensor("LongStorage", "2", 2));
  EXPECT_THAT(roles(interpreted(jagged(entries))), ElementsAre("values", "offsets", "lengths"));
}

// --- Without data ---

TEST(TorchComposites, ReportsMetaTensorsOnceHoweverWrapped) {
  PickleBuilder meta;
  meta.global("torch", "float32").int_tuple({2}).int_tuple({1}).newfalse();
  PickleBuilder arguments = torch_call("_rebuild_meta_tensor_no_storage", meta);
  arguments.newtrue().ordered_dict();
  const Checkpoint checkpoint = interpreted(torch_call("_rebuild_parameter", arguments));
  EXPECT_THAT(roles(checkpoint), IsEmpty());
  EXPECT_THAT(checkpoint.graph.composite(checkpoint.root).shape, ElementsAre(2));
  EXPECT_THAT(checkpoint.notes, ElementsAre(HasSubstr("1 tensor on the meta device")));
}

TEST(TorchComposites, ReportsParametersThatAreNotInitialised) {
  const Checkpoint checkpoint = interpreted(
      torch_call("UninitializedParameter", PickleBuilder().newtrue(), "torch.nn.parameter"));
  EXPECT_THAT(checkpoint.notes, ElementsAre(HasSubstr("not initialised")));
}

}  // namespace
}  // namespace unbrine
