#include "formats/pickle/decoder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "tests/formats/pickle/decoded.h"

namespace unbrine {
namespace {

using namespace std::string_literals;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::SizeIs;
using ::testing::StartsWith;

using Pickle = PickleBuilder;

// The message of a pickle that must be Corrupt.
std::string corrupt(const PickleBuilder& builder) {
  const Error error = decode_error(builder);
  EXPECT_EQ(error.code(), ErrorCode::Corrupt) << error.what();
  return error.what();
}

std::string unsupported(const PickleBuilder& builder) {
  const Error error = decode_error(builder);
  EXPECT_EQ(error.code(), ErrorCode::Unsupported) << error.what();
  return error.what();
}

// Every opcode that is supported, each at least once; the text ones first.
Pickle every_opcode() {
  Pickle pickle;
  pickle.protocol(5).frame(4).none().put("0").pop().mark().get("0");
  pickle.int_line("7").long_line("8L").float_line("1.5").string_line("'s'").unicode_line("v");
  pickle.persid("9").none().binint(-1).binint1(2).binint2(3).long1("\x04").long4("\x05");
  pickle.binfloat(2.5).newtrue().newfalse().binstring("a").short_binstring("b").binunicode("c");
  pickle.short_binunicode("d").binunicode8("e").binbytes("f").short_binbytes("g").binbytes8("h");
  pickle.bytearray8("i").binput(1).long_binput(2).memoize().binget(1).long_binget(2).dup();
  pickle.mark().none().pop_mark().empty_tuple().tuple1().none().tuple2().none().none().tuple3();
  pickle.mark().none().tuple().empty_list().none().append().mark().none().appends();
  pickle.mark().none().list().empty_dict().none().none().setitem().mark().none().none().setitems();
  pickle.mark().none().none().dict().empty_set().mark().none().additems().mark().frozenset();
  pickle.global("m", "n").string("m").string("n").stack_global().empty_tuple().reduce();
  pickle.none().build().mark().inst("m", "n").mark().global("m", "n").obj();
  pickle.global("m", "n").empty_tuple().newobj().global("m", "n").empty_tuple().empty_dict();
  return pickle.newobj_ex().none().binpersid().tuple().stop();
}

// --- Broken pickles ---

TEST(Decoder, RejectsEveryPrefixOfAPickleThatUsesEveryOpcode) {
  const std::vector<uint8_t> whole = every_opcode().bytes();
  EXPECT_NO_THROW(decoded(Pickle().raw(whole)));
  for (size_t size = 0; size < whole.size(); ++size)
    corrupt(Pickle().raw({whole.begin(), whole.begin() + static_cast<ptrdiff_t>(size)}));
}

TEST(Decoder, EndsEveryByteChangeInAValueOrAnError) {
  const std::vector<uint8_t> whole = every_opcode().bytes();
  for (size_t at = 0; at < whole.size(); ++at) {
    for (int byte = 0; byte < 256; ++byte) {
      std::vector<uint8_t> changed = whole;
      changed[at] = static_cast<uint8_t>(byte);
      try {
        decoded(Pickle().raw(changed));
      } catch (const Error&) {
      }
    }
  }
}

TEST(Decoder, RejectsNoBytes) {
  EXPECT_EQ(corrupt(Pickle()), "byte 0: the pickle breaks off before its STOP");
}

TEST(Decoder, RejectsABytethatIsNoOpcode) {
  EXPECT_EQ(corrupt(Pickle().none().raw({0xff})), "byte 1: 0xff is no pickle opcode");
}

TEST(Decoder, RejectsStopOnAnEmptyStack) {
  EXPECT_EQ(corrupt(Pickle().protocol(2).stop()),
            "byte 2 (STOP): needs 1 value on the stack, has 0");
}

TEST(Decoder, RejectsStopOnAMark) {
  EXPECT_EQ(corrupt(Pickle().none().mark().stop()),
            "byte 2 (STOP): needs 1 value on the stack above the MARK, has 0");
}

TEST(Decoder, RejectsAnOpcodeThatReachesBelowTheMark) {
  for (const Pickle& reaching :
       {Pickle().dup(), Pickle().tuple1(), Pickle().none().tuple2(), Pickle().reduce(),
        Pickle().none().build(), Pickle().none().append(), Pickle().none().none().setitem(),
        Pickle().binput(0), Pickle().memoize(), Pickle().binpersid(), Pickle().none().newobj(),
        Pickle().none().none().newobj_ex(), Pickle().none().stack_global()}) {
    const Pickle values = Pickle().empty_list().empty_list().empty_list();
    EXPECT_THAT(corrupt(Pickle(values).mark().raw(reaching)), HasSubstr("above the MARK, has"));
    EXPECT_THAT(corrupt(reaching), HasSubstr("on the stack, has"));
  }
}

TEST(Decoder, RejectsAMissingMark) {
  for (const Pickle& marked :
       {Pickle().tuple(), Pickle().list(), Pickle().dict(), Pickle().appends(), Pickle().setitems(),
        Pickle().additems(), Pickle().frozenset(), Pickle().pop_mark(), Pickle().obj(),
        Pickle().inst("m", "n")})
    EXPECT_THAT(corrupt(Pickle().none().raw(marked)), HasSubstr("): no MARK on the stack"));
}

TEST(Decoder, RejectsAMutationWithoutItsTarget) {
  for (const Pickle& mutation : {Pickle().appends(), Pickle().setitems(), Pickle().additems()})
    EXPECT_THAT(corrupt(Pickle().mark().none().none().raw(mutation)), HasSubstr("needs 1 value"));
}

TEST(Decoder, RejectsObjWithoutAClass) {
  EXPECT_THAT(corrupt(Pickle().mark().obj()), HasSubstr("(OBJ): needs a class after its MARK"));
}

TEST(Decoder, RejectsAKeyWithoutAValue) {
  EXPECT_THAT(corrupt(Pickle().mark().none().dict()),
              HasSubstr("(DICT): a key without a value: 1 values"));
  EXPECT_THAT(corrupt(Pickle().empty_dict().mark().none().none().none().setitems()),
              HasSubstr("(SETITEMS): a key without a value: 3 values"));
}

TEST(Decoder, RejectsAMutationOfTheWrongKind) {
  EXPECT_EQ(corrupt(Pickle().integer(1).none().append()),
            "byte 3 (APPEND): needs a List below its values, found a Int");
  EXPECT_THAT(corrupt(Pickle().empty_tuple().none().append()), HasSubstr("found a Tuple"));
  EXPECT_THAT(corrupt(Pickle().empty_set().mark().none().appends()), HasSubstr("found a Set"));
  EXPECT_THAT(corrupt(Pickle().empty_list().none().none().setitem()), HasSubstr("found a List"));
  EXPECT_THAT(corrupt(Pickle().string("").mark().setitems()), HasSubstr("found a String"));
  EXPECT_THAT(corrupt(Pickle().empty_list().mark().additems()), HasSubstr("needs a Set"));
}

TEST(Decoder, RejectsANameThatIsNotTwoStrings) {
  EXPECT_THAT(corrupt(Pickle().string("m").integer(1).stack_global()),
              HasSubstr("(STACK_GLOBAL): needs two strings, found a Int"));
  EXPECT_THAT(corrupt(Pickle().binstring(std::string(70'000, 'm')).string("n").stack_global()),
              HasSubstr("found a long ByteString"));
}

TEST(Decoder, RejectsAProtocolAboveFive) {
  EXPECT_EQ(corrupt(Pickle().protocol(6).none().stop()),
            "byte 0 (PROTO): protocol 6, the highest is 5");
}

TEST(Decoder, RejectsProtoInMidStream) {
  EXPECT_EQ(corrupt(Pickle().protocol(2).none().protocol(2).stop()),
            "byte 3 (PROTO): only the first opcode of a pickle may be PROTO");
}

TEST(Decoder, RefusesTheExtensionRegistry) {
  EXPECT_THAT(unsupported(Pickle().ext1(7)), HasSubstr("byte 0 (EXT1): stands for entry 7 of"));
  EXPECT_THAT(unsupported(Pickle().ext2(700)), HasSubstr("entry 700 of"));
  EXPECT_THAT(unsupported(Pickle().ext4(-7)), HasSubstr("entry -7 of"));
}

TEST(Decoder, RefusesBuffersOutsideTheFile) {
  EXPECT_THAT(unsupported(Pickle().next_buffer()),
              HasSubstr("byte 0 (NEXT_BUFFER): stands for a buffer that is kept outside the file"));
  EXPECT_THAT(unsupported(Pickle().readonly_buffer()), HasSubstr("outside the file"));
}

// --- Memo ---

TEST(Decoder, RejectsGetOfUnfilledMemoSlot) {
  EXPECT_EQ(corrupt(Pickle().protocol(2).binget(7).stop()),
            "byte 2 (BINGET): memo slot 7 was never filled");
  EXPECT_THAT(corrupt(Pickle().none().binput(6).long_binget(7)), HasSubstr("memo slot 7"));
  EXPECT_THAT(corrupt(Pickle().get("4294967295")), HasSubstr("memo slot 4294967295"));
}

TEST(Decoder, RejectsAMemoSlotThatIsNoNumber) {
  for (const char* line : {"", "-1", "+1", " 1", "1 ", "01", "1_0", "x", "0x1", "1\r",
                           "99999999999999999999", "1.0"}) {
    EXPECT_THAT(corrupt(Pickle().none().put(line)), HasSubstr("is not the number of a memo slot"));
    EXPECT_THAT(corrupt(Pickle().get(line)), HasSubstr("is not the number of a memo slot"));
  }
}

TEST(Decoder, GetsWhatWasPut) {
  EXPECT_EQ(shown(Pickle().integer(1).binput(255).pop().binget(255).stop()), "1");
  EXPECT_EQ(shown(Pickle().integer(1).long_binput(70'000).pop().long_binget(70'000).stop()), "1");
  EXPECT_EQ(shown(Pickle().integer(1).put("300").pop().get("300").stop()), "1");
}

TEST(Decoder, GetsTheLastValueThatWasPut) {
  EXPECT_EQ(shown(Pickle().integer(1).binput(0).integer(2).binput(0).pop().pop().binget(0).stop()),
            "2");
}

TEST(Decoder, MemoizesIntoTheSlotAfterAllFilledOnes) {
  // As CPython counts: slots 5 and 9 are filled, so MEMOIZE fills 2.
  Pickle pickle;
  pickle.integer(1).binput(5).binput(9).binput(9).integer(7).memoize().binget(2);
  EXPECT_EQ(shown(pickle.stop()), "7");
}

TEST(Decoder, KeepsFarSlotsApartFromNearOnes) {
  Pickle pickle;
  pickle.mark().integer(1).long_binput(5000).integer(2).long_binput(4'294'967'295);
  for (int i = 0; i < 4000; ++i) pickle.integer(3).long_binput(static_cast<uint32_t>(i)).pop();
  pickle.integer(4).long_binput(5001).long_binget(5000).long_binget(4'294'967'295);
  EXPECT_EQ(shown(pickle.long_binget(3999).tuple().stop()), "(1, 2, 4, 1, 2, 3)");
}

TEST(Decoder, GetNeverCopies) {
  const Decoded pair = decoded(Pickle().empty_list().binput(0).binget(0).tuple2().stop());
  const std::vector<NodeId> items = pair.graph.items(pair.pickle.root).to_vector();
  ASSERT_THAT(items, SizeIs(2));
  EXPECT_EQ(items[0], items[1]);
}

// --- Stack ---

TEST(Decoder, PopsTheMarkWhenNothingLiesAboveIt) {
  EXPECT_EQ(shown(Pickle().integer(1).mark().pop().tuple1().stop()), "(1)");
}

TEST(Decoder, PopMarkDropsAllAboveTheMark) {
  EXPECT_EQ(shown(Pickle().integer(1).mark().none().none().pop_mark().stop()), "1");
}

TEST(Decoder, TakesTheTopOfTheStackAndIgnoresTheRest) {
  EXPECT_EQ(shown(Pickle().integer(1).mark().integer(2).integer(3).stop()), "3");
}

TEST(Decoder, EndsJustPastStop) {
  const auto source = std::make_shared<MemorySource>(
      Pickle().raw("junk").protocol(2).none().stop().raw("junk").bytes());
  Graph graph;
  const DecodedPickle pickle = decode_pickle(source, 4, Limits{}, graph);
  EXPECT_EQ(pickle.end, 8);
  EXPECT_EQ(pickle.opcodes, 3);
  EXPECT_TRUE(graph.is(pickle.root, NodeKind::None));
}

TEST(Decoder, AddsToAGraphThatHoldsAnotherPickle) {
  const auto source = std::make_shared<MemorySource>(
      Pickle().integer(1).tuple1().stop().integer(2).tuple1().stop().bytes());
  Graph graph;
  const DecodedPickle first = decode_pickle(source, 0, Limits{}, graph);
  const DecodedPickle second = decode_pickle(source, first.end, Limits{}, graph);
  EXPECT_EQ(shown(graph, first.root), "(1)");
  EXPECT_EQ(shown(graph, second.root), "(2)");
}

TEST(Decoder, KeepsWhatWasDecodedBeforeAnError) {
  const auto source = std::make_shared<MemorySource>(
      Pickle().global("posix", "system").string("id").tuple1().reduce().bytes());
  Graph graph;
  EXPECT_THROW(decode_pickle(source, 0, Limits{}, graph), Error);
  ASSERT_THAT(graph.call_nodes(), SizeIs(1));
  EXPECT_EQ(shown(graph, graph.call_nodes()[0]), "<reduce posix:system (u'id')>");
}

// --- Containers ---

TEST(Decoder, MakesTuples) {
  EXPECT_EQ(shown(Pickle().empty_tuple().stop()), "()");
  EXPECT_EQ(shown(Pickle().mark().tuple().stop()), "()");
  EXPECT_EQ(shown(Pickle().integer(1).tuple1().stop()), "(1)");
  EXPECT_EQ(shown(Pickle().integer(1).integer(2).tuple2().stop()), "(1, 2)");
  EXPECT_EQ(shown(Pickle().integer(1).integer(2).integer(3).tuple3().stop()), "(1, 2, 3)");
  EXPECT_EQ(shown(Pickle().int_tuple({1, 2, 3, 4}).stop()), "(1, 2, 3, 4)");
}

TEST(Decoder, MakesLists) {
  EXPECT_EQ(shown(Pickle().mark().integer(1).integer(2).list().stop()), "[1, 2]");
  EXPECT_EQ(shown(Pickle().empty_list().integer(1).append().mark().appends().stop()), "[1]");
  EXPECT_EQ(shown(Pickle().empty_list().mark().integer(1).integer(2).appends().stop()), "[1, 2]");
}

TEST(Decoder, MakesDicts) {
  EXPECT_EQ(shown(Pickle().mark().integer(1).integer(2).dict().stop()), "{1, 2}");
  EXPECT_EQ(shown(Pickle().empty_dict().integer(1).integer(2).setitem().stop()), "{1, 2}");
  EXPECT_EQ(shown(Pickle().empty_dict().mark().integer(1).integer(2).setitems().stop()), "{1, 2}");
}

TEST(Decoder, MakesSets) {
  EXPECT_EQ(shown(Pickle().empty_set().mark().integer(1).integer(2).additems().stop()),
            "set(1, 2)");
  EXPECT_EQ(shown(Pickle().mark().integer(1).frozenset().stop()), "frozenset(1)");
  EXPECT_EQ(shown(Pickle().mark().frozenset().stop()), "frozenset()");
}

TEST(Decoder, GrowsTwoListsInTurn) {
  Pickle pickle;
  pickle.empty_list().binput(0).empty_list().binput(1).tuple2();
  for (uint8_t i = 0; i < 4; ++i) pickle.binget(i % 2).integer(i).append().pop();
  EXPECT_EQ(shown(pickle.stop()), "([0, 2], [1, 3])");
}

TEST(Decoder, LetsAListHoldItself) {
  const Decoded cycle = decoded(Pickle().empty_list().dup().append().stop());
  EXPECT_EQ(cycle.graph.items(cycle.pickle.root).to_vector(),
            std::vector<NodeId>{cycle.pickle.root});
}

// --- Names and calls ---

TEST(Decoder, RecordsGlobalsWithTheirOffset) {
  const Decoded name = decoded(Pickle().protocol(2).global("posix", "system").stop());
  EXPECT_EQ(shown(name), "posix:system");
  EXPECT_EQ(name.graph.global(name.pickle.root).offset, 2);
  EXPECT_EQ(shown(Pickle().string("posix").short_binstring("system").stack_global().stop()),
            "posix:system");
}

TEST(Decoder, TakesNamesAsBytesWithoutStripping) {
  EXPECT_EQ(shown(Pickle().global(" os\r", "a.b\xff\0 "s).stop()), " os\r:a.b\xff\0 "s);
}

TEST(Decoder, RecordsEachKindOfCall) {
  const Pickle name = Pickle().global("m", "C");
  EXPECT_EQ(shown(Pickle(name).integer(1).tuple1().reduce().stop()), "<reduce m:C (1)>");
  EXPECT_EQ(shown(Pickle(name).empty_tuple().newobj().stop()), "<newobj m:C ()>");
  EXPECT_EQ(shown(Pickle(name).empty_tuple().empty_dict().newobj_ex().stop()),
            "<newobj_ex m:C () {}>");
  EXPECT_EQ(shown(Pickle().mark().raw(name).integer(1).obj().stop()), "<obj m:C (1)>");
  EXPECT_EQ(shown(Pickle().mark().integer(1).inst("m", "C").stop()), "<inst m:C (1)>");
}

TEST(Decoder, RecordsWhereACallStands) {
  const Decoded call = decoded(Pickle().global("m", "C").empty_tuple().reduce().stop());
  EXPECT_EQ(call.graph.call(call.pickle.root).offset, 6);
}

TEST(Decoder, RecordsACallOfAnything) {
  EXPECT_EQ(shown(Pickle().integer(1).none().reduce().none().newobj().stop()),
            "<newobj <reduce 1 None> None>");
}

TEST(Decoder, RecordsWhatIsDoneToAnObject) {
  Pickle pickle;
  pickle.ordered_dict().integer(1).integer(2).setitem().mark().integer(3).integer(4).setitems();
  pickle.integer(5).append().mark().integer(6).appends().mark().integer(7).additems();
  pickle.string("first").build().string("second").build();
  EXPECT_EQ(shown(pickle.stop()),
            "<reduce collections:OrderedDict () build(u'first', u'second') set(1, 2, 3, 4) "
            "add(5, 6, 7)>");
}

TEST(Decoder, RecordsAStrayEditOfANameOrId) {
  for (const Pickle& target : {Pickle().global("os", "environ"), Pickle().persid("1")}) {
    const Decoded edited = decoded(
        Pickle(target).integer(1).integer(2).setitem().none().append().none().build().stop());
    EXPECT_THAT(edited.graph.stray_edits(), SizeIs(4));
    EXPECT_EQ(edited.graph.stray_edits()[1].target, edited.pickle.root);
    EXPECT_EQ(shown(edited.graph, edited.graph.stray_edits()[1].value), "2");
    EXPECT_EQ(edited.graph.stray_edits()[1].offset, target.size() + 4);
  }
}

TEST(Decoder, RecordsAStrayBuildOfPlainValues) {
  const Decoded edited = decoded(Pickle().empty_dict().none().build().stop());
  EXPECT_EQ(shown(edited), "{}");
  EXPECT_THAT(edited.graph.stray_edits(), SizeIs(1));
}

TEST(Decoder, RecordsPersistentIds) {
  const Decoded ids = decoded(Pickle().persid("12").integer(3).binpersid().tuple2().stop());
  EXPECT_EQ(shown(ids), "(id u'12', id 3)");
  EXPECT_EQ(ids.graph.persistent_ids(), ids.graph.items(ids.pickle.root).to_vector());
}

TEST(Decoder, KnowsTheMeaningOfATorchTensor) {
  const Decoded tensor =
      decoded(Pickle().tensor_v2("FloatStorage", "0", 4, 0, {2, 2}, {2, 1}).stop());
  EXPECT_EQ(tensor.graph.callee_meaning(tensor.pickle.root), Meaning::RebuildTensorV2);
  EXPECT_EQ(shown(tensor),
            "<reduce torch._utils:_rebuild_tensor_v2 (id (u'storage', torch:FloatStorage, u'0', "
            "u'cpu', 4), 0, (2, 2), (2, 1), False, <reduce collections:OrderedDict ()>)>");
}

}  // namespace
}  // namespace unbrine
