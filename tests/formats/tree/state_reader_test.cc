#include "formats/tree/state_reader.h"

#include <gmock/gmock.h>

#include <filesystem>

#include "formats/object_view.h"
#include "tests/formats/folder/folder_checkpoint.h"
#include "tests/formats/tree/tree_folder.h"
#include "tests/formats/tree/tree_samples.h"
#include "tests/support/error_of.h"
#include "tests/support/sample_checkpoints.h"

namespace unbrine {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;

std::string document(std::string_view tree, std::string_view shared = "[]") {
  return R"({"schema":"unbrine.tree/1","tree":)" + std::string(tree) + R"(,"shared":)" +
         std::string(shared) + "}";
}

class StateReader : public ::testing::Test {
 protected:
  void SetUp() override {
    folder.write("model.safetensors",
                 safetensors_file({{"w", "F32", {2}, bytes_of<float>({1, 2})},
                                   {"pair", "F64", {1, 2}, bytes_of<double>({3, 4})},
                                   {"scale", "F64", {}, bytes_of<double>({0.5})},
                                   {"zero_point", "I64", {}, bytes_of<int64_t>({3})}}));
  }

  Checkpoint read(const std::string& text) const {
    folder.write("state.json", text);
    return open_checkpoint(folder.path(), Limits{});
  }
  Error refusal(const std::string& text) const {
    return error_of([&] { read(text); });
  }
  Error refusal_of(std::string_view tree, std::string_view shared = "[]") const {
    return refusal(document(tree, shared));
  }

  ScratchFolder folder;
};

// --- Damage ---

TEST_F(StateReader, RejectsEveryPrefix) {
  const std::string whole = document(R"({"a":[1,{"$tuple":[{"$ref":0}]}],"w":{"$tensor":)"
                                     R"({"file":"model.safetensors","name":"w"}}})",
                                     R"([{"$bytes":"YWJj"}])");
  EXPECT_EQ(tree_text(read(whole)),
            document(R"({"a":[1,{"$tuple":[{"$bytes":"YWJj"}]}],"w":)"
                     R"({"$tensor":{"file":"model.safetensors","name":"w"}}})"));
  for (size_t size = 0; size < whole.size(); ++size) {
    const Error error = refusal(whole.substr(0, size));
    EXPECT_EQ(error.code(), ErrorCode::Corrupt) << size;
    EXPECT_THAT(error.what(), HasSubstr("'state.json': ")) << size;
  }
}

TEST_F(StateReader, RejectsADocumentOfAnotherKind) {
  EXPECT_THAT(refusal("[]").what(), HasSubstr("expected an object"));
  EXPECT_THAT(refusal("{}").what(), HasSubstr("has no 'schema'"));
  EXPECT_EQ(refusal(R"({"schema":"x","tree":1,"shared":[]})").code(), ErrorCode::Corrupt);
  EXPECT_EQ(refusal(R"({"schema":"unbrine.tree/2","tree":1,"shared":[]})").code(),
            ErrorCode::Unsupported);
  EXPECT_THAT(refusal(R"({"schema":"unbrine.tree/1","shared":[]})").what(), HasSubstr("'tree'"));
  EXPECT_THAT(refusal(R"({"schema":"unbrine.tree/1","tree":1})").what(), HasSubstr("'shared'"));
  EXPECT_THAT(refusal(R"({"schema":"unbrine.tree/1","tree":1,"shared":[],"more":1})").what(),
              HasSubstr("'more' does not belong there"));
}

TEST_F(StateReader, NamesThePlaceOfWhatIsNoValue) {
  const Error error = refusal_of(R"({"a":[0,{"k":{"$wrong":1}}]})");
  EXPECT_EQ(error.code(), ErrorCode::Corrupt);
  EXPECT_THAT(error.what(), HasSubstr("tree.a[1].k: '$wrong' is no key of a value"));
}

TEST_F(StateReader, NamesThePlaceInsideASharedValue) {
  EXPECT_THAT(refusal_of(R"({"$ref":1})", R"([1,{"$tuple":[{"$int":"x"}]}])").what(),
              HasSubstr("shared[1][0]: 'x' is no decimal number"));
}

TEST_F(StateReader, RejectsAReferenceThatLeadsNowhere) {
  EXPECT_THAT(refusal_of(R"([{"$ref":1}])", "[1]").what(),
              HasSubstr("tree[0]: refers to 1 of 1 shared values"));
  EXPECT_EQ(refusal_of(R"({"$ref":-1})").code(), ErrorCode::Corrupt);
  EXPECT_EQ(refusal_of(R"({"$ref":"0"})", "[1]").code(), ErrorCode::Corrupt);
  EXPECT_THAT(refusal_of(R"({"$ref":0})", R"([{"$ref":0}])").what(),
              HasSubstr("only refers to another"));
}

TEST_F(StateReader, RejectsACycleOfTuples) {
  EXPECT_THAT(refusal_of(R"({"$ref":0})", R"([{"$tuple":[{"$tuple":[{"$ref":0}]}]}])").what(),
              HasSubstr("which it is a part of"));
  EXPECT_EQ(refusal_of(R"({"$ref":0})", R"([{"$object":{"class":["a","b"],"by":"reduce",)"
                                        R"("args":[{"$ref":0}]}}])")
                .code(),
            ErrorCode::Corrupt);
}

TEST_F(StateReader, RejectsWhatAValueMustNotHold) {
  const std::vector<std::string_view> trees = {
      R"({"$int":1})",
      R"({"$int":"1.5"})",
      R"({"$int":""})",
      R"({"$float":"1.5"})",
      R"({"$float":"0x3ff0000000000000"})",
      R"({"$float":"0x7ff800000000000"})",
      R"({"$bytes":"YQ"})",
      R"({"$bytes":"YR=="})",
      R"({"$bytes":7})",
      R"({"$str":"*"})",
      R"({"$tuple":{}})",
      R"({"$tuple":[],"attrs":{}})",
      R"({"$tuple":[],"$list":[]})",
      R"({"$dict":[[1]]})",
      R"({"$dict":[1]})",
      R"({"$odict":[[1,2]]})",
      R"({"$odict":{"$tuple":[]}})",
      R"({"$odict":{"$dict":[],"more":1}})",
      R"({"$counter":{"a":1}})",
      R"({"$dtype":"x4"})",
      R"({"$dtype":"f4"})",
      R"({"$dtype":"<M8[q"})",
      R"({"$dtype":1})",
      R"({"$device":1})",
      R"({"$global":"a.b"})",
      R"({"$global":["a"]})",
      R"({"$global":["a",1]})",
      R"({"$object":{}})",
      R"({"$object":{"class":["a","b"]}})",
      R"({"$object":{"by":"reduce"}})",
      R"({"$object":{"class":["a","b"],"by":"call"}})",
      R"({"$object":{"class":["a","b"],"by":"reduce","more":1}})",
      R"({"$object":{"class":["a","b"],"by":"reduce","state":{}}})",
      R"({"$stream":1})",
      R"({"$stream":1,"kind":1})",
      R"({"$scalar":{"dtype":"<f4","value":"a"}})",
      R"({"$scalar":{"dtype":"<f4","value":0.1}})",
      R"({"$scalar":{"dtype":"<i1","value":128}})",
      R"({"$scalar":{"dtype":"<u1","value":-1}})",
      R"({"$scalar":{"dtype":"<U1","value":"ab"}})",
      R"({"$scalar":{"value":1}})",
      R"({"$ndarray":{"dtype":"|O","items":[]}})",
      R"({"$ndarray":{"dtype":"|O","shape":[-1],"items":[]}})",
      R"({"$ndarray":{}})",
      R"({"$tensor":{}})",
      R"({"$tensor":[]})",
      R"({"$tensor":{"file":"model.safetensors"}})",
      R"({"$tensor":{"file":"model.safetensors","name":"w","more":1}})",
      R"({"$tensor":{"file":"model.safetensors","name":"w","requires_grad":1}})",
      R"({"$tensor":{"file":"model.safetensors","name":"w","class":["a"]}})",
      R"({"$tensor":{"meta":true}})",
      R"({"$tensor":{"shape":[-1],"meta":true}})",
      R"({"$tensor":{"layout":"odd","dtype":"float32","shape":[1],"parts":{}}})",
      R"({"$tensor":{"layout":"complex","shape":[1],"parts":{"pair":)"
      R"({"file":"model.safetensors","name":"pair"}}}})",
      R"({"$tensor":{"layout":"complex","dtype":"complex128","shape":[2],"parts":{"pair":)"
      R"({"file":"model.safetensors","name":"pair"}}}})",
      R"({"$tensor":{"layout":"complex","dtype":"complex32","shape":[1],"parts":{"pair":)"
      R"({"file":"model.safetensors","name":"pair"}}}})",
      R"({"$tensor":{"layout":"sparse_coo","dtype":"float32","shape":[1],"parts":{"values":)"
      R"({"file":"model.safetensors","name":"w"}}}})",
      R"({"$tensor":{"layout":"quantized","dtype":"qint8","shape":[1],"parts":{}}})",
      R"({"$storage":{}})",
  };
  for (const std::string_view tree : trees) {
    const Error error = refusal_of(tree);
    EXPECT_EQ(error.code(), ErrorCode::Corrupt) << tree << error.what();
    EXPECT_THAT(error.what(), HasSubstr("'state.json': tree")) << tree;
  }
}

TEST_F(StateReader, RejectsADTypeThatIsNotKnown) {
  EXPECT_EQ(refusal_of(R"({"$tensor":{"dtype":"float1","shape":[],"meta":true}})").code(),
            ErrorCode::Unsupported);
}

TEST_F(StateReader, RejectsAnIntOfTooManyDigits) {
  EXPECT_EQ(refusal_of(R"({"$int":")" + std::string(4301, '9') + "\"}").code(), ErrorCode::Limit);
}

// --- Files ---

TEST_F(StateReader, OpensNothingOutsideTheFolder) {
  const ScratchFolder other;
  other.write("x.safetensors", safetensors_file({}));
  const std::string name = (other / "x.safetensors").string();
  EXPECT_THAT(refusal_of(R"({"$tensor":{"file":")" + name + R"(","name":"w"}})").what(),
              HasSubstr("is not a plain name in the folder"));
  EXPECT_THAT(refusal_of(R"({"$tensor":{"file":"../x.safetensors","name":"w"}})").what(),
              HasSubstr("is not a plain name in the folder"));
}

TEST_F(StateReader, RejectsAFileThatHoldsNoSuchTensor) {
  EXPECT_THAT(refusal_of(R"({"a":{"$tensor":{"file":"model.safetensors","name":"x"}}})").what(),
              HasSubstr("tree.a: the file 'model.safetensors' holds no tensor 'x'"));
  EXPECT_THAT(refusal_of(R"({"$tensor":{"file":"other.safetensors","name":"w"}})").what(),
              HasSubstr("'other.safetensors' is not in the folder"));
}

TEST_F(StateReader, RejectsATensorFileOfAnotherKind) {
  folder.write("x.pt", zip_checkpoint({"w"}));
  EXPECT_THAT(refusal_of(R"({"$tensor":{"file":"x.pt","name":"w"}})").what(),
              HasSubstr("neither .safetensors nor .blob"));
  folder.write("x.safetensors", zip_checkpoint({"w"}));
  EXPECT_THAT(refusal_of(R"({"$tensor":{"file":"x.safetensors","name":"w"}})").what(),
              HasSubstr("'x.safetensors': is no safetensors file"));
}

TEST_F(StateReader, IsTheFolderWhateverElseIsInIt) {
  folder.write("model.safetensors.index.json", "{}");
  folder.write("manifest.json", "{}");
  const Checkpoint checkpoint = read(document("{}"));
  EXPECT_EQ(checkpoint.format, "tree");
  EXPECT_THAT(checkpoint.notes, IsEmpty());
}

TEST_F(StateReader, LeavesAFolderWithoutTensorsAndManifestAlone) {
  fs::remove(folder / "model.safetensors");
  EXPECT_EQ(refusal(document("1")).code(), ErrorCode::Unsupported);
  folder.write("manifest.json", "{}");
  EXPECT_EQ(tree_text(read(document("1"))), document("1"));
}

TEST_F(StateReader, ReadsEachFileOnce) {
  const Checkpoint checkpoint =
      read(document(R"([{"$tensor":{"file":"model.safetensors","name":"w"}},)"
                    R"({"$tensor":{"file":"model.safetensors","name":"w"}}])"));
  EXPECT_THAT(checkpoint.files, SizeIs(2));  // with state.json
  EXPECT_THAT(checkpoint.tensors.tensors(), SizeIs(4));
}

TEST_F(StateReader, KeepsMetadataButNotTheNotesOnAliases) {
  folder.write("model.safetensors", safetensors_file({{"w", "F32", {1}, bytes_of<float>({1})}},
                                                     {{"format", "pt"}, {"v", "w"}}));
  const Checkpoint checkpoint =
      read(document(R"({"v":{"$tensor":{"file":"model.safetensors","name":"v","alias_of":"w"}}})"));
  EXPECT_THAT(checkpoint.metadata, ElementsAre(Pair("format", "pt")));
  EXPECT_THAT(tensors_of(checkpoint), ElementsAre(Pair("v", ElementsAre(1))));
}

// --- What it gives ---

TEST_F(StateReader, GivesTheTensorsTheirNames) {
  const Checkpoint checkpoint =
      read(document(R"({"net":{"a":{"$tensor":{"file":"model.safetensors","name":"w"}}}})"));
  EXPECT_THAT(tensors_of(checkpoint), ElementsAre(Pair("net.a", ElementsAre(1, 2))));
}

TEST_F(StateReader, PutsComplexNumbersTogether) {
  const Checkpoint checkpoint =
      read(document(R"({"$tensor":{"layout":"complex","dtype":"complex128","shape":[1],)"
                    R"("parts":{"pair":{"file":"model.safetensors","name":"pair"}}}})"));
  const Tensor& tensor = checkpoint.tensors.tensors()[checkpoint.graph.index(checkpoint.root)];
  EXPECT_EQ(tensor.dtype, DType::C128);
  EXPECT_THAT(tensor.shape, ElementsAre(1));
}

TEST_F(StateReader, KnowsAModuleAgain) {
  const Checkpoint checkpoint = read(
      document(R"({"$object":{"class":["lib","Net"],"by":"newobj","state":[{"_parameters":)"
               R"({"weight":{"$tensor":{"file":"model.safetensors","name":"w","requires_grad":)"
               R"(true,"class":["torch.nn.parameter","Parameter"]}}},"_buffers":{},)"
               R"("_modules":{}}]}})"));
  EXPECT_TRUE(is_module(checkpoint.graph, checkpoint.root));
  EXPECT_THAT(tensors_of(checkpoint), ElementsAre(Pair("weight", ElementsAre(1, 2))));
}

TEST_F(StateReader, GivesAViewThatWantsAGradientItsFlag) {
  const Checkpoint checkpoint =
      read(document(R"({"$tensor":{"file":"model.safetensors","name":"w","requires_grad":true}})"));
  EXPECT_TRUE(checkpoint.tensors.tensors()[checkpoint.graph.index(checkpoint.root)].requires_grad);
}

TEST_F(StateReader, RemembersWhatWasLeftOut) {
  const std::vector<std::string_view> trees = {
      R"({"$tensor":{"dtype":"float32","shape":[2],"left_out":true}})",
      R"({"$tensor":{"dtype":"float32","shape":[2],"left_out":true,"requires_grad":true,)"
      R"("class":["torch.nn.parameter","Parameter"]}})",
      R"({"$ndarray":{"dtype":"float32","shape":[2],"left_out":true}})",
      R"({"$storage":{"dtype":"float32","left_out":true}})",
      R"({"$storage":{"left_out":true}})",
  };
  for (const std::string_view tree : trees)
    EXPECT_EQ(tree_text(read(document(tree))), document(tree));
}

TEST_F(StateReader, ReadsAThousandLevels) {
  PickleBuilder pickle;
  for (int i = 0; i < 1000; ++i) pickle.empty_list();
  for (int i = 1; i < 1000; ++i) pickle.append();
  const std::string text = tree_text(tree_checkpoint(pickle));
  EXPECT_EQ(tree_text(read(text)), text);
}

// --- There and back ---

class EveryTreeSample : public ::testing::TestWithParam<TreeSample> {
 protected:
  ScratchFolder folder;
};

TEST_P(EveryTreeSample, IsWrittenAgainAsItWasRead) {
  const Checkpoint checkpoint = tree_checkpoint(GetParam().pickle);
  write_tree(checkpoint, folder);
  const Checkpoint again = open_checkpoint(folder.path(), Limits{});
  EXPECT_EQ(again.format, "tree");
  EXPECT_EQ(tree_text(again), tree_text(checkpoint));
}

// A changed byte leads nowhere but to a value or an Error. Of every seventh, for time.
TEST_P(EveryTreeSample, StandsChangedBytes) {
  const Checkpoint checkpoint = tree_checkpoint(GetParam().pickle);
  write_tree(checkpoint, folder);
  const std::string whole = folder.read("state.json");
  for (size_t i = 0; i < whole.size(); i += 7) {
    std::string changed = whole;
    changed[i] = "0]\"}$"[i % 5];
    folder.write("state.json", changed);
    try {
      tree_text(open_checkpoint(folder.path(), Limits{}));
    } catch (const Error& error) {
      EXPECT_THAT(error.what(), HasSubstr("state.json")) << changed;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(StateReader, EveryTreeSample, ::testing::ValuesIn(all_tree_samples()),
                         [](const auto& sample) { return std::string(sample.param.name); });

}  // namespace
}  // namespace unbrine
