// The whole way from a checkpoint to its safetensors file, and what is said on which stream.
#include "tests/cli/cli_test.h"
#include "tests/support/sample_checkpoints.h"

namespace unbrine {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

const std::vector<std::string> kNames = {"layer.weight", "layer.bias", "head"};

class ConvertCommand : public CliTest {};

TEST_F(ConvertCommand, WritesWhatTheReferenceWould) {
  folder.write("zip.pt", zip_checkpoint(kNames));
  folder.write("legacy.pt", legacy_checkpoint(kNames));
  for (const std::string name : {"zip", "legacy"}) {
    SCOPED_TRACE(name);
    const Outcome run = unbrine({"convert", name + ".pt"});
    EXPECT_EQ(run.status, 0) << run.err;
    EXPECT_EQ(folder.read(name + ".safetensors"), safetensors_of(kNames));
  }
}

TEST_F(ConvertCommand, RewritesSafetensorsToEqualBytes) {
  folder.write("model.safetensors", safetensors_of(kNames));
  const Outcome run = unbrine({"convert", "model.safetensors", "-o", "copy.safetensors"});
  EXPECT_EQ(run.status, 0) << run.err;
  EXPECT_EQ(folder.read("copy.safetensors"), safetensors_of(kNames));
}

TEST_F(ConvertCommand, EndsWithAShortSummary) {
  folder.write("model.pt", zip_checkpoint(kNames));
  const Outcome run = unbrine({"convert", "model.pt"});
  EXPECT_THAT(run.out,
              AllOf(HasSubstr("3 tensors"), HasSubstr("bytes"), HasSubstr("model.safetensors")));
}

TEST_F(ConvertCommand, ShowsNoProgressOffATerminal) {
  folder.write("model.pt", zip_checkpoint(kNames));
  const Outcome run = unbrine({"convert", "model.pt"});
  EXPECT_THAT(run.out + run.err, AllOf(Not(HasSubstr("\r")), Not(HasSubstr("\x1b"))));
}

TEST_F(ConvertCommand, GivesEqualBytesEachTime) {
  folder.write("model.pt", zip_checkpoint(kNames));
  const Outcome first = unbrine({"convert", "model.pt", "--json"});
  const std::string written = folder.read("model.safetensors");
  const Outcome second = unbrine({"convert", "model.pt", "--json", "--overwrite"});
  EXPECT_EQ(first.out, second.out);
  EXPECT_EQ(folder.read("model.safetensors"), written);
}

TEST_F(ConvertCommand, NeedsNoEnvironmentAndNoInputStream) {
  folder.write("model.pt", zip_checkpoint(kNames));
  const std::vector<std::string> command = {"/usr/bin/env", "-i", UNBRINE_BINARY, "convert",
                                            "model.pt"};
  EXPECT_EQ(run_command(command, {.folder = folder.path(), .input = "y\n"}).status, 0);
}

class InspectCommand : public CliTest {};

TEST_F(InspectCommand, ShowsNamesTypesAndShapesOnStdout) {
  folder.write("model.pt", zip_checkpoint(kNames));
  const Outcome run = unbrine({"inspect", "model.pt"});
  EXPECT_EQ(run.status, 0) << run.err;
  EXPECT_EQ(run.err, "");
  for (const std::string& name : kNames) EXPECT_THAT(run.out, HasSubstr(name));
  EXPECT_THAT(run.out, AllOf(HasSubstr("float32"), HasSubstr("[2]")));
}

TEST_F(InspectCommand, ReadsWhatConvertWrote) {
  folder.write("model.safetensors", safetensors_of(kNames));
  const Outcome run = unbrine({"inspect", "model.safetensors"});
  EXPECT_EQ(run.status, 0) << run.err;
  for (const std::string& name : kNames) EXPECT_THAT(run.out, HasSubstr(name));
}

TEST_F(InspectCommand, WritesNoFile) {
  folder.write("model.pt", legacy_checkpoint(kNames));
  EXPECT_EQ(unbrine({"inspect", "model.pt"}).status, 0);
  EXPECT_THAT(folder.names(), ::testing::ElementsAre("model.pt"));
}

}  // namespace
}  // namespace unbrine
