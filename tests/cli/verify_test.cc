// verify: what is left of an output, and whether it is the checkpoint's.
#include "tests/cli/cli_test.h"
#include "tests/support/safetensors_builder.h"
#include "tests/support/sample_checkpoints.h"
#include "tests/support/zip_builder.h"

namespace unbrine {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

const std::vector<std::string> kNames = {"fc.weight", "fc.bias", "head"};

// {"state_dict": {"w": tensor, "b": tensor}, "epoch": 3, "optimizer": {"m": tensor}}
std::vector<uint8_t> training_checkpoint(int epoch = 3) {
  const auto floats = [](const char* key) {
    return PickleBuilder().tensor_v2("FloatStorage", key, 2, 0, {2}, {1});
  };
  PickleBuilder pickle;
  pickle.protocol(2).empty_dict().string("state_dict").empty_dict();
  pickle.string("w").raw(floats("0")).setitem().string("b").raw(floats("1")).setitem().setitem();
  pickle.string("epoch").integer(epoch).setitem();
  pickle.string("optimizer").empty_dict().string("m").raw(floats("2")).setitem().setitem().stop();
  return torch_zip({{"data.pkl", pickle.bytes()},
                    {"data/0", bytes_of<float>({1, 2})},
                    {"data/1", bytes_of<float>({3, 4})},
                    {"data/2", bytes_of<float>({5, 1e6F})}});
}

class Verify : public CliTest {
 protected:
  Verify() {
    folder.write("model.pt", zip_checkpoint(kNames));
    folder.write("run.pt", training_checkpoint());
  }

  void convert(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), "convert");
    const Outcome run = unbrine(arguments);
    ASSERT_EQ(run.status, 0) << run.err;
  }

  Outcome verify(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), "verify");
    return unbrine(arguments);
  }

  // Changes one byte, counted from the end of the file.
  void flip(const std::string& file, size_t from_end) const {
    std::string bytes = folder.read(file);
    bytes[bytes.size() - from_end] ^= 1;
    folder.write(file, bytes);
  }

  void replace(const std::string& file, const std::string& part, const std::string& by) const {
    std::string text = folder.read(file);
    const size_t at = text.find(part);
    ASSERT_NE(at, std::string::npos) << text;
    folder.write(file, text.replace(at, part.size(), by));
  }

  // stdout of a run that must end with `status`.
  std::string finds(int status, std::vector<std::string> arguments) const {
    const Outcome run = verify(std::move(arguments));
    EXPECT_EQ(run.status, status) << run.out << run.err;
    return run.out;
  }
};

TEST_F(Verify, FileWithoutManifestIsAMistake) {
  convert({"model.pt"});
  EXPECT_THAT(refusal(2, {"verify", "model.safetensors"}),
              AllOf(HasSubstr("--against"), HasSubstr("--manifest")));
  EXPECT_THAT(refusal(2, {"verify", "."}), HasSubstr("manifest.json"));
}

TEST_F(Verify, MistakesInNumbersAndRulesAreNamed) {
  convert({"model.pt"});
  for (const char* number : {"x", "", "-1", "nan", "1e"}) {
    SCOPED_TRACE(number);
    EXPECT_THAT(refusal(2, {"verify", "model.safetensors", "--against", "model.pt",
                            std::string("--rtol=") + number}),
                HasSubstr("--rtol"));
  }
  refusal(2, {"verify", "model.safetensors", "--against", "model.pt", "--dtype", "F33"});
}

TEST_F(Verify, MissingInputsAreIoErrors) {
  refusal(2, {"verify", "gone.safetensors", "--against", "model.pt"});
  refusal(2, {"verify", "gone/"});
  convert({"model.pt"});
  EXPECT_THAT(refusal(2, {"verify", "model.safetensors", "--against", "gone.pt"}),
              HasSubstr("gone.pt"));
  EXPECT_THAT(refusal(2, {"verify", "model.safetensors", "--manifest", "gone.json"}),
              HasSubstr("gone.json"));
}

TEST_F(Verify, DamagedManifestIsMalformed) {
  convert({"run.pt", "-o", "ck/"});
  const std::string manifest = folder.read("ck/manifest.json");
  for (const std::string& text :
       {std::string(), manifest.substr(0, manifest.size() / 2), std::string("[]")}) {
    folder.write("ck/manifest.json", text);
    EXPECT_THAT(refusal(5, {"verify", "ck/"}), HasSubstr("manifest.json"));
  }
}

TEST_F(Verify, OneByteOfATensorIsFoundAndNamed) {
  convert({"run.pt", "-o", "ck/"});
  flip("ck/optimizer.safetensors", 1);
  const std::string out = finds(1, {"ck/"});
  EXPECT_THAT(out, AllOf(HasSubstr("optimizer.safetensors: m: its digest is"),
                         HasSubstr("1 difference"), Not(HasSubstr("model.safetensors"))));
}

TEST_F(Verify, OneByteIsFoundAgainstTheCheckpointToo) {
  convert({"model.pt"});
  flip("model.safetensors", 1);
  EXPECT_THAT(finds(1, {"model.safetensors", "--against", "model.pt"}),
              AllOf(HasSubstr("head: is not that in model.pt: 1 of 2 elements differ"),
                    HasSubstr("first at [1]")));
}

TEST_F(Verify, MissingFileIsADifference) {
  convert({"run.pt", "-o", "ck/"});
  std::filesystem::remove(folder / "ck/model.safetensors");
  EXPECT_THAT(finds(1, {"ck/"}), HasSubstr("model.safetensors: is missing"));
}

TEST_F(Verify, RenamedFileIsMissingAndNoted) {
  convert({"run.pt", "-o", "ck/"});
  std::filesystem::rename(folder / "ck/model.safetensors", folder / "ck/weights.safetensors");
  const Outcome run = verify({"ck/"});
  EXPECT_EQ(run.status, 1);
  EXPECT_THAT(run.out, HasSubstr("model.safetensors: is missing"));
  EXPECT_THAT(run.err, HasSubstr("'weights.safetensors' is not listed"));
}

TEST_F(Verify, TruncatedFileIsMalformed) {
  convert({"run.pt", "-o", "ck/"});
  const std::string bytes = folder.read("ck/model.safetensors");
  for (const size_t size : {bytes.size() - 1, size_t{20}, size_t{3}, size_t{0}}) {
    SCOPED_TRACE(size);
    folder.write("ck/model.safetensors", bytes.substr(0, size));
    EXPECT_THAT(finds(5, {"ck/"}), HasSubstr("model.safetensors: has " + std::to_string(size)));
  }
}

TEST_F(Verify, HeaderThatSaysOtherwiseIsADifference) {
  convert({"run.pt", "-o", "ck/"});
  replace("ck/model.safetensors", "\"w\"", "\"v\"");
  EXPECT_THAT(finds(1, {"ck/"}), AllOf(HasSubstr("w: is in the manifest, not in the file"),
                                       HasSubstr("v: is in the file, not in the manifest")));
  replace("ck/model.safetensors", "\"v\"", "\"w\"");
  replace("ck/model.safetensors", "F32", "I32");
  EXPECT_THAT(finds(1, {"ck/"}), HasSubstr("is int32 [2], the manifest lists float32 [2]"));
}

TEST_F(Verify, DamagedStateIsFound) {
  convert({"run.pt", "-o", "ck/"});
  replace("ck/state.json", "\"epoch\":3", "\"epoch\":4");
  EXPECT_THAT(finds(1, {"ck/"}), HasSubstr("state.json: its digest is"));
  replace("ck/state.json", "\"epoch\":4", "\"epoch\":}");
  EXPECT_THAT(finds(5, {"ck/"}), HasSubstr("state.json"));
}

TEST_F(Verify, FilesThatAreNotListedAreNoted) {
  convert({"run.pt", "-o", "ck/"});
  folder.write("ck/note.txt", "mine");
  const Outcome run = verify({"ck/"});
  EXPECT_EQ(run.status, 0) << run.out;
  EXPECT_THAT(run.err, AllOf(HasSubstr("note.txt"), Not(HasSubstr("manifest.json'"))));
}

TEST_F(Verify, FolderAgreesWithItselfAndItsCheckpoint) {
  convert({"run.pt", "-o", "ck/"});
  EXPECT_THAT(finds(0, {"ck/"}),
              HasSubstr("ck/: 3 tensors, 24 bytes, all digests agree; state.json agrees"));
  EXPECT_THAT(finds(0, {"ck/", "--against", "run.pt"}), HasSubstr("equal to run.pt"));
}

TEST_F(Verify, OtherCheckpointDiffersInWhatIsMissingAndAdditional) {
  convert({"run.pt", "-o", "ck/"});
  EXPECT_THAT(finds(1, {"ck/", "--against", "model.pt"}),
              AllOf(HasSubstr("w: is not in model.pt"),
                    HasSubstr("fc.weight: is missing: only in model.pt")));
}

TEST_F(Verify, OtherStateIsADifference) {
  folder.write("later.pt", training_checkpoint(4));
  convert({"run.pt", "-o", "ck/"});
  EXPECT_THAT(finds(1, {"ck/", "--against", "later.pt"}),
              HasSubstr("state.json: tree.epoch is 3, in later.pt 4"));
}

TEST_F(Verify, WhatRulesLeftOutIsKnownToTheManifest) {
  convert({"run.pt", "-o", "ck/", "--exclude", "b"});
  const Outcome run = verify({"ck/", "--against", "run.pt"});
  EXPECT_EQ(run.status, 0) << run.out;
  EXPECT_THAT(run.err, HasSubstr("1 of the tensors of run.pt were left out by rules"));
}

TEST_F(Verify, PartOfACheckpointIsFoundAgain) {
  convert({"run.pt", "-o", "part/", "--select", "optimizer"});
  finds(0, {"part/", "--against", "run.pt"});
  convert({"run.pt", "-o", "part.safetensors", "--select", "optimizer"});
  finds(0, {"part.safetensors", "--against", "run.pt", "--select", "optimizer"});
  finds(1, {"part.safetensors", "--against", "run.pt"});
}

TEST_F(Verify, FileIsHeldAgainstItsCheckpointByTheRulesGiven) {
  convert({"model.pt", "-o", "out.safetensors", "--strip-prefix", "fc.", "--add-prefix", "net."});
  EXPECT_THAT(finds(0, {"out.safetensors", "--against", "model.pt", "--strip-prefix", "fc.",
                        "--add-prefix", "net."}),
              HasSubstr("out.safetensors: 3 tensors, 24 bytes, equal to model.pt"));
  finds(1, {"out.safetensors", "--against", "model.pt"});
}

TEST_F(Verify, CastsAreFollowed) {
  convert({"model.pt", "-o", "half.safetensors", "--dtype", "F16"});
  EXPECT_THAT(finds(0, {"half.safetensors", "--against", "model.pt"}),
              HasSubstr("3 tensors after the cast"));
  EXPECT_THAT(finds(1, {"half.safetensors", "--against", "model.pt", "--dtype", "BF16"}),
              HasSubstr("is float16, the rules ask for bfloat16"));
  flip("half.safetensors", 2);
  EXPECT_THAT(finds(1, {"half.safetensors", "--against", "model.pt"}),
              HasSubstr("is not the cast of that in model.pt: 1 of 2 elements differ"));
  EXPECT_THAT(finds(0, {"half.safetensors", "--against", "model.pt", "--rtol", "0.01"}),
              HasSubstr("1 tensor within the tolerance"));
}

TEST_F(Verify, TensorsThatWereNotCastAreFoundUnlessTheyOverflow) {
  convert({"run.pt", "-o", "m.safetensors", "--select", "optimizer"});
  finds(0, {"m.safetensors", "--against", "run.pt", "--select", "optimizer", "--dtype", "F16"});
  EXPECT_THAT(finds(1, {"m.safetensors", "--against", "run.pt", "--select", "optimizer", "--dtype",
                        "BF16"}),
              HasSubstr("m: is float32, the rules ask for bfloat16"));
}

TEST_F(Verify, CastsThatOverflowedAreFollowedEitherWay) {
  for (const char* way : {"saturate", "inf"}) {
    SCOPED_TRACE(way);
    convert({"run.pt", "-o", "m.safetensors", "--select", "optimizer", "--dtype", "F16",
             "--on-overflow", way, "--overwrite"});
    finds(0, {"m.safetensors", "--against", "run.pt", "--select", "optimizer"});
  }
}

TEST_F(Verify, ManifestOfAFileFollowsItWhenItIsRenamed) {
  convert({"model.pt", "-o", "a.safetensors", "--manifest", "a.json"});
  EXPECT_THAT(finds(0, {"a.safetensors", "--manifest", "a.json"}), HasSubstr("all digests agree"));
  std::filesystem::rename(folder / "a.safetensors", folder / "b.safetensors");
  finds(0, {"b.safetensors", "--manifest", "a.json", "--against", "model.pt"});
  flip("b.safetensors", 5);
  EXPECT_THAT(finds(1, {"b.safetensors", "--manifest", "a.json"}),
              HasSubstr("b.safetensors: head: its digest is"));
}

TEST_F(Verify, ManifestOfOtherFilesIsAMistake) {
  convert({"run.pt", "-o", "ck/"});
  convert({"model.pt"});
  EXPECT_THAT(refusal(2, {"verify", "model.pt", "--manifest", "ck/manifest.json"}),
              HasSubstr("is not among the 3 files"));
}

TEST_F(Verify, BlobHasItsDigestsInItsIndex) {
  convert({"model.pt", "-o", "m.blob", "--to", "blob"});
  EXPECT_THAT(finds(0, {"m.blob"}), HasSubstr("m.blob: 3 tensors, 24 bytes, all digests agree"));
  finds(0, {"m.blob", "--against", "model.pt"});
  flip("m.blob", folder.read("m.blob").size());
  EXPECT_THAT(finds(1, {"m.blob"}), HasSubstr("its digest is"));
}

TEST_F(Verify, TorchFileIsHeldAgainstItsManifest) {
  convert({"run.pt", "-o", "clean.pt", "--to", "torch", "--manifest", "clean.json"});
  finds(0, {"clean.pt", "--manifest", "clean.json"});
  finds(0, {"clean.pt", "--manifest", "clean.json", "--against", "run.pt"});
  finds(0, {"clean.pt", "--against", "run.pt"});
  replace("clean.pt", bytes_of<float>({3, 4}), bytes_of<float>({3, 5}));
  EXPECT_THAT(finds(1, {"clean.pt", "--manifest", "clean.json"}),
              HasSubstr("clean.pt: state_dict.b: its digest is"));
}

// Scale and zero point stand in the pickle, where no manifest lists them.
TEST_F(Verify, PartsOfQuantizedTensorsAreFoundInATorchFile) {
  PickleBuilder pickle;
  pickle.protocol(2).empty_dict().string("q").global("torch._utils", "_rebuild_qtensor").mark();
  pickle.storage("QInt8Storage", "0", 2).integer(0).int_tuple({2}).int_tuple({1});
  pickle.mark().global("torch", "per_tensor_affine").binfloat(0.5).integer(3).tuple();
  pickle.newfalse().ordered_dict().tuple().reduce().setitem().stop();
  folder.write("q.pt", torch_zip({{"data.pkl", pickle.bytes()}, {"data/0", "\1\2"}}));
  convert({"q.pt", "-o", "clean.pt", "--to", "torch", "--manifest", "clean.json"});
  finds(0, {"clean.pt", "--manifest", "clean.json", "--against", "q.pt"});
}

TEST_F(Verify, SumsAreChecked) {
  convert({"run.pt", "-o", "ck/", "--sha256"});
  finds(0, {"ck/"});
  const std::string sums = folder.read("ck/SHA256SUMS");
  folder.write("ck/SHA256SUMS", std::string(64, '0') + sums.substr(64));
  EXPECT_THAT(finds(1, {"ck/"}), HasSubstr("SHA256SUMS lists 0000"));
  folder.write("ck/SHA256SUMS", "no sum\n" + sums);
  EXPECT_THAT(finds(5, {"ck/"}), HasSubstr("SHA256SUMS: line 1 is no SHA-256"));
  folder.write("ck/SHA256SUMS", sums + std::string(64, '0') + "  gone\n");
  EXPECT_THAT(finds(1, {"ck/"}), HasSubstr("gone: is missing"));
}

TEST_F(Verify, JsonSaysWhatTheTextSays) {
  convert({"run.pt", "-o", "ck/"});
  const std::string good = finds(0, {"ck/", "--json"});
  EXPECT_TRUE(is_one_line(good));
  EXPECT_THAT(good, AllOf(HasSubstr("\"schema\":\"unbrine.verify/1\""),
                          HasSubstr("\"agrees\":true"), HasSubstr("\"differences\":[]")));
  flip("ck/model.safetensors", 1);
  EXPECT_THAT(finds(1, {"ck/", "--json"}),
              AllOf(HasSubstr("\"agrees\":false"),
                    HasSubstr("{\"file\":\"model.safetensors\",\"name\":\"w\",\"what\":")));
}

TEST_F(Verify, NothingIsWritten) {
  convert({"run.pt", "-o", "ck/"});
  const std::vector<std::string> before = folder.names("ck");
  finds(0, {"ck/", "--against", "run.pt"});
  EXPECT_EQ(folder.names("ck"), before);
}

}  // namespace
}  // namespace unbrine
