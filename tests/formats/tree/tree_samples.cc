#include "tests/formats/tree/tree_samples.h"

#include <limits>

#include "tests/formats/numpy/numpy_pickles.h"
#include "tests/formats/torch/interpreted.h"
#include "tests/formats/tree/tree_folder.h"

namespace unbrine {
namespace {

using namespace std::string_view_literals;

PickleBuilder pickle() { return {}; }

// A pickle as Python wrote it, with protocol and STOP.
PickleBuilder python(std::string_view bytes) {
  bytes.remove_suffix(1);
  if (bytes.starts_with('\x80')) bytes.remove_prefix(2);
  if (bytes.starts_with('\x95')) bytes.remove_prefix(9);
  return pickle().raw(bytes);
}

PickleBuilder floats(std::string_view key = "0", int64_t size = 2) {
  return pickle().tensor_v2("FloatStorage", key, size, 0, {size}, {1});
}

// Of the storage in memo slot 0.
PickleBuilder view_of_memo() {
  PickleBuilder args;
  args.binget(0).integer(0).int_tuple({2}).int_tuple({1}).newfalse();
  return torch_call("_rebuild_tensor_v2", args.ordered_dict());
}

PickleBuilder class_call(std::string_view module, std::string_view name,
                         const PickleBuilder& args = {}) {
  return pickle().global(module, name).mark().raw(args).tuple().reduce();
}

PickleBuilder v3(std::string_view dtype, int64_t size) {
  PickleBuilder args;
  args.mark().string("storage").global("torch", "UntypedStorage").string("0").string("cpu");
  args.integer(size).tuple().binpersid().integer(0).int_tuple({2}).int_tuple({1}).newfalse();
  return torch_call("_rebuild_tensor_v3", args.ordered_dict().global("torch", dtype));
}

PickleBuilder quantized() {
  PickleBuilder args;
  args.storage("QInt8Storage", "0", 2).integer(0).int_tuple({2}).int_tuple({1}).mark();
  args.global("torch", "per_tensor_affine").binfloat(0.5).integer(3).tuple().newfalse();
  return torch_call("_rebuild_qtensor", args.ordered_dict());
}

PickleBuilder sparse() {
  PickleBuilder args =
      torch_call("_get_layout", pickle().string("torch.sparse_coo"), "torch.serialization");
  args.mark().tensor_v2("LongStorage", "0", 2, 0, {1, 2}, {2, 1}).raw(floats("1"));
  return torch_call("_rebuild_sparse_tensor", args.int_tuple({4}).tuple());
}

PickleBuilder parameter(const PickleBuilder& data, bool requires_grad) {
  PickleBuilder args = data;
  requires_grad ? args.newtrue() : args.newfalse();
  return torch_call("_rebuild_parameter", args.ordered_dict());
}

PickleBuilder parameter_with_state() {
  PickleBuilder args = floats();
  args.newtrue().ordered_dict().empty_dict().string("tag").string("x").setitem();
  return torch_call("_rebuild_parameter_with_state", args);
}

PickleBuilder subclass() {
  PickleBuilder args;
  args.global("torch._utils", "_rebuild_tensor_v2").global("lib", "Sub").mark();
  args.storage("FloatStorage", "0", 2).integer(0).int_tuple({2}).int_tuple({1}).newfalse();
  args.ordered_dict().tuple().empty_dict().string("a").integer(1).setitem();
  return torch_call("_rebuild_from_type_v2", args, "torch._tensor");
}

PickleBuilder meta() {
  PickleBuilder args;
  args.global("torch", "float16").int_tuple({2, 3}).int_tuple({3, 1}).newfalse();
  return torch_call("_rebuild_meta_tensor_no_storage", args);
}

PickleBuilder masked() {
  PickleBuilder args;
  args.global("numpy.ma.core", "MaskedArray").global("numpy", "ndarray").int_tuple({0});
  PickleBuilder array = class_call("numpy.ma.core", "_mareconstruct", args.short_binbytes("b"));
  array.mark().integer(1).int_tuple({2}).raw(dtype("i2")).newfalse().binbytes("abcd");
  return array.binbytes({"\0\1", 2}).integer(7).tuple().build();
}

std::string at(std::string_view name) {
  return R"("file":"model.safetensors","name":")" + std::string(name) + "\"";
}

std::string tensor_at(std::string_view name, std::string_view more = "") {
  return R"({"$tensor":{)" + at(name) + std::string(more) + "}}";
}

constexpr std::string_view kParameterClass = R"(,"class":["torch.nn.parameter","Parameter"])";

PickleBuilder scalar(std::string_view code, std::string_view order, std::string_view bytes) {
  PickleBuilder args = dtype(code, order);
  return class_call("numpy._core.multiarray", "scalar", args.binbytes(bytes));
}

std::string scalar_text(std::string_view dtype, std::string_view value) {
  return R"({"$scalar":{"dtype":")" + std::string(dtype) + R"(","value":)" + std::string(value) +
         "}}";
}

// The pickle of a 70-character string.
PickleBuilder long_text() { return pickle().string(std::string(70, 'x')); }

}  // namespace

std::vector<TreeSample> scalar_samples() {
  return {
      {"None", pickle().none(), "null"},
      {"True", pickle().newtrue(), "true"},
      {"Int", pickle().integer(-5), "-5"},
      {"LargestExactInt", pickle().long1({"\0\0\0\0\0\0\x20", 7}), "9007199254740992"},
      {"IntBeyondDoubles", pickle().long1({"\1\0\0\0\0\0\x20", 7}),
       R"({"$int":"9007199254740993"})"},
      {"NegativeIntBeyondDoubles", pickle().long1({"\xff\xff\xff\xff\xff\xff\xdf", 7}),
       R"({"$int":"-9007199254740993"})"},
      {"BigInt", pickle().long_line("123456789012345678901234567890L"),
       R"({"$int":"123456789012345678901234567890"})"},
      {"Float", pickle().binfloat(0.1), "0.1"},
      {"WholeFloat", pickle().binfloat(1), "1.0"},
      {"NegativeZero", pickle().binfloat(-0.0), "-0.0"},
      {"LargeFloat", pickle().binfloat(1e22), "1e+22"},
      {"Infinity", pickle().binfloat(std::numeric_limits<double>::infinity()),
       R"({"$float":"inf"})"},
      {"NaN", pickle().raw("G\x7f\xf8\0\0\0\0\0\0"sv), R"({"$float":"nan"})"},
      {"NaNWithPayload", pickle().raw("G\xff\xf8\0\0\0\0\0\1"sv),
       R"({"$float":"0xfff8000000000001"})"},
      {"Text", pickle().string("h\xc3\xa9\n"), "\"h\xc3\xa9\\n\""},
      {"LoneSurrogate", pickle().string("a\xed\xa0\x80"), R"({"$str":"Ye2ggA=="})"},
      {"AsciiByteString", pickle().short_binstring("abc"), "\"abc\""},
      {"ByteString", pickle().short_binstring("a\xff"), R"({"$bytes":"Yf8="})"},
      {"Bytes", pickle().short_binbytes("abc\xff"), R"({"$bytes":"YWJj/w=="})"},
      {"BytesAsText", python("c_codecs\nencode\np0\n(Va\xff\np1\nVlatin1\np2\ntp3\nRp4\n."sv),
       R"({"$bytes":"Yf8="})"},
      {"NoBytes", class_call("builtins", "bytes"), R"({"$bytes":""})"},
      {"ByteArray", pickle().bytearray8("xy"), R"({"$bytearray":"eHk="})"},
      {"ByteArrayOfBytes", class_call("builtins", "bytearray", pickle().short_binbytes("xy")),
       R"({"$bytearray":"eHk="})"},
      {"Complex",
       python("\x80\x02"
              "c__builtin__\ncomplex\nq\0G?\xf0\0\0\0\0\0\0G\xc0\0\0\0\0\0\0\0\x86q\1Rq\2."sv),
       R"({"$complex":[1.0,-2.0]})"},
      {"Slice",
       python("\x80\x02"
              "c__builtin__\nslice\nq\0K\1NK\2\x87q\1Rq\2."sv),
       R"({"$slice":[1,null,2]})"},
      {"Range",
       python("\x80\4\x95 \0\0\0\0\0\0\0\x8c\x08"
              "builtins\x94\x8c\5range\x94\x93\x94K\0K\3K\1\x87\x94R\x94."sv),
       R"({"$range":[0,3,1]})"},
  };
}

std::vector<TreeSample> container_samples() {
  return {
      {"EmptyTuple", pickle().empty_tuple(), R"({"$tuple":[]})"},
      {"Tuple", pickle().integer(1).string("a").tuple2(), R"({"$tuple":[1,"a"]})"},
      {"List", pickle().empty_list().mark().integer(1).none().appends(), "[1,null]"},
      {"EmptyDict", pickle().empty_dict(), "{}"},
      {"Dict", pickle().empty_dict().string("b").integer(1).setitem().string("a").none().setitem(),
       R"({"b":1,"a":null})"},
      {"DictWithOtherKeys",
       pickle().empty_dict().mark().integer(1).string("a").string("b").none().setitems(),
       R"({"$dict":[[1,"a"],["b",null]]})"},
      {"DictWithDollarKey", pickle().empty_dict().string("$a").integer(1).setitem(),
       R"({"$dict":[["$a",1]]})"},
      {"DictWithSurrogateKey", pickle().empty_dict().string("\xed\xa0\x80").none().setitem(),
       R"({"$dict":[[{"$str":"7aCA"},null]]})"},
      {"DictWithEmptyKey", pickle().empty_dict().string("").none().setitem(), R"({"":null})"},
      {"Set", pickle().empty_set().mark().integer(3).additems(), R"({"$set":[3]})"},
      {"SetOfProtocol2",
       python("\x80\x02"
              "c__builtin__\nset\nq\0]q\1K\3a\x85q\2Rq\3."sv),
       R"({"$set":[3]})"},
      {"SetWithAttributes",
       class_call("lib", "x")
           .pop()
           .raw(class_call("builtins", "set"))
           .empty_dict()
           .string("k")
           .integer(1)
           .setitem()
           .build(),
       R"({"$set":[],"attrs":{"k":1}})"},
      {"FrozenSet", pickle().mark().integer(4).frozenset(), R"({"$frozenset":[4]})"},
      {"FrozenSetOfProtocol3",
       python("\x80\3"
              "cbuiltins\nfrozenset\nq\0]q\1K\4a\x85q\2Rq\3."sv),
       R"({"$frozenset":[4]})"},
      {"OrderedDict", pickle().ordered_dict().string("a").integer(1).setitem(),
       R"({"$odict":{"a":1}})"},
      {"OrderedDictOfPairs",
       class_call("collections", "OrderedDict",
                  pickle().empty_list().mark().integer(1).string("a").tuple2().appends()),
       R"({"$odict":{"$dict":[[1,"a"]]}})"},
      {"OrderedDictWithAttributes",
       pickle().ordered_dict().empty_dict().string("_metadata").ordered_dict().setitem().build(),
       R"({"$odict":{},"attrs":{"_metadata":{"$odict":{}}}})"},
      {"DefaultDict",
       python("\x80\x02"
              "ccollections\ndefaultdict\nq\0c__builtin__\nlist\nq\1\x85q\2Rq\3"
              "X\1\0\0\0xq\4]q\5K\1as."sv),
       R"({"$defaultdict":[["x",[1]]],"factory":{"$global":["__builtin__","list"]}})"},
      {"DefaultDictWithoutFactory", class_call("collections", "defaultdict"),
       R"({"$defaultdict":[]})"},
      {"Counter",
       python("\x80\4\x95/\0\0\0\0\0\0\0\x8c\x0b"
              "collections\x94\x8c\7Counter\x94\x93\x94}\x94"
              "(\x8c\1a\x94K\2\x8c\1b\x94K\1u\x85\x94R\x94."sv),
       R"({"$counter":[["a",2],["b",1]]})"},
      {"Deque",
       python("\x80\x02"
              "ccollections\ndeque\nq\0)K\5\x86q\1Rq\2(K\1K\2e."sv),
       R"({"$deque":[1,2],"maxlen":5})"},
      {"DequeWithoutBound", class_call("collections", "deque", pickle().empty_list()),
       R"({"$deque":[]})"},
      {"SizeOfTensor", class_call("torch", "Size", pickle().int_tuple({2, 3})),
       R"({"$size":[2,3]})"},
      {"CyclicList", pickle().empty_list().memoize().integer(1).append().binget(0).append(),
       R"({"$ref":0})", R"([[1,{"$ref":0}]])"},
      {"CyclicTuple", python("\x80\x02]q\0h\0\x85q\1a0h\1."sv), R"({"$ref":0})",
       R"([{"$tuple":[[{"$ref":0}]]}])"},
      {"CyclicOrderedDict", pickle().ordered_dict().memoize().string("self").binget(0).setitem(),
       R"({"$ref":0})", R"([{"$odict":{"self":{"$ref":0}}}])"},
      {"CycleThroughAttributes",
       pickle()
           .ordered_dict()
           .memoize()
           .none()
           .empty_dict()
           .string("me")
           .binget(0)
           .setitem()
           .tuple2()
           .build(),
       R"({"$ref":0})", R"([{"$odict":{},"attrs":{"$tuple":[null,{"me":{"$ref":0}}]}}])"},
      {"LongKeyMetTwice",
       pickle()
           .raw(long_text())
           .memoize()
           .pop()
           .empty_list()
           .mark()
           .empty_dict()
           .binget(0)
           .integer(1)
           .setitem()
           .empty_dict()
           .binget(0)
           .integer(2)
           .setitem()
           .appends(),
       R"([{"$dict":[[{"$ref":0},1]]},{"$dict":[[{"$ref":0},2]]}])",
       "[\"" + std::string(70, 'x') + "\"]"},
  };
}

std::vector<TreeSample> object_samples() {
  return {
      {"Global", pickle().global("a.b", "C.d"), R"({"$global":["a.b","C.d"]})"},
      {"GlobalOfBytes", pickle().global("m\xff", "x"), R"({"$global":[{"$str":"bf8="},"x"]})"},
      {"TorchDType", pickle().global("torch", "float32"), R"({"$dtype":"float32"})"},
      {"Device", class_call("torch", "device", pickle().string("cuda").integer(1)),
       R"({"$device":"cuda:1"})"},
      {"DeviceWithoutIndex", class_call("torch", "device", pickle().string("cpu")),
       R"({"$device":"cpu"})"},
      {"NewObject",
       python("\x80\x02"
              "cargparse\nNamespace\nq\0)\x81q\1}q\2X\2\0\0\0lrq\3"
              "G?\xb9\x99\x99\x99\x99\x99\x9asb."sv),
       R"({"$object":{"class":["argparse","Namespace"],"by":"newobj","state":[{"lr":0.1}]}})"},
      {"ObjectOfAll",
       pickle()
           .global("lib", "Rich")
           .integer(1)
           .tuple1()
           .empty_dict()
           .string("k")
           .none()
           .setitem()
           .newobj_ex()
           .empty_dict()
           .build()
           .none()
           .build()
           .string("key")
           .integer(2)
           .setitem()
           .integer(3)
           .append(),
       R"({"$object":{"class":["lib","Rich"],"by":"newobj_ex","args":[1],"kwargs":{"k":null},)"
       R"("state":[{},null],"items":[["key",2]],"values":[3]}})"},
      {"ObjectOfInst", pickle().mark().integer(1).inst("lib", "Old"),
       R"({"$object":{"class":["lib","Old"],"by":"inst","args":[1]}})"},
      {"ObjectOfObj", pickle().mark().global("lib", "Old").obj(),
       R"({"$object":{"class":["lib","Old"],"by":"obj"}})"},
      {"ObjectOfCallResult", pickle().raw(class_call("lib", "make")).empty_tuple().reduce(),
       R"({"$object":{"class":{"$object":{"class":["lib","make"],"by":"reduce"}},"by":"reduce"}})"},
      {"ArgumentsMetTwice",
       pickle()
           .empty_list()
           .tuple1()
           .memoize()
           .pop()
           .empty_list()
           .mark()
           .global("lib", "A")
           .binget(0)
           .reduce()
           .global("lib", "B")
           .binget(0)
           .reduce()
           .appends(),
       R"([{"$object":{"class":["lib","A"],"by":"reduce","args":{"$ref":0}}},)"
       R"({"$object":{"class":["lib","B"],"by":"reduce","args":{"$ref":0}}}])",
       R"([{"$tuple":[[]]}])"},
      {"ArgumentsInAList", pickle().global("lib", "A").empty_list().reduce(),
       R"({"$object":{"class":["lib","A"],"by":"reduce","args":{"$ref":0}}})", "[[]]"},
      {"CounterOfANumber", class_call("collections", "Counter", pickle().integer(1)),
       R"({"$object":{"class":["collections","Counter"],"by":"reduce","args":[1]}})"},
      {"BytesOfAnotherEncoding",
       class_call("_codecs", "encode", pickle().string("a").string("utf-8")),
       R"({"$object":{"class":["_codecs","encode"],"by":"reduce","args":["a","utf-8"]}})"},
      {"ModuleId",
       class_call("lib", "x")
           .pop()
           .mark()
           .string("module")
           .global("lib", "Net")
           .string("net.py")
           .string("class Net: pass")
           .tuple()
           .binpersid(),
       R"({"$global":["lib","Net"],"source":"class Net: pass"})"},
      {"ObjectOfModuleId",
       pickle()
           .mark()
           .string("module")
           .global("lib", "Net")
           .string("net.py")
           .string("src")
           .tuple()
           .binpersid()
           .empty_tuple()
           .newobj(),
       R"({"$object":{"class":{"$global":["lib","Net"],"source":"src"},"by":"newobj"}})"},
  };
}

std::vector<TreeSample> tensor_samples() {
  const std::string pair =
      R"("layout":"complex","dtype":"complex128","shape":[2],"parts":{"pair":{)";
  return {
      {"Tensor", floats(), tensor_at("tensor")},
      {"AliasedTensors",
       pickle()
           .storage("FloatStorage", "0", 2)
           .memoize()
           .pop()
           .empty_dict()
           .string("a")
           .raw(view_of_memo())
           .setitem()
           .string("b")
           .raw(view_of_memo())
           .setitem(),
       R"({"a":)" + tensor_at("a") + R"(,"b":)" + tensor_at("b", R"(,"alias_of":"a")") + "}"},
      {"TensorMetTwice",
       pickle().raw(floats()).memoize().pop().empty_list().mark().binget(0).binget(0).appends(),
       "[" + tensor_at("0") + "," + tensor_at("0") + "]"},
      {"TensorAsKey", pickle().empty_dict().raw(floats()).integer(1).setitem(),
       R"({"$dict":[[)" + tensor_at("0.key") + ",1]]}"},
      {"Parameter", parameter(floats(), true),
       tensor_at("tensor", R"(,"requires_grad":true)" + std::string(kParameterClass))},
      {"FrozenParameter", parameter(floats(), false), tensor_at("tensor", kParameterClass)},
      {"ParameterWithState", parameter_with_state(),
       tensor_at("tensor", R"(,"requires_grad":true)" + std::string(kParameterClass) +
                               R"(,"state":{"tag":"x"})")},
      {"ParameterByItsClass", class_call("torch.nn.parameter", "Parameter", floats().newtrue()),
       tensor_at("tensor", R"(,"requires_grad":true)" + std::string(kParameterClass))},
      {"Buffer", class_call("torch.nn.parameter", "Buffer", floats().newfalse()),
       tensor_at("tensor", R"(,"class":["torch.nn.parameter","Buffer"])")},
      {"TensorSubclass", subclass(),
       tensor_at("tensor", R"(,"class":["lib","Sub"],"state":{"a":1})")},
      {"ComplexTensor", pickle().tensor_v2("ComplexDoubleStorage", "0", 2, 0, {2}, {1}),
       R"({"$tensor":{)" + pair + at("tensor") + "}}}}"},
      {"PackedTensor", v3("bits8", 2),
       R"({"$tensor":{"layout":"packed","dtype":"bits8","shape":[2],"parts":{"bytes":{)" +
           at("tensor") + "}}}}"},
      {"Quantized", quantized(),
       R"({"$tensor":{"layout":"quantized","scheme":"per_tensor_affine","dtype":"qint8",)"
       R"("shape":[2],"parts":{"":{)" +
           at("tensor") + R"(},"scale":{)" + at("scale") + R"(},"zero_point":{)" +
           at("zero_point") + "}}}}"},
      {"Sparse", sparse(),
       R"({"$tensor":{"layout":"sparse_coo","dtype":"float32","shape":[4],"parts":{"indices":{)" +
           at("indices") + R"(},"values":{)" + at("values") + "}}}}"},
      {"ParameterOfSparse", parameter(sparse(), true),
       R"({"$tensor":{"layout":"sparse_coo","dtype":"float32","shape":[4],"parts":{"indices":{)" +
           at("indices") + R"(},"values":{)" + at("values") + R"(}},"requires_grad":true)" +
           std::string(kParameterClass) + "}}"},
      {"Meta", meta(), R"({"$tensor":{"dtype":"float16","shape":[2,3],"meta":true}})"},
      {"Uninitialized",
       class_call("torch.nn.parameter", "UninitializedParameter", pickle().newtrue()),
       R"({"$tensor":{"shape":[],"meta":true,"requires_grad":true,)"
       R"("class":["torch.nn.parameter","UninitializedParameter"]}})"},
      {"Storage", pickle().storage("FloatStorage", "0", 2),
       R"({"$storage":{)" + at("tensor") + R"(,"dtype":"float32"}})"},
      {"UntypedStorage", pickle().storage("UntypedStorage", "0", 8),
       R"({"$storage":{)" + at("tensor") + "}}"},
  };
}

std::vector<TreeSample> numpy_samples() {
  PickleBuilder objects;
  objects.empty_list().mark().integer(1).string("a").appends();
  const ArrayState object_array{
      .shape = pickle().int_tuple({2}), .dtype = dtype("O8", "|"), .data = objects};
  return {
      {"NumpyDType", dtype("f4"), R"({"$dtype":"<f4"})"},
      {"NumpyFloat", scalar("f4", "<", {"\xcd\xcc\xcc\x3d", 4}),
       scalar_text("<f4", "0.10000000149011612")},
      {"NumpyHalf", scalar("f2", "<", {"\x00\x7e", 2}), scalar_text("<f2", R"({"$float":"nan"})")},
      {"NumpyBigEndianInt", scalar("i2", ">", {"\xff\xfe", 2}), scalar_text(">i2", "-2")},
      {"NumpyLargeUnsigned", scalar("u8", "<", "\xff\xff\xff\xff\xff\xff\xff\xff"),
       scalar_text("<u8", R"({"$int":"18446744073709551615"})")},
      {"NumpyBool", scalar("b1", "|", "\1"), scalar_text("|b1", "true")},
      {"NumpyText", scalar("U2", "<", {"a\0\0\0b\0\0\0", 8}), scalar_text("<U2", "\"ab\"")},
      {"NumpyComplex", scalar("c8", "<", {"\0\0\x80?\0\0\0\xc0", 8}),
       scalar_text("<c8", R"({"$complex":[1.0,-2.0]})")},
      {"NumpyDate",
       python("\x80\x02"
              "cnumpy._core.multiarray\nscalar\nq\0cnumpy\ndtype\nq\1X\2\0\0\0M8q\2"
              "\x89\x88\x87q\3Rq\4(K\4X\1\0\0\0<q\5NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\0N"
              "(c_codecs\nencode\nq\6X\1\0\0\0Dq\7X\6\0\0\0latin1q\x08\x86q\tRq\nK\1K\1K\1tq\x0b"
              "\x86q\x0ctq\rbh\6X\x08\0\0\0VG\0\0\0\0\0\0q\x0eh\x08\x86q\x0fRq\x10\x86q\x11Rq"
              "\x12."sv),
       scalar_text("<M8[D]", R"({"$bytes":"VkcAAAAAAAA="})")},
      {"Array", array(), R"({"$ndarray":{)" + at("tensor") + "}}"},
      {"ComplexArray",
       array({.shape = pickle().int_tuple({1}),
              .dtype = dtype("c16"),
              .data = bytes("0123456789abcdef")}),
       R"({"$ndarray":{"layout":"complex","dtype":"complex128","shape":[1],"parts":{"pair":{)" +
           at("tensor") + "}}}}"},
      {"Matrix", array({.type = pickle().global("numpy", "matrix")}),
       R"({"$ndarray":{)" + at("tensor") + R"(,"class":["numpy","matrix"]}})"},
      {"UsersArray",
       reconstruct({.type = pickle().global("lib", "Signal")},
                   array_state().empty_dict().string("rate").integer(8).setitem().tuple2()),
       R"({"$ndarray":{)" + at("tensor") + R"(,"class":["lib","Signal"],"state":{"rate":8}}})"},
      {"MaskedArray", masked(),
       R"({"$ndarray":{)" + at("tensor") + R"(,"mask":{)" + at("mask") + R"(},"fill":7}})"},
      {"ArrayOfObjects", array(object_array),
       R"({"$ndarray":{"dtype":"|O","shape":[2],"items":[1,"a"]}})"},
      {"ArrayOfDatesByColumns",
       python("\x80\4\x95\xbb\0\0\0\0\0\0\0\x8c\x16numpy._core.multiarray\x94\x8c\x0c_reconstruct"
              "\x94\x93\x94\x8c\5numpy\x94\x8c\7ndarray\x94\x93\x94K\0\x85\x94"
              "C\1b\x94\x87\x94R"
              "\x94(K\1K\2K\2\x86\x94h\3\x8c\5dtype\x94\x93\x94\x8c\2M8\x94\x89\x88\x87\x94R\x94"
              "(K\4\x8c\1<\x94NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\0N(C\1Y\x94K\1K\1K\1t\x94"
              "\x86\x94t\x94"
              "b\x88"
              "C 2\0\0\0\0\0\0\0"
              "4\0\0\0\0\0\0\0"
              "3\0\0\0\0\0\0\0"
              "5\0\0\0\0\0\0\0\x94t\x94"
              "b."sv),
       R"({"$ndarray":{"dtype":"<M8[Y]","shape":[2,2],)"
       R"("data":"MgAAAAAAAAAzAAAAAAAAADQAAAAAAAAANQAAAAAAAAA="}})"},
      {"StructuredArray",
       array({.shape = pickle().int_tuple({1}),
              .dtype = structured_dtype(),
              .data = bytes("abcdefghijkl")}),
       R"({"$ndarray":{"dtype":{"$object":{"class":["numpy","dtype"],"by":"reduce",)"
       R"("args":["V12",false,true],"state":[{"$tuple":[3,"|",null,{"$tuple":["a","b"]},)"
       R"({"a":{"$tuple":[{"$dtype":"<f4"},0]},"b":{"$tuple":[{"$dtype":"<i8"},4]}},12,1,16]}]}},)"
       R"("shape":[1],"data":"YWJjZGVmZ2hpamts"}})"},
  };
}

std::vector<TreeSample> all_tree_samples() {
  std::vector<TreeSample> all;
  for (auto samples :
       {scalar_samples, container_samples, object_samples, tensor_samples, numpy_samples})
    for (TreeSample& sample : samples()) all.push_back(std::move(sample));
  return all;
}

Checkpoint tree_checkpoint(const PickleBuilder& pickle) {
  Checkpoint checkpoint = interpreted(pickle);
  checkpoint.tensors.add_input(1 << 20);
  finish_checkpoint(checkpoint, {checkpoint.root, "pickle"});
  return checkpoint;
}

TreeText tree_of(const Checkpoint& checkpoint) {
  constexpr std::string_view kBefore = R"({"schema":"unbrine.tree/1","tree":)";
  constexpr std::string_view kBetween = R"(,"shared":)";
  const std::string text = tree_text(checkpoint);
  EXPECT_TRUE(text.starts_with(kBefore)) << text;
  const size_t between = text.rfind(kBetween);
  const size_t shared = between + kBetween.size();
  return {text.substr(kBefore.size(), between - kBefore.size()),
          text.substr(shared, text.size() - shared - 1)};
}

}  // namespace unbrine
