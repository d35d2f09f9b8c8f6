// Text from a file, and names of files, reach a terminal only when escaped.
#include "tests/cli/cli_test.h"
#include "tests/support/sample_checkpoints.h"
#include "tests/support/zip_builder.h"

namespace unbrine {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// Clears the screen, sets the title, forges a line, hides and turns around what follows.
const std::vector<std::string> kHostile = {
    "\x1b[2J",       "\x1b]0;owned\x07", "\nunbrine: all is well",
    "\u202eflipped", "\u200bhidden",     "\r\b\x7f\u0085"};

class HostileText : public CliTest {
 protected:
  static void expect_tame(const std::string& text) {
    for (const unsigned char c : text)
      EXPECT_TRUE(c == '\n' || (c >= 0x20 && c != 0x7f)) << int{c} << " in " << text;
    for (const char* unseen : {"\u202e", "\u200b", "\u0085"})
      EXPECT_THAT(text, Not(HasSubstr(unseen)));
    EXPECT_THAT(text, Not(HasSubstr("\nunbrine: all is well")));
  }
};

TEST_F(HostileText, NamesOfTensors) {
  folder.write("model.pt", zip_checkpoint(kHostile));
  for (const char* command : {"inspect", "convert"}) {
    SCOPED_TRACE(command);
    const Outcome run = unbrine({command, "model.pt"});
    EXPECT_EQ(run.status, 0) << run.err;
    expect_tame(run.out);
    expect_tame(run.err);
  }
}

// {text + ".a": tensor, text: {"a": tensor}}: two paths, one name.
std::vector<uint8_t> colliding_checkpoint(const std::string& text) {
  const PickleBuilder tensor = PickleBuilder().tensor_v2("FloatStorage", "0", 2, 0, {2}, {1});
  PickleBuilder pickle;
  pickle.protocol(2).empty_dict();
  pickle.string(text + ".a").raw(tensor).setitem();
  pickle.string(text).empty_dict().string("a").raw(tensor).setitem().setitem();
  return torch_zip({{"data.pkl", pickle.stop().bytes()}, {"data/0", std::string(8, 'x')}});
}

TEST_F(HostileText, NamesInWarnings) {
  for (const std::string& text : kHostile) {
    folder.write("model.pt", colliding_checkpoint(text));
    const Outcome run = unbrine({"convert", "model.pt", "--overwrite"});
    EXPECT_EQ(run.status, 0) << run.err;
    expect_tame(run.out + run.err);
    EXPECT_THAT(run.err, HasSubstr("~1"));
  }
}

TEST_F(HostileText, NamesOfFilesThatDoNotExist) {
  for (const std::string& text : kHostile) expect_tame(refusal(2, {"convert", text + ".pt"}));
}

TEST_F(HostileText, NamesOfFilesThatAreConverted) {
  for (const std::string& text : kHostile) {
    const std::string name = text + ".pt";
    folder.write(name, zip_checkpoint({"weight"}));
    const Outcome run = unbrine({"convert", name});
    EXPECT_EQ(run.status, 0) << run.err;
    expect_tame(run.out + run.err);
    expect_tame(refusal(2, {"convert", name}));  // exists now
  }
}

TEST_F(HostileText, WordsOnTheCommandLine) {
  for (const std::string& text : kHostile) {
    expect_tame(unbrine({text}).err);
    expect_tame(unbrine({"convert", "model.pt", "--" + text}).err);
    expect_tame(unbrine({"convert", "model.pt", "--limit", text + "=1"}).err);
  }
}

TEST_F(HostileText, EntriesOfAZipThatIsNoCheckpoint) {
  ZipBuilder zip;
  for (const std::string& text : kHostile) zip.add(text, "content");
  folder.write("model.pt", zip.bytes());
  const Outcome run = unbrine({"convert", "model.pt"});
  EXPECT_NE(run.status, 0);
  expect_tame(run.err);
}

TEST_F(HostileText, PartsOfASelection) {
  folder.write("model.pt", zip_checkpoint(kHostile));
  for (const std::string& text : kHostile)
    expect_tame(unbrine({"convert", "model.pt", "--select", text + "?"}).err);
}

}  // namespace
}  // namespace unbrine
