// What is typed: help, version, and each way to get it wrong.
#include "tests/cli/cli_test.h"
#include "tests/support/sample_checkpoints.h"

namespace unbrine {
namespace {

using ::testing::AllOf;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;

class Usage : public CliTest {
 protected:
  Usage() { folder.write("model.pt", zip_checkpoint({"a", "b"})); }

  // A mistake in what was typed: the message names it and says where to read more.
  void mistaken(const std::string& word, std::vector<std::string> arguments) const {
    const std::vector<std::string> before = folder.names();
    const Outcome run = unbrine(std::move(arguments));
    EXPECT_EQ(run.status, 2) << run.err;
    EXPECT_EQ(run.out, "");
    EXPECT_THAT(run.err, AllOf(HasSubstr(word), HasSubstr("--help")));
    EXPECT_EQ(folder.names(), before);
  }
};

TEST_F(Usage, UnknownCommand) { mistaken("convrt", {"convrt", "model.pt"}); }

TEST_F(Usage, UnknownOption) {
  mistaken("--frobnicate", {"convert", "model.pt", "--frobnicate"});
  mistaken("--frobnicate", {"inspect", "model.pt", "--frobnicate"});
  mistaken("--frobnicate", {"--frobnicate"});
}

TEST_F(Usage, MissingInput) {
  mistaken("convert", {"convert"});
  mistaken("inspect", {"inspect"});
}

TEST_F(Usage, SecondInput) {
  folder.write("other.pt", zip_checkpoint({"a"}));
  mistaken("other.pt", {"convert", "model.pt", "other.pt"});
}

TEST_F(Usage, OptionWithoutItsValue) {
  mistaken("-o", {"convert", "model.pt", "-o"});
  mistaken("--select", {"convert", "model.pt", "--select"});
}

TEST_F(Usage, NothingTypedPointsToTheHelp) {
  const Outcome run = unbrine({});
  EXPECT_EQ(run.status, 2);
  EXPECT_THAT(run.err, HasSubstr("--help"));
}

TEST_F(Usage, HelpListsCommandsAndExitCodes) {
  const Outcome run = unbrine({"--help"});
  EXPECT_EQ(run.status, 0);
  EXPECT_EQ(run.err, "");
  EXPECT_THAT(run.out, AllOf(HasSubstr("convert"), HasSubstr("inspect"), HasSubstr("--version")));
  for (const char* code : {"0", "2", "5", "6", "7", "130"})
    EXPECT_THAT(run.out, ContainsRegex(std::string("\n +") + code + " ")) << code;
}

TEST_F(Usage, HelpOfACommandListsItsOptions) {
  const Outcome run = unbrine({"convert", "--help"});
  EXPECT_EQ(run.status, 0);
  EXPECT_EQ(run.err, "");
  for (const char* option : {"-o", "--select", "--overwrite", "--json", "--limit"})
    EXPECT_THAT(run.out, HasSubstr(option));
  EXPECT_THAT(unbrine({"inspect", "--help"}).out, HasSubstr("--json"));
}

TEST_F(Usage, VersionIsThatOfTheProject) {
  const Outcome run = unbrine({"--version"});
  EXPECT_EQ(run.status, 0);
  EXPECT_EQ(run.out, "unbrine " UNBRINE_VERSION "\n");
  EXPECT_EQ(run.err, "");
}

TEST_F(Usage, UnknownLimit) {
  EXPECT_THAT(refusal(2, {"convert", "model.pt", "--limit", "max_bananas=3"}),
              AllOf(HasSubstr("max_bananas"), HasSubstr("help limits")));
  EXPECT_THAT(unbrine({"help", "limits"}).out, HasSubstr("max_tensors=1000000"));
}

TEST_F(Usage, LimitThatIsNoNumber) {
  for (const char* value : {"=many", "=", "=-1", "=1e3", "=7 ", "=99999999999999999999", ""}) {
    SCOPED_TRACE(value);
    EXPECT_THAT(refusal(2, {"convert", "model.pt", "--limit", std::string("max_tensors") + value}),
                AllOf(HasSubstr("--limit"), HasSubstr("max_tensors")));
  }
}

TEST_F(Usage, LimitIsNamedWhenItIsExceeded) {
  EXPECT_THAT(refusal(6, {"convert", "model.pt", "--limit", "max_tensors=1"}),
              AllOf(HasSubstr("model.pt"), HasSubstr("max_tensors"), HasSubstr("2")));
  refusal(6, {"inspect", "model.pt", "--limit", "max_tensors=1"});
  EXPECT_EQ(unbrine({"convert", "model.pt", "--limit", "max_tensors=2"}).status, 0);
}

TEST_F(Usage, NamesThatBeginWithADashFollowTwoDashes) {
  folder.write("-model.pt", zip_checkpoint({"a"}));
  EXPECT_EQ(unbrine({"convert", "-o", "out.safetensors", "--", "-model.pt"}).status, 0);
  EXPECT_EQ(folder.read("out.safetensors"), safetensors_of({"a"}));
}

}  // namespace
}  // namespace unbrine
