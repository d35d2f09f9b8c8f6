// The options of convert that shape the output, and each way in which they do not fit together.
#include "tests/cli/cli_test.h"
#include "tests/support/sample_checkpoints.h"

namespace unbrine {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class ConvertOptions : public CliTest {
 protected:
  ConvertOptions() { folder.write("model.pt", zip_checkpoint({"module.a", "module.b"})); }

  Outcome convert(std::vector<std::string> options) const {
    options.insert(options.begin(), {"convert", "model.pt"});
    return unbrine(options);
  }

  std::string refused(std::vector<std::string> options) const {
    options.insert(options.begin(), {"convert", "model.pt"});
    return refusal(2, options);
  }
};

TEST_F(ConvertOptions, UnknownFormat) {
  EXPECT_THAT(refused({"--to", "gguf"}), AllOf(HasSubstr("gguf"), HasSubstr("safetensors, torch")));
}

TEST_F(ConvertOptions, UnknownDType) {
  EXPECT_THAT(refused({"--dtype", "F17"}), AllOf(HasSubstr("F17"), HasSubstr("BF16")));
}

TEST_F(ConvertOptions, RulesThatContradictEachOther) {
  refused({"--include", "*.a", "--exclude", "*.a"});
  refused({"--dtype", "*.a=F16", "--dtype", "*.a=BF16"});
}

TEST_F(ConvertOptions, PatternThatFitsNothingIsAWarningOrAnError) {
  const Outcome run = convert({"--exclude", "*.c"});
  EXPECT_EQ(run.status, 0);
  EXPECT_THAT(run.err, AllOf(HasSubstr("warning"), HasSubstr("*.c")));
  EXPECT_THAT(refusal(2, {"convert", "model.pt", "-o", "x.safetensors", "--exclude", "*.c",
                          "--strict-rules"}),
              HasSubstr("*.c"));
}

TEST_F(ConvertOptions, RulesThatLeaveNothing) {
  EXPECT_THAT(refused({"--exclude", "*"}), HasSubstr("no tensor"));
  EXPECT_THAT(refused({"--include", "nope*"}), HasSubstr("--include 'nope*'"));
}

TEST_F(ConvertOptions, ShardSmallerThanATensor) {
  EXPECT_THAT(refused({"--max-shard-size", "4"}),
              AllOf(HasSubstr("module.a"), HasSubstr("8 bytes")));
}

TEST_F(ConvertOptions, OptionsThatNeedAnotherOutput) {
  EXPECT_THAT(refused({"--split-top", "-o", "a.safetensors"}), HasSubstr("--split-top"));
  EXPECT_THAT(refused({"--carry", "model.pt", "-o", "a.safetensors"}), HasSubstr("--carry"));
  EXPECT_THAT(refused({"--hash-name", "-o", "a/"}), HasSubstr("--hash-name"));
  EXPECT_THAT(refused({"--to", "torch", "-o", "a/"}), HasSubstr("--to torch"));
  EXPECT_THAT(refused({"--to", "torch", "--max-shard-size", "1GB"}), HasSubstr("max-shard-size"));
  EXPECT_THAT(refused({"--align", "64"}), HasSubstr("--to blob"));
  EXPECT_THAT(refused({"--to", "blob", "--align", "100"}), HasSubstr("power of two"));
  EXPECT_THAT(refused({"--on-overflow", "inf"}), HasSubstr("--dtype"));
}

TEST_F(ConvertOptions, FileToCarryThatIsMissing) {
  EXPECT_THAT(refused({"--carry", "config.json", "-o", "a/"}), HasSubstr("config.json"));
}

TEST_F(ConvertOptions, HintsAtAPrefixThatAllNamesShare) {
  EXPECT_THAT(convert({}).err, HasSubstr("--strip-prefix module."));
}

TEST_F(ConvertOptions, NamesAreStrippedRenamedAndPrefixedInThisOrder) {
  const Outcome run = convert(
      {"--strip-prefix", "module.", "--rename", "s/^a/w/", "--add-prefix", "net.", "--json"});
  EXPECT_EQ(run.status, 0) << run.err;
  EXPECT_THAT(run.out, AllOf(HasSubstr(R"("name":"net.w",)"), HasSubstr(R"("source":"module.a",)"),
                             HasSubstr(R"("name":"net.b",)")));
}

TEST_F(ConvertOptions, ShardsAppearWithTheirIndex) {
  EXPECT_EQ(convert({"--max-shard-size", "8"}).status, 0);
  EXPECT_THAT(folder.names(),
              ElementsAre("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors",
                          "model.pt", "model.safetensors.index.json"));
}

TEST_F(ConvertOptions, ShardsAreNotLeftWhereTheIndexCannotBe) {
  folder.write("model.safetensors.index.json", "precious");
  EXPECT_THAT(refused({"--max-shard-size", "8"}), HasSubstr("index.json"));
  EXPECT_EQ(folder.read("model.safetensors.index.json"), "precious");
}

TEST_F(ConvertOptions, CastsAreCounted) {
  const Outcome run = convert({"--dtype", "F16", "--json"});
  EXPECT_EQ(run.status, 0) << run.err;
  EXPECT_THAT(run.out, HasSubstr(R"("cast":{"overflowed":0,"became_nan":0,"max_abs_error":0.0,)"));
  EXPECT_THAT(run.out,
              AllOf(HasSubstr(R"("dtype":"F16")"), HasSubstr(R"("source_dtype":"float32")")));
}

TEST_F(ConvertOptions, MetadataIsWritten) {
  EXPECT_EQ(convert({"--metadata", "licence=MIT"}).status, 0);
  EXPECT_THAT(folder.read("model.safetensors"),
              HasSubstr(R"({"__metadata__":{"format":"pt","licence":"MIT"},)"));
}

TEST_F(ConvertOptions, ManifestIsWrittenToAFile) {
  const Outcome run = convert({"--manifest", "m.json", "--json"});
  EXPECT_EQ(folder.read("m.json"), run.out);
  EXPECT_THAT(refused({"--manifest", "m.json", "-o", "x.safetensors"}), HasSubstr("m.json"));
}

TEST_F(ConvertOptions, DryRunWritesNothing) {
  const Outcome run = convert({"--dry-run", "-o", "out/"});
  EXPECT_EQ(run.status, 0) << run.err;
  EXPECT_THAT(run.out, AllOf(HasSubstr("model.safetensors"), HasSubstr("state.json"),
                             HasSubstr("needs"), HasSubstr("free")));
  EXPECT_THAT(folder.names(), ElementsAre("model.pt"));
}

TEST_F(ConvertOptions, SplitTopMakesAFolderBesideTheInput) {
  EXPECT_EQ(convert({"--split-top"}).status, 0);
  EXPECT_THAT(folder.names(), ElementsAre("model", "model.pt"));
}

TEST_F(ConvertOptions, EveryFormatIsAnInputToo) {
  EXPECT_EQ(convert({"-o", "plain.safetensors"}).status, 0);
  const std::string plain = folder.read("plain.safetensors");
  EXPECT_EQ(convert({"--to", "torch", "-o", "t.pt"}).status, 0);
  EXPECT_EQ(convert({"--to", "blob", "-o", "b.blob"}).status, 0);
  EXPECT_EQ(convert({"-o", "tree/"}).status, 0);
  EXPECT_EQ(convert({"-o", "shards/", "--max-shard-size", "8"}).status, 0);
  for (const char* input : {"t.pt", "b.blob", "b.blob.json", "tree", "shards"}) {
    SCOPED_TRACE(input);
    const Outcome run = unbrine({"convert", input, "-o", "back.safetensors", "--overwrite"});
    EXPECT_EQ(run.status, 0) << run.err;
    EXPECT_EQ(folder.read("back.safetensors"), plain);
  }
}

}  // namespace
}  // namespace unbrine
