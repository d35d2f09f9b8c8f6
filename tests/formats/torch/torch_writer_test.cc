#include "formats/torch/torch_writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/formats/pickle/decoded.h"
#include "tests/formats/torch/interpreted.h"
#include "tests/formats/written_files.h"
#include "tests/support/zip_builder.h"

namespace unbrine {
namespace {

using namespace std::string_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// data.pkl is the first entry, its data at byte 64.
std::string shown_pickle(const Layout& layout) {
  const std::string& header = layout.files.at(0).header;
  const MemorySource source({header.begin(), header.end()});
  Decoded decoded{};
  decoded.pickle = decode_pickle(std::make_shared<MemorySource>(source.read_all(0, source.size())),
                                 64, Limits(), decoded.graph);
  return shown(decoded);
}

// The pickle as it stands in the layout, to compare bytes.
std::string pickle_bytes(const Layout& layout) {
  const std::string& header = layout.files.at(0).header;
  return header.substr(64, header.find("PK\3\4", 64) - 64);
}

struct Written {
  std::string pickle;  // as decoded.h shows it
  std::vector<std::string> notes;
};

Layout layout_of(const Checkpoint& checkpoint) {
  return torch_layout(whole_object(checkpoint), WriteOptions());
}

Written written(const PickleBuilder& builder) {
  const Layout layout = layout_of(interpreted(builder));
  return {shown_pickle(layout), layout.notes};
}

PickleBuilder pickle() { return {}; }

// module.name(arguments...) by REDUCE.
PickleBuilder call(std::string_view module, std::string_view name, const PickleBuilder& arguments) {
  return torch_call(name, arguments, module);
}

// A float tensor of two elements over a storage of its own.
PickleBuilder two_floats(std::string_view key = "0") {
  return PickleBuilder().tensor_v2("FloatStorage", key, 2, 0, {2}, {1});
}

constexpr const char* kFloats =
    "<reduce torch._utils:_rebuild_tensor_v2 (id (u'storage', torch:FloatStorage, u'0', u'cpu', 2),"
    " 0, (2), (1), False, <reduce collections:OrderedDict ()>)>";

// --- What it refuses ---

TEST(TorchWriter, RefusesAShardSize) {
  SelectedTensors tensors;
  const Error error = error_of([&] { torch_layout(tensors.selection, {.max_shard_size = 1}); });
  EXPECT_EQ(error.code(), ErrorCode::Usage);
}

TEST(TorchWriter, RefusesTwoGroups) {
  SelectedTensors tensors;
  tensors.new_group("optimizer");
  EXPECT_EQ(error_of([&] { torch_layout(tensors.selection, {}); }).code(), ErrorCode::Usage);
}

// --- The file ---

TEST(TorchWriter, WritesTheRecordsThatTorchReads) {
  SelectedTensors tensors;
  tensors.add("w", DType::F32, {2}, "01234567");
  const Layout layout = torch_layout(tensors.selection, {});
  EXPECT_EQ(layout.files.at(0).name, "model.pt");
  EXPECT_EQ(layout.align, 64u);
  const Checkpoint checkpoint = read_back(written_files(layout, tensors.selection).at(0));
  EXPECT_EQ(checkpoint.format, "torch-zip");
  EXPECT_NO_THROW(checkpoint.cross_check());
  ASSERT_EQ(checkpoint.tensors.tensors().size(), 1u);
  const Storage& storage = checkpoint.tensors.storages()[0];
  EXPECT_EQ(storage.name, "archive/data/0");
  EXPECT_EQ(storage.offset % 64, 0u);
  EXPECT_TRUE(storage.has_crc);
  EXPECT_EQ(row_major_bytes(checkpoint.tensors, checkpoint.tensors.tensors()[0]), "01234567");
}

TEST(TorchWriter, IsReadAsAFileWithoutTensors) {
  SelectedTensors tensors;
  const Layout layout = torch_layout(tensors.selection, {});
  EXPECT_EQ(shown_pickle(layout), "{}");
  EXPECT_NO_THROW(read_back(written_files(layout, tensors.selection).at(0)));
}

TEST(TorchWriter, WritesEqualBytesForEqualObjects) {
  const PickleBuilder object = pickle().mark().raw(two_floats()).string("x").empty_dict().tuple();
  const Layout first = layout_of(interpreted(object));
  EXPECT_EQ(first.files[0].header, layout_of(interpreted(object)).files[0].header);
}

// --- A dict of tensors ---

TEST(TorchWriter, NamesTensorsInADict) {
  SelectedTensors tensors;
  tensors.add("a", DType::F32, {2, 3});
  tensors.add("b", DType::I64, {});
  EXPECT_EQ(shown_pickle(torch_layout(tensors.selection, {})),
            "{u'a', <reduce torch._utils:_rebuild_tensor_v2 (id (u'storage', torch:FloatStorage, "
            "u'0', u'cpu', 6), 0, (2, 3), (3, 1), False, <reduce collections:OrderedDict ()>)>, "
            "u'b', <reduce torch._utils:_rebuild_tensor_v2 (id (u'storage', torch:LongStorage, "
            "u'1', u'cpu', 1), 0, (), (), False, <reduce collections:OrderedDict ()>)>}");
}

TEST(TorchWriter, SharesTheStorageOfAliases) {
  SelectedTensors tensors;
  tensors.add("a", DType::U8, {2}, "hi");
  tensors.add_alias("b", 0);
  const Layout layout = torch_layout(tensors.selection, {});
  ASSERT_EQ(layout.slots.size(), 1u);
  ASSERT_EQ(layout.shared.size(), 1u);
  EXPECT_EQ(layout.shared[0].selected, 1u);
  EXPECT_EQ(layout.shared[0].slot, 0u);
}

TEST(TorchWriter, DoesNotShareWhatIsCastToAnotherDtype) {
  SelectedTensors tensors;
  tensors.add("a", DType::F32, {2});
  tensors.add_alias("b", 0).cast = DType::F16;
  const Layout layout = torch_layout(tensors.selection, {});
  EXPECT_EQ(layout.slots.size(), 2u);
  EXPECT_THAT(layout.shared, IsEmpty());
  EXPECT_THAT(shown_pickle(layout), HasSubstr("torch:HalfStorage, u'1', u'cpu', 2"));
}

TEST(TorchWriter, KeepsTheNamesOfAliasesThatWereLeftOut) {
  SelectedTensors tensors;
  tensors.add("a", DType::U8, {2});
  tensors.selection.groups[0].aliases = {{"tied", "a"}};
  const Layout layout = torch_layout(tensors.selection, {});
  EXPECT_EQ(layout.slots.size(), 1u);
  EXPECT_THAT(shown_pickle(layout), HasSubstr("u'tied', <reduce torch._utils:_rebuild_tensor_v2 "
                                              "(id (u'storage', torch:ByteStorage, u'0'"));
}

TEST(TorchWriter, GivesDtypesWithoutAStorageClassUntypedStorages) {
  SelectedTensors tensors;
  tensors.add("a", DType::F8E4M3FN, {2});
  tensors.add("b", DType::U16, {3});
  const std::string shown = shown_pickle(torch_layout(tensors.selection, {}));
  EXPECT_THAT(shown, HasSubstr("_rebuild_tensor_v3 (id (u'storage', torch.storage:UntypedStorage, "
                               "u'0', u'cpu', 2), 0, (2), (1), False, "
                               "<reduce collections:OrderedDict ()>, torch:float8_e4m3fn)"));
  EXPECT_THAT(shown, HasSubstr("u'1', u'cpu', 6), 0, (3), (1), False"));
}

TEST(TorchWriter, WritesWhatTorchHasNoDtypeForAsItsParts) {
  SelectedTensors tensors;
  tensors.add("pairs", DType::BC32, {3});
  tensors.add("integers", DType::QInt8, {3});
  tensors.add("halves", DType::F4, {2, 4});
  tensors.add("six", DType::F6E2M3, {4});
  const std::string shown = shown_pickle(torch_layout(tensors.selection, {}));
  EXPECT_THAT(shown, HasSubstr("torch:BFloat16Storage, u'0', u'cpu', 6), 0, (3, 2)"));
  EXPECT_THAT(shown, HasSubstr("torch:CharStorage, u'1', u'cpu', 3), 0, (3)"));
  EXPECT_THAT(shown, HasSubstr("u'2', u'cpu', 4), 0, (2, 2)"));
  EXPECT_THAT(shown, HasSubstr("torch:float4_e2m1fn_x2"));
  EXPECT_THAT(shown, HasSubstr("torch:ByteStorage, u'3', u'cpu', 3), 0, (3)"));
}

TEST(TorchWriter, SaysThatMetadataIsNotWritten) {
  SelectedTensors tensors;
  tensors.selection.metadata = {{"format", "pt"}, {"author", "me"}};
  EXPECT_THAT(torch_layout(tensors.selection, {}).notes,
              ElementsAre("a .pt has no metadata: 'author' is not written"));
}

// --- Plain values ---

TEST(TorchWriter, KeepsPlainValues) {
  const Written result = written(pickle()
                                     .empty_list()
                                     .mark()
                                     .none()
                                     .newtrue()
                                     .integer(-7)
                                     .long1(std::string("\0\0\0\0\0\0\0\0\1", 9))
                                     .binfloat(0.5)
                                     .string("\xed\xa0\x80")
                                     .int_tuple({1, 2, 3, 4})
                                     .empty_tuple()
                                     .appends());
  EXPECT_EQ(result.pickle,
            "[None, True, -7, 18446744073709551616, 0.500000, u'\xed\xa0\x80', (1, 2, 3, 4), ()]");
  EXPECT_THAT(result.notes, IsEmpty());
}

TEST(TorchWriter, RepairsTextThatPythonCouldNotRead) {
  const Written result = written(pickle().string("a\xff"));
  EXPECT_EQ(result.pickle, "u'a\\xff'");
  EXPECT_THAT(result.notes, ElementsAre(HasSubstr("str that is not UTF-8")));
}

TEST(TorchWriter, WritesBytesAsEncodedText) {
  EXPECT_EQ(written(pickle().binbytes("a\xff")).pickle,
            "<reduce _codecs:encode (u'a\xc3\xbf', u'latin1')>");
  EXPECT_EQ(written(pickle().bytearray8("a")).pickle,
            "<reduce __builtin__:bytearray (u'a', u'latin-1')>");
}

TEST(TorchWriter, KeepsBytesThatAreEncodedAlready) {
  const Written result =
      written(call("_codecs", "encode", pickle().string("\xc3\xbf").string("latin1")));
  EXPECT_EQ(result.pickle, "<reduce _codecs:encode (u'\xc3\xbf', u'latin1')>");
  EXPECT_EQ(written(call("__builtin__", "bytes", PickleBuilder())).pickle,
            "<reduce _codecs:encode (u'', u'latin1')>");
}

TEST(TorchWriter, TellsPython2TextFromData) {
  EXPECT_EQ(written(pickle().binstring("w\xc3\xa9")).pickle, "u'w\xc3\xa9'");
  EXPECT_EQ(written(pickle().binstring("\xff")).pickle,
            "<reduce _codecs:encode (u'\xc3\xbf', u'latin1')>");
}

TEST(TorchWriter, WritesLongBytesOnceHoweverOftenTheyAreReferredTo) {
  const Layout layout = layout_of(interpreted(
      pickle().mark().binbytes(std::string(5000, 'x')).binput(0).binget(0).binget(0).tuple()));
  EXPECT_LT(pickle_bytes(layout).size(), 5200u);
}

TEST(TorchWriter, WritesTheIntegerThatNoOpcodeHoldsAsText) {
  const std::string digits(601, '9');
  const Written result = written(pickle().long_line(digits + "L"));
  EXPECT_EQ(result.pickle, "u'" + digits + "'");
  EXPECT_THAT(result.notes, ElementsAre(HasSubstr("int of more than 600 digits -> str (1)")));
}

TEST(TorchWriter, WritesNumpyScalarsAsNumbers) {
  const PickleBuilder dtype = call("numpy", "dtype", pickle().string("f4").newfalse().newtrue())
                                  .mark()
                                  .integer(3)
                                  .string("<")
                                  .none()
                                  .none()
                                  .none()
                                  .integer(-1)
                                  .integer(-1)
                                  .integer(0)
                                  .tuple()
                                  .build();
  const Written result =
      written(call("numpy.core.multiarray", "scalar",
                   PickleBuilder().raw(dtype).binbytes(std::string("\0\0\0\x3f", 4))));
  EXPECT_EQ(result.pickle, "0.500000");
  EXPECT_THAT(result.notes, ElementsAre(HasSubstr("numpy scalar -> number (1)")));
}

// --- Names ---

TEST(TorchWriter, KeepsAllowedNamesAndSpellsOutOthers) {
  const Written result = written(pickle()
                                     .mark()
                                     .global("torch", "float16")
                                     .global("torch", "per_tensor_affine")
                                     .global("collections", "OrderedDict")
                                     .global("torch", "bcomplex32")
                                     .global("os", "system")
                                     .tuple());
  EXPECT_EQ(result.pickle,
            "(torch:float16, torch:per_tensor_affine, collections:OrderedDict, "
            "u'torch.bcomplex32', u'os.system')");
  EXPECT_THAT(result.notes, ElementsAre(HasSubstr("class or function -> str, its name (2)")));
}

TEST(TorchWriter, KeepsAllowedCallsWhoseArgumentsFit) {
  EXPECT_EQ(written(call("torch", "Size", pickle().int_tuple({2, 3}))).pickle,
            "<reduce torch:Size ((2, 3))>");
  EXPECT_EQ(written(call("torch", "device", pickle().string("cuda").integer(1))).pickle,
            "<reduce torch:device (u'cuda', 1)>");
  EXPECT_EQ(written(call("__builtin__", "complex", pickle().binfloat(1).binfloat(2))).pickle,
            "<reduce __builtin__:complex (1.000000, 2.000000)>");
}

TEST(TorchWriter, MakesRecordsOfAllowedCallsWithOtherArguments) {
  EXPECT_EQ(written(call("torch", "device", pickle().integer(1))).pickle,
            "{u'__class__', u'torch.device', u'__args__', (1)}");
  EXPECT_EQ(written(call("torch._utils", "_rebuild_wrapper_subclass", pickle().none())).pickle,
            "{u'__class__', u'torch._utils._rebuild_wrapper_subclass', u'__args__', (None)}");
}

// --- Containers ---

TEST(TorchWriter, KeepsStateDictsWithTheirMetadata) {
  const Written result = written(pickle()
                                     .ordered_dict()
                                     .string("w")
                                     .raw(two_floats())
                                     .setitem()
                                     .empty_dict()
                                     .string("_metadata")
                                     .ordered_dict()
                                     .setitem()
                                     .build());
  EXPECT_EQ(result.pickle, std::string("<reduce collections:OrderedDict () build({u'_metadata', "
                                       "<reduce collections:OrderedDict ()>}) set(u'w', ") +
                               kFloats + ")>");
}

TEST(TorchWriter, KeepsCounters) {
  const Written result = written(
      call("collections", "Counter", pickle().empty_dict().string("a").integer(2).setitem()));
  EXPECT_EQ(result.pickle, "<reduce collections:Counter () set(u'a', 2)>");
}

TEST(TorchWriter, MakesPlainContainersOfOthersAndSaysSo) {
  const PickleBuilder one = pickle().empty_list().integer(1).append();
  const Written result =
      written(pickle()
                  .mark()
                  .raw(call("collections", "defaultdict", pickle().global("__builtin__", "list")))
                  .string("k")
                  .integer(1)
                  .setitem()
                  .raw(call("collections", "deque", pickle().raw(one).integer(9)))
                  .raw(call("__builtin__", "frozenset", one))
                  .raw(call("__builtin__", "set", pickle().empty_list().empty_dict().append()))
                  .tuple());
  EXPECT_EQ(result.pickle, "({u'k', 1}, [1], <reduce __builtin__:set ([1])>, [{}])");
  EXPECT_THAT(result.notes,
              ElementsAre("values that torch.load(weights_only=True) refuses became others: "
                          "collections.defaultdict -> dict (1), collections.deque -> list (1), "
                          "frozenset -> set (1), set -> list (1)"));
}

TEST(TorchWriter, ListsThePairsOfADictWhoseKeysHaveNoHash) {
  const PickleBuilder object = call("enum", "Color", pickle().integer(1));
  const Written result = written(pickle().empty_dict().raw(object).string("red").setitem());
  EXPECT_EQ(result.pickle,
            "{u'__class__', u'dict', u'__items__', "
            "[({u'__class__', u'enum.Color', u'__args__', (1)}, u'red')]}");
}

TEST(TorchWriter, KeepsTuplesAndTensorsAsKeys) {
  const Written result = written(
      pickle().empty_dict().int_tuple({1, 2}).none().setitem().raw(two_floats()).none().setitem());
  EXPECT_EQ(result.pickle, std::string("{(1, 2), None, ") + kFloats + ", None}");
  const Written nested =
      written(pickle().empty_dict().empty_list().tuple1().tuple1().none().setitem());
  EXPECT_THAT(nested.pickle, HasSubstr("u'__items__', [((([])), None)]"));
}

TEST(TorchWriter, WritesLongListsInBatches) {
  PickleBuilder list = pickle().empty_list().mark();
  for (int i = 0; i < 2001; ++i) list.none();
  const std::string bytes = pickle_bytes(layout_of(interpreted(list.appends())));
  EXPECT_EQ(bytes.substr(0, 6), "\x80\x02]q\0("s.substr(0, 6));
  EXPECT_EQ(bytes.substr(6 + 2000, 5), "e(Ne.");
}

// --- Sharing and cycles ---

TEST(TorchWriter, WritesSharedValuesOnce) {
  const Layout layout = layout_of(interpreted(
      pickle().mark().empty_list().binput(0).binget(0).string("x").binput(1).binget(1).tuple()));
  EXPECT_EQ(pickle_bytes(layout), "\x80\x02(]q\0h\0X\1\0\0\0xq\1h\1tq\2."s);
}

TEST(TorchWriter, WritesListsAndDictsThatHoldThemselves) {
  const Layout layout = layout_of(interpreted(
      pickle().empty_list().binput(0).empty_dict().string("up").binget(0).setitem().append()));
  EXPECT_EQ(pickle_bytes(layout), "\x80\x02]q\0(}q\1(X\2\0\0\0upq\2h\0ue."s);
}

TEST(TorchWriter, MakesAListOfATupleThatHoldsItself) {
  // t = ([t],): the list is put first, the tuple around it next, then the tuple into the list
  const Layout layout = layout_of(interpreted(
      pickle().empty_list().binput(0).tuple1().binput(1).binget(0).binget(1).append().pop()));
  EXPECT_EQ(pickle_bytes(layout), "\x80\x02]q\0(]q\1(h\0ee."s);
  EXPECT_THAT(layout.notes, ElementsAre(HasSubstr("tuple or set that holds itself -> list (1)")));
}

TEST(TorchWriter, WritesDeepNestingWithoutRecursion) {
  PickleBuilder deep = pickle().none();
  for (int i = 0; i < 200000; ++i) deep.tuple1();
  const std::string bytes = pickle_bytes(layout_of(interpreted(deep)));
  EXPECT_GT(bytes.size(), 400000u);
}

// --- Objects ---

TEST(TorchWriter, MakesADictOfAnObjectsAttributes) {
  const Written result = written(pickle()
                                     .global("argparse", "Namespace")
                                     .empty_tuple()
                                     .newobj()
                                     .empty_dict()
                                     .string("lr")
                                     .binfloat(0.5)
                                     .setitem()
                                     .build());
  EXPECT_EQ(result.pickle, "{u'__class__', u'argparse.Namespace', u'lr', 0.500000}");
  EXPECT_THAT(result.notes,
              ElementsAre("objects that torch.load(weights_only=True) refuses became plain dicts: "
                          "argparse.Namespace (1)"));
}

TEST(TorchWriter, KeepsArgumentsStatesItemsAndValuesOfObjects) {
  const Written result = written(call("m", "C", pickle().integer(1))
                                     .integer(2)
                                     .build()
                                     .string("k")
                                     .integer(3)
                                     .setitem()
                                     .integer(4)
                                     .append());
  EXPECT_EQ(result.pickle,
            "{u'__class__', u'm.C', u'__args__', (1), u'__state__', 2, "
            "u'__items__', {u'k', 3}, u'__values__', [4]}");
}

TEST(TorchWriter, KeepsAttributesApartThatWouldLookLikeItsOwnFields) {
  const Written result = written(pickle()
                                     .global("m", "C")
                                     .empty_tuple()
                                     .newobj()
                                     .empty_dict()
                                     .string("__class__")
                                     .string("fake")
                                     .setitem()
                                     .build());
  EXPECT_EQ(result.pickle, "{u'__class__', u'm.C', u'__state__', {u'__class__', u'fake'}}");
}

TEST(TorchWriter, NamesTheClassThatCopyregReconstructs) {
  const Written result =
      written(call("copy_reg", "_reconstructor",
                   pickle().global("m", "C").global("__builtin__", "object").none()));
  EXPECT_EQ(result.pickle, "{u'__class__', u'm.C'}");
}

TEST(TorchWriter, ListsAtMostTwelveClasses) {
  PickleBuilder list = pickle().mark();
  for (const char name : std::string("abcdefghijklmn"))
    list.raw(call("m", std::string(1, name), PickleBuilder()));
  const Written result = written(list.tuple());
  EXPECT_THAT(result.notes, ElementsAre(HasSubstr("m.a (1), ")));
  EXPECT_THAT(result.notes, ElementsAre(HasSubstr("m.l (1) and 2 more")));
}

// The dicts that every nn.Module has, around one parameter.
PickleBuilder module_with(const PickleBuilder& parameter, const char* attribute) {
  return pickle()
      .global("m", "Net")
      .empty_tuple()
      .newobj()
      .empty_dict()
      .mark()
      .string("_parameters")
      .ordered_dict()
      .string("weight")
      .raw(parameter)
      .setitem()
      .string("_buffers")
      .empty_dict()
      .string("_modules")
      .empty_dict()
      .string(attribute)
      .newtrue()
      .setitems()
      .build();
}

TEST(TorchWriter, OpensTheDictsOfModulesSoThatNamesStay) {
  const Checkpoint checkpoint = interpreted(module_with(two_floats(), "training"));
  const Layout layout = layout_of(checkpoint);
  EXPECT_EQ(shown_pickle(layout),
            std::string("{u'__class__', u'm.Net', u'weight', ") + kFloats + ", u'training', True}");
  const Checkpoint back = read_back(written_files(layout, whole_object(checkpoint)).at(0));
  EXPECT_EQ(whole_object(back).tensors.at(0).name, "weight");
}

TEST(TorchWriter, LeavesTheDictsOfModulesClosedWhereNamesWouldCollide) {
  const Written result = written(module_with(two_floats(), "weight"));
  EXPECT_THAT(result.pickle, HasSubstr("u'__state__', {u'_parameters', <reduce "));
}

// --- Tensors ---

TEST(TorchWriter, KeepsParameters) {
  const Written result = written(
      torch_call("_rebuild_parameter", pickle().raw(two_floats()).newtrue().ordered_dict()));
  EXPECT_EQ(result.pickle, std::string("<reduce torch._utils:_rebuild_parameter (") + kFloats +
                               ", True, <reduce collections:OrderedDict ()>)>");
}

TEST(TorchWriter, MakesParametersOfTheClassTheSameWay) {
  const Written result =
      written(call("torch.nn.parameter", "Parameter", pickle().raw(two_floats()).newfalse()));
  EXPECT_EQ(result.pickle, std::string("<reduce torch._utils:_rebuild_parameter (") + kFloats +
                               ", False, <reduce collections:OrderedDict ()>)>");
}

TEST(TorchWriter, KeepsTheAttributesOfParameters) {
  const Written result = written(torch_call("_rebuild_parameter_with_state", pickle()
                                                                                 .raw(two_floats())
                                                                                 .newtrue()
                                                                                 .ordered_dict()
                                                                                 .empty_dict()
                                                                                 .string("tag")
                                                                                 .integer(1)
                                                                                 .setitem()));
  EXPECT_THAT(result.pickle, HasSubstr("_rebuild_parameter_with_state ("));
  EXPECT_THAT(result.pickle, HasSubstr(", {u'tag', 1})>"));
}

TEST(TorchWriter, DropsAttributesThatLeadBackToTheTensorAndSaysSo) {
  const Written result = written(pickle()
                                     .raw(two_floats())
                                     .binput(0)
                                     .empty_dict()
                                     .string("me")
                                     .binget(0)
                                     .tuple1()
                                     .setitem()
                                     .build());
  EXPECT_EQ(result.pickle, kFloats);
  EXPECT_THAT(result.notes, ElementsAre(HasSubstr("lead back to it -> none (1)")));
}

TEST(TorchWriter, TakesTheGradFromAParameterThatIsCastToIntegers) {
  const Checkpoint checkpoint = interpreted(
      torch_call("_rebuild_parameter", pickle().raw(two_floats()).newtrue().ordered_dict()));
  Selection selection = whole_object(checkpoint);
  selection.tensors[0].cast = DType::I8;
  const std::string shown = shown_pickle(torch_layout(selection, {}));
  EXPECT_THAT(shown, HasSubstr("torch:CharStorage, u'0', u'cpu', 2"));
  EXPECT_THAT(shown, HasSubstr(")>, False, <reduce collections:OrderedDict ()>)>"));
}

TEST(TorchWriter, MakesPlainTensorsOfOtherClassesAndSaysSo) {
  const PickleBuilder arguments = pickle()
                                      .mark()
                                      .storage("FloatStorage", "0", 2)
                                      .integer(0)
                                      .int_tuple({2})
                                      .int_tuple({1})
                                      .newfalse()
                                      .ordered_dict()
                                      .tuple();
  const Written result = written(call("torch._tensor", "_rebuild_from_type_v2",
                                      pickle()
                                          .global("torch._utils", "_rebuild_tensor_v2")
                                          .global("m", "Image")
                                          .raw(arguments)
                                          .empty_dict()));
  EXPECT_EQ(result.pickle, kFloats);
  EXPECT_THAT(result.notes, ElementsAre(HasSubstr("m.Image -> torch.Tensor (1)")));
}

TEST(TorchWriter, MakesOneStorageOfEachView) {
  // two views of one storage, of which the second is not contiguous
  const Layout layout =
      layout_of(interpreted(pickle()
                                .mark()
                                .tensor_v2("FloatStorage", "0", 6, 0, {2, 3}, {3, 1})
                                .tensor_v2("FloatStorage", "0", 6, 0, {3, 2}, {1, 3})
                                .tuple()));
  EXPECT_EQ(layout.slots.size(), 2u);
  EXPECT_THAT(shown_pickle(layout), HasSubstr("u'1', u'cpu', 6), 0, (3, 2), (2, 1)"));
}

TEST(TorchWriter, WritesNoneForATensorThatWasLeftOut) {
  const Checkpoint checkpoint = interpreted(pickle().mark().raw(two_floats()).integer(1).tuple());
  Selection selection = whole_object(checkpoint);
  selection.tensors.clear();
  const Layout layout = torch_layout(selection, {});
  EXPECT_EQ(shown_pickle(layout), "(None, 1)");
  EXPECT_THAT(layout.notes, ElementsAre(HasSubstr("tensor that was left out -> None (1)")));
}

TEST(TorchWriter, SaysWhichTensorsNothingLeadsTo) {
  SelectedTensors tensors;
  tensors.add("lost", DType::U8, {1});
  const Checkpoint checkpoint = interpreted(pickle().none());
  tensors.selection.graph = &checkpoint.graph;
  tensors.selection.root = checkpoint.root;
  EXPECT_THAT(torch_layout(tensors.selection, {}).notes,
              ElementsAre("nothing in the object leads to tensor 'lost': left out"));
}

// --- Tensors kept in several ---

TEST(TorchWriter, RebuildsSparseTensors) {
  const PickleBuilder layout_call =
      call("torch.serialization", "_get_layout", pickle().string("torch.sparse_coo"));
  const PickleBuilder data = pickle()
                                 .mark()
                                 .tensor_v2("LongStorage", "0", 2, 0, {1, 2}, {2, 1})
                                 .raw(two_floats("1"))
                                 .raw(call("torch", "Size", pickle().int_tuple({5})))
                                 .newtrue()
                                 .tuple();
  const Written result =
      written(torch_call("_rebuild_sparse_tensor", pickle().raw(layout_call).raw(data)));
  EXPECT_THAT(result.pickle,
              HasSubstr("_rebuild_sparse_tensor (<reduce torch.serialization:_get_layout "
                        "(u'torch.sparse_coo')>, (<reduce torch._utils:_rebuild_tensor_v2"));
  EXPECT_THAT(result.pickle, HasSubstr("<reduce torch:Size ((5))>, True))>"));
}

TEST(TorchWriter, RebuildsQuantizedTensorsWithTheirNumbers) {
  const PickleBuilder arguments = pickle()
                                      .storage("QInt8Storage", "0", 2)
                                      .integer(0)
                                      .int_tuple({2})
                                      .int_tuple({1})
                                      .mark()
                                      .global("torch", "per_tensor_affine")
                                      .binfloat(0.25)
                                      .integer(3)
                                      .tuple()
                                      .newfalse()
                                      .ordered_dict();
  const Layout layout = layout_of(interpreted(torch_call("_rebuild_qtensor", arguments)));
  EXPECT_EQ(shown_pickle(layout),
            "<reduce torch._utils:_rebuild_qtensor (id (u'storage', torch:QInt8Storage, u'0', "
            "u'cpu', 2), 0, (2), (1), (torch:per_tensor_affine, 0.250000, 3), False, "
            "<reduce collections:OrderedDict ()>)>");
  EXPECT_EQ(layout.slots.size(), 1u);  // its numbers need none
  EXPECT_THAT(layout.notes, IsEmpty());
}

TEST(TorchWriter, RebuildsTensorsWithoutData) {
  const Written result = written(torch_call(
      "_rebuild_meta_tensor_no_storage",
      pickle().global("torch", "float32").int_tuple({2, 3}).int_tuple({3, 1}).newfalse()));
  EXPECT_EQ(result.pickle,
            "<reduce torch._utils:_rebuild_meta_tensor_no_storage "
            "(torch:float32, (2, 3), (3, 1), False)>");
}

}  // namespace
}  // namespace unbrine
