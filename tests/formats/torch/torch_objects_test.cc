#include "formats/torch/torch_objects.h"

#include <gmock/gmock.h>

#include "tests/formats/torch/interpreted.h"

namespace unbrine {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Tensor only_tensor(const PickleBuilder& pickle) {
  const Checkpoint checkpoint = interpreted(pickle);
  EXPECT_EQ(checkpoint.tensors.tensors().size(), 1u);
  EXPECT_TRUE(checkpoint.graph.is(checkpoint.root, NodeKind::Tensor));
  return checkpoint.tensors.tensors().at(0);
}

PickleBuilder tensor() {
  PickleBuilder pickle;
  return pickle.tensor_v2("FloatStorage", "0", 6, 0, {2, 3}, {3, 1});
}

PickleBuilder view_arguments(std::string_view storage_class = "FloatStorage") {
  PickleBuilder pickle;
  return pickle.storage(storage_class, "0", 8).integer(0).int_tuple({2}).int_tuple({1});
}

TEST(TorchObjects, RefusesTheWrongNumberOfArguments) {
  const Error error = interpret_refusal(torch_call("_rebuild_tensor_v2", view_arguments()));
  EXPECT_EQ(error.code(), ErrorCode::Corrupt);
  EXPECT_THAT(error.what(), HasSubstr("(call of torch._utils._rebuild_tensor_v2): 4 arguments, "
                                      "expected 6 to 7"));
}

TEST(TorchObjects, RefusesSizesThatAreNoCounts) {
  const auto with_size = [](const PickleBuilder& size) {
    PickleBuilder arguments;
    arguments.storage("FloatStorage", "0", 8).integer(0).raw(size).int_tuple({1});
    return torch_call("_rebuild_tensor", arguments);
  };
  EXPECT_THAT(interpret_refusal(with_size(PickleBuilder().binfloat(2.0).tuple1())).what(),
              HasSubstr("size is not an integer"));
  EXPECT_THAT(interpret_refusal(with_size(PickleBuilder().integer(-2).tuple1())).what(),
              HasSubstr("size is negative: -2"));
  EXPECT_THAT(interpret_refusal(with_size(PickleBuilder().none())).what(),
              HasSubstr("not a tuple"));
  EXPECT_THAT(
      interpret_refusal(with_size(PickleBuilder().long1(std::string(9, '\x7f')).tuple1())).what(),
      HasSubstr("not an integer"));
}

TEST(TorchObjects, RefusesAStorageThatIsNone) {
  PickleBuilder arguments;
  arguments.none().integer(0).int_tuple({2}).int_tuple({1});
  EXPECT_THAT(interpret_refusal(torch_call("_rebuild_tensor", arguments)).what(),
              HasSubstr("is no storage"));
}

TEST(TorchObjects, RefusesAViewOutsideItsStorage) {
  PickleBuilder arguments;
  arguments.storage("FloatStorage", "key", 8).integer(7).int_tuple({2}).int_tuple({1});
  EXPECT_THAT(interpret_refusal(torch_call("_rebuild_tensor", arguments)).what(),
              HasSubstr("needs 36 bytes of storage 'key', which has 32"));
}

TEST(TorchObjects, RefusesAnUntypedStorageWithoutADtype) {
  EXPECT_THAT(
      interpret_refusal(torch_call("_rebuild_tensor", view_arguments("UntypedStorage"))).what(),
      HasSubstr("untyped"));
}

TEST(TorchObjects, RefusesPersistentIdsOfAnotherShape) {
  const auto id = [](const PickleBuilder& parts) {
    return PickleBuilder().mark().raw(parts).tuple().binpersid();
  };
  EXPECT_THAT(interpret_refusal(id(PickleBuilder().string("other"))).what(),
              HasSubstr("kind is 'other'"));
  EXPECT_THAT(interpret_refusal(id(PickleBuilder().string("storage"))).what(),
              HasSubstr("it has 1 items"));
  EXPECT_THAT(interpret_refusal(id(PickleBuilder())).what(), HasSubstr("it is empty"));
  EXPECT_THAT(interpret_refusal(PickleBuilder().persid("storage")).what(),
              HasSubstr("it is no tuple"));
  PickleBuilder negative;
  negative.string("storage").global("torch", "FloatStorage").string("0").string("cpu").integer(-1);
  EXPECT_THAT(interpret_refusal(id(negative)).what(), HasSubstr("numel is not a count"));
  PickleBuilder huge;
  huge.string("storage").global("torch", "DoubleStorage").string("0").string("cpu");
  huge.integer(INT64_MAX);
  EXPECT_THAT(interpret_refusal(id(huge)).what(), HasSubstr("do not fit 64 bits"));
  PickleBuilder unknown;
  unknown.string("storage").global("torch", "OddStorage").string("0").string("cpu").integer(1);
  EXPECT_EQ(interpret_refusal(id(unknown)).code(), ErrorCode::Unsupported);
}

TEST(TorchObjects, ReadsEveryStorageClass) {
  for (const DTypeInfo& row : dtype_table()) {
    if (row.storage_class.empty()) continue;
    EXPECT_EQ(only_tensor(torch_call("_rebuild_tensor", view_arguments(row.storage_class))).dtype,
              row.dtype);
  }
}

TEST(TorchObjects, TakesTheDtypeOfVersion3FromItsArgument) {
  for (const DTypeInfo& row : dtype_table()) {
    if (row.torch_name.empty()) continue;
    PickleBuilder arguments;
    arguments.storage("UntypedStorage", "0", 64).integer(1).int_tuple({2}).int_tuple({1});
    arguments.newfalse().ordered_dict().global("torch", row.torch_name);
    EXPECT_EQ(only_tensor(torch_call("_rebuild_tensor_v3", arguments)).dtype, row.dtype);
  }
}

TEST(TorchObjects, ReadsOffsetShapeStrideAndGradient) {
  PickleBuilder arguments;
  arguments.storage("FloatStorage", "0", 100).integer(5).int_tuple({3, 4}).int_tuple({1, 10});
  arguments.newtrue().ordered_dict();
  const Tensor tensor = only_tensor(torch_call("_rebuild_tensor_v2", arguments));
  EXPECT_EQ(tensor.offset, 5u);
  EXPECT_THAT(tensor.shape, ElementsAre(3, 4));
  EXPECT_THAT(tensor.stride, ElementsAre(1, 10));
  EXPECT_TRUE(tensor.requires_grad);
}

TEST(TorchObjects, ReadsConjAndNegFromTheMetadata) {
  PickleBuilder arguments = view_arguments("ComplexFloatStorage");
  arguments.newfalse().ordered_dict();
  arguments.empty_dict().string("conj").newtrue().setitem().string("neg").newtrue().setitem();
  const Tensor tensor = only_tensor(torch_call("_rebuild_tensor_v2", arguments));
  EXPECT_TRUE(tensor.conj);
  EXPECT_TRUE(tensor.neg);
}

TEST(TorchObjects, RefusesMetadataThatItDoesNotKnow) {
  PickleBuilder arguments = view_arguments();
  arguments.newfalse().ordered_dict().empty_dict().string("scale").integer(2).setitem();
  EXPECT_EQ(interpret_refusal(torch_call("_rebuild_tensor_v2", arguments)).code(),
            ErrorCode::Unsupported);
}

TEST(TorchObjects, AcceptsTrueAsOneAndASizeObjectAsATuple) {
  PickleBuilder arguments;
  arguments.storage("FloatStorage", "0", 8).newtrue();
  arguments.raw(torch_call("Size", PickleBuilder().int_tuple({3}), "torch"))
      .mark()
      .integer(2)
      .list();
  const Tensor tensor = only_tensor(torch_call("_rebuild_tensor", arguments));
  EXPECT_EQ(tensor.offset, 1u);
  EXPECT_THAT(tensor.shape, ElementsAre(3));
  EXPECT_THAT(tensor.stride, ElementsAre(2));
}

TEST(TorchObjects, SeesThroughParameters) {
  PickleBuilder arguments = tensor();
  arguments.newtrue().ordered_dict();
  EXPECT_THAT(only_tensor(torch_call("_rebuild_parameter", arguments)).shape, ElementsAre(2, 3));
  arguments.empty_dict();
  EXPECT_THAT(only_tensor(torch_call("_rebuild_parameter_with_state", arguments)).shape,
              ElementsAre(2, 3));
}

TEST(TorchObjects, SeesThroughAParameterClass) {
  PickleBuilder by_reduce = torch_call("Parameter", tensor(), "torch.nn.parameter");
  EXPECT_THAT(only_tensor(by_reduce).shape, ElementsAre(2, 3));
  PickleBuilder by_newobj;
  by_newobj.global("torch.nn.parameter", "Parameter").empty_tuple().newobj();
  by_newobj.mark().raw(tensor()).newtrue().ordered_dict().tuple().build();
  EXPECT_THAT(only_tensor(by_newobj).shape, ElementsAre(2, 3));
}

TEST(TorchObjects, BuildsAParameterFromItsStorage) {
  PickleBuilder pickle;
  pickle.global("torch.nn.parameter", "Parameter").empty_tuple().newobj();
  pickle.mark().raw(view_arguments()).tuple().build();
  EXPECT_THAT(only_tensor(pickle).shape, ElementsAre(2));
}

TEST(TorchObjects, EndsAParameterThatHoldsItself) {
  PickleBuilder pickle;
  pickle.global("torch.nn.parameter", "Parameter").empty_tuple().newobj().binput(0);
  pickle.mark().binget(0).newtrue().ordered_dict().tuple().build();
  EXPECT_EQ(interpret_refusal(pickle).code(), ErrorCode::Limit);
}

TEST(TorchObjects, BuildsTheTensorClassesOfOldTorch) {
  PickleBuilder pickle;
  pickle.global("torch", "FloatTensor").empty_tuple().newobj();
  pickle.mark().raw(view_arguments()).tuple().build();
  EXPECT_THAT(only_tensor(pickle).shape, ElementsAre(2));
}

// _rebuild_from_type_v2(func, cls, args, state)
PickleBuilder from_type(const PickleBuilder& function, const PickleBuilder& arguments,
                        const PickleBuilder& state, std::string_view name = "Tagged") {
  PickleBuilder all;
  all.raw(function).global("mine", name).mark().raw(arguments).tuple().raw(state);
  return torch_call("_rebuild_from_type_v2", all, "torch._tensor");
}

PickleBuilder rebuild(std::string_view name) {
  PickleBuilder pickle;
  return pickle.global("torch._utils", name);
}

PickleBuilder whole_view_arguments() {
  PickleBuilder arguments = view_arguments();
  return arguments.newfalse().ordered_dict();
}

TEST(TorchObjects, SeesThroughASubclassToItsTensor) {
  const PickleBuilder pickle =
      from_type(rebuild("_rebuild_tensor_v2"), whole_view_arguments(), PickleBuilder().none());
  EXPECT_THAT(only_tensor(pickle).shape, ElementsAre(2));
}

TEST(TorchObjects, SeesThroughASubclassOfASubclass) {
  PickleBuilder inner;
  inner.raw(rebuild("_rebuild_tensor_v2")).global("mine", "Tagged");
  inner.mark().raw(whole_view_arguments()).tuple().none();
  const PickleBuilder outer =
      from_type(PickleBuilder().global("torch._tensor", "_rebuild_from_type_v2"), inner,
                PickleBuilder().none());
  EXPECT_TRUE(
      interpreted(outer).graph.is(interpreted(outer).root, NodeKind::Call));  // torch writes none
}

TEST(TorchObjects, LeavesASubclassMadeByAnotherFunctionAsARecord) {
  const Checkpoint checkpoint = interpreted(from_type(
      PickleBuilder().global("mine", "make"), whole_view_arguments(), PickleBuilder().none()));
  EXPECT_TRUE(checkpoint.graph.is(checkpoint.root, NodeKind::Call));
}

PickleBuilder wrapper_arguments(int64_t size) {
  PickleBuilder arguments;
  arguments.global("mine", "DTensor").global("torch", "float32").int_tuple({size});
  return arguments.int_tuple({1}).integer(0).none().none().newfalse();
}

PickleBuilder distributed(int64_t size) {
  PickleBuilder state;
  state.empty_dict().string("_local_tensor");
  state.raw(torch_call("_rebuild_tensor_v2", whole_view_arguments())).setitem();
  return from_type(rebuild("_rebuild_wrapper_subclass"), wrapper_arguments(size), state, "DTensor");
}

TEST(TorchObjects, TakesTheLocalPartOfADistributedTensor) {
  const Checkpoint checkpoint = interpreted(distributed(2));
  EXPECT_TRUE(checkpoint.graph.is(checkpoint.root, NodeKind::Tensor));
  EXPECT_THAT(checkpoint.notes, IsEmpty());
}

TEST(TorchObjects, SaysThatADistributedTensorIsOnlyAPart) {
  EXPECT_THAT(interpreted(distributed(4)).notes, ElementsAre(HasSubstr("part of its own rank")));
}

TEST(TorchObjects, TakesTensorsOfOtherDevicesFromNumpyOrTheCpu) {
  PickleBuilder array;
  array.global("numpy.core.multiarray", "_reconstruct").global("numpy", "ndarray");
  array.int_tuple({0}).short_binbytes("b").tuple3().reduce();
  array.mark().integer(1).int_tuple({2}).global("numpy", "dtype");
  array.string("u1").integer(0).integer(1).tuple3().reduce();
  array.newfalse().short_binbytes("ab").tuple().build();
  const auto rest = [](PickleBuilder data) {
    return data.global("torch", "uint8").string("xla:0").newfalse();
  };
  for (const char* name : {"_rebuild_device_tensor_from_numpy", "_rebuild_xla_tensor"}) {
    const Checkpoint checkpoint = interpreted(torch_call(name, rest(array)));
    ASSERT_TRUE(checkpoint.graph.is(checkpoint.root, NodeKind::Tensor)) << name;
    EXPECT_EQ(checkpoint.tensors.tensors()[0].dtype, DType::U8);
  }
  EXPECT_THAT(
      only_tensor(torch_call("_rebuild_device_tensor_from_cpu_tensor", rest(tensor()))).shape,
      ElementsAre(2, 3));
}

TEST(TorchObjects, LeavesFunctionsThatItDoesNotKnowAsRecordsAndSaysSo) {
  const Checkpoint checkpoint = interpreted(torch_call("_rebuild_odd_tensor", view_arguments()));
  EXPECT_TRUE(checkpoint.graph.is(checkpoint.root, NodeKind::Call));
  EXPECT_THAT(checkpoint.tensors.tensors(), IsEmpty());
  EXPECT_THAT(checkpoint.notes,
              ElementsAre("1 tensor made by torch._utils._rebuild_odd_tensor, which is not known: "
                          "kept as a record"));
}

}  // namespace
}  // namespace unbrine
