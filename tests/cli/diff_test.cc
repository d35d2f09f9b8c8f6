// diff: what two inputs do not have in common, whatever their formats.
#include <limits>

#include "tests/cli/cli_test.h"
#include "tests/support/safetensors_builder.h"
#include "tests/support/sample_checkpoints.h"
#include "tests/support/zip_builder.h"

namespace unbrine {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

// {"model": {"w": tensor}, "optimizer": {"m": tensor}, "epoch": epoch}
std::vector<uint8_t> run_checkpoint(int epoch, float momentum) {
  PickleBuilder pickle;
  pickle.protocol(2).empty_dict().string("model").empty_dict().string("w");
  pickle.tensor_v2("FloatStorage", "0", 1, 0, {1}, {1}).setitem().setitem();
  pickle.string("optimizer").empty_dict().string("m");
  pickle.tensor_v2("FloatStorage", "1", 1, 0, {1}, {1}).setitem().setitem();
  pickle.string("epoch").integer(epoch).setitem().stop();
  return torch_zip({{"data.pkl", pickle.bytes()},
                    {"data/0", bytes_of<float>({1})},
                    {"data/1", bytes_of<float>({momentum})}});
}

class Diff : public CliTest {
 protected:
  std::string diff(int status, std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), "diff");
    const Outcome run = unbrine(std::move(arguments));
    EXPECT_EQ(run.status, status) << run.out << run.err;
    return run.out;
  }

  void write_floats(const std::string& file, const std::vector<float>& values) const {
    folder.write(file, safetensors_file({{"w", "F32", {values.size()}, bytes_of(values)}}));
  }
};

TEST_F(Diff, NeedsTwoInputs) {
  folder.write("a.pt", zip_checkpoint({"w"}));
  EXPECT_THAT(refusal(2, {"diff", "a.pt"}), HasSubstr("A B"));
  EXPECT_THAT(refusal(2, {"diff", "a.pt", "a.pt", "c.pt"}), HasSubstr("c.pt"));
  EXPECT_THAT(refusal(2, {"diff", "a.pt", ""}), HasSubstr("empty"));
}

TEST_F(Diff, InputsThatCannotBeReadAreNamed) {
  folder.write("a.pt", zip_checkpoint({"w"}));
  folder.write("broken.pt", "");
  EXPECT_THAT(refusal(5, {"diff", "a.pt", "broken.pt"}), HasSubstr("broken.pt: is empty"));
  EXPECT_THAT(refusal(2, {"diff", "gone.pt", "a.pt"}), HasSubstr("gone.pt"));
}

TEST_F(Diff, EqualTensorsInTwoFormatsAreEqual) {
  folder.write("a.pt", zip_checkpoint({"w", "b"}));
  folder.write("b.pt", legacy_checkpoint({"w", "b"}));
  folder.write("c.safetensors", safetensors_of({"w", "b"}));
  EXPECT_EQ(diff(0, {"a.pt", "b.pt"}), "A a.pt, B b.pt: 2 common tensors, 16 bytes, equal\n");
  diff(0, {"a.pt", "c.safetensors"});
}

TEST_F(Diff, NamesOnlyOnOneSideAreListed) {
  folder.write("a.pt", zip_checkpoint({"w", "x"}));
  folder.write("b.pt", zip_checkpoint({"w", "y"}));
  EXPECT_THAT(diff(1, {"a.pt", "b.pt"}),
              AllOf(HasSubstr("x: only in A: F32 [2]\n"), HasSubstr("y: only in B: F32 [2]\n"),
                    HasSubstr("2 tensors differ")));
}

TEST_F(Diff, ShapesAndDTypesAreTold) {
  folder.write("a.safetensors", safetensors_file({{"c", "C64", {1}, bytes_of<float>({1, 2})},
                                                  {"w", "F32", {2, 1}, bytes_of<float>({1, 2})}}));
  folder.write("b.safetensors", safetensors_file({{"c", "I64", {1}, bytes_of<int64_t>({1})},
                                                  {"w", "F32", {1, 2}, bytes_of<float>({1, 2})}}));
  EXPECT_THAT(diff(1, {"a.safetensors", "b.safetensors"}),
              AllOf(HasSubstr("c: dtypes differ: C64 [1] and I64 [1]"),
                    HasSubstr("w: shapes differ: F32 [2, 1] and F32 [1, 2]")));
}

TEST_F(Diff, ValuesThatDifferAreTold) {
  write_floats("a.safetensors", {1, 2, 3});
  write_floats("b.safetensors", {1, 2.5F, 3});
  EXPECT_THAT(
      diff(1, {"a.safetensors", "b.safetensors"}),
      HasSubstr("w: values differ: 1 of 3 elements differ, first at [1]: 2 and 2.5; max abs "
                "difference 0.5, max rel difference 0.2"));
}

TEST_F(Diff, TolerancesAreStated) {
  write_floats("a.safetensors", {1, 2, kNan});
  write_floats("b.safetensors", {1, 2.5F, -kNan});
  EXPECT_THAT(diff(0, {"a.safetensors", "b.safetensors", "--atol", "0.5"}),
              AllOf(HasSubstr("w: equal within the tolerance"), HasSubstr("rtol 0, atol 0.5")));
  diff(1, {"a.safetensors", "b.safetensors", "--rtol", "0.1"});
  EXPECT_THAT(refusal(2, {"diff", "a.safetensors", "b.safetensors", "--rtol", "much"}),
              HasSubstr("--rtol 'much'"));
}

TEST_F(Diff, RoundedTensorsCountAsEqual) {
  folder.write("a.safetensors",
               safetensors_file({{"w", "F32", {2}, bytes_of<float>({1, 1.00001F})}}));
  folder.write("b.safetensors",
               safetensors_file({{"w", "BF16", {2}, bytes_of<uint16_t>({0x3f80, 0x3f80})}}));
  folder.write("c.safetensors",
               safetensors_file({{"w", "BF16", {2}, bytes_of<uint16_t>({0x3f80, 0x3f81})}}));
  for (const std::vector<std::string>& order :
       {std::vector<std::string>{"a.safetensors", "b.safetensors"},
        std::vector<std::string>{"b.safetensors", "a.safetensors"}})
    EXPECT_THAT(diff(0, order), HasSubstr("equal after rounding to BF16"));
  EXPECT_THAT(diff(1, {"a.safetensors", "c.safetensors"}),
              HasSubstr("w: F32 [2] and BF16 [2], values differ"));
}

TEST_F(Diff, RulesApplyToBoth) {
  folder.write("a.pt", zip_checkpoint({"module.w", "module.b"}));
  folder.write("b.pt", zip_checkpoint({"w", "b"}));
  diff(1, {"a.pt", "b.pt"});
  folder.write("c.pt", zip_checkpoint({"module.w", "extra"}));
  diff(0, {"a.pt", "c.pt", "--include", "*w"});
}

TEST_F(Diff, WeightsAreComparedUnlessBothHoldMore) {
  folder.write("a.pt", run_checkpoint(1, 0.5F));
  folder.write("b.pt", run_checkpoint(1, 0.25F));
  folder.write("w.safetensors", safetensors_file({{"w", "F32", {1}, bytes_of<float>({1})}}));
  EXPECT_THAT(diff(0, {"a.pt", "w.safetensors"}),
              HasSubstr("not compared: optimizer of a.pt, 1 tensor, 4 bytes"));
  EXPECT_THAT(diff(1, {"a.pt", "b.pt"}), HasSubstr("optimizer.m: values differ"));
  diff(0, {"a.pt", "b.pt", "--select", "model"});
}

TEST_F(Diff, StateIsComparedIfAskedFor) {
  folder.write("a.pt", run_checkpoint(1, 0.5F));
  folder.write("b.pt", run_checkpoint(2, 0.5F));
  diff(0, {"a.pt", "b.pt"});
  EXPECT_THAT(diff(1, {"a.pt", "b.pt", "--state"}),
              HasSubstr("the state that is no tensor differs, first at tree.epoch: 1 and 2"));
  diff(0, {"a.pt", "a.pt", "--state"});
}

TEST_F(Diff, FolderIsWhatItWasMadeFrom) {
  folder.write("a.pt", run_checkpoint(1, 0.5F));
  ASSERT_EQ(unbrine({"convert", "a.pt", "-o", "ck/"}).status, 0);
  diff(0, {"a.pt", "ck/"});
  diff(0, {"ck/", "a.pt", "--state"});
}

TEST_F(Diff, MetadataIsToldAndCountsIfAskedFor) {
  const SafetensorsRecord tensor = {"w", "F32", {1}, bytes_of<float>({1})};
  folder.write("a.safetensors", safetensors_file({tensor}, {{"format", "pt"}, {"k", "v"}}));
  folder.write("b.safetensors", safetensors_file({tensor}, {{"format", "np"}}));
  EXPECT_THAT(diff(0, {"a.safetensors", "b.safetensors"}),
              AllOf(HasSubstr("metadata 'format': 'pt' and 'np'"),
                    HasSubstr("metadata 'k': 'v' and absent")));
  diff(1, {"a.safetensors", "b.safetensors", "--metadata"});
  diff(0, {"a.safetensors", "a.safetensors", "--metadata"});
}

TEST_F(Diff, HostileNamesAreEscaped) {
  folder.write("a.pt", zip_checkpoint({"\x1b[31mw"}));
  folder.write("b.pt", zip_checkpoint({"w"}));
  EXPECT_THAT(diff(1, {"a.pt", "b.pt"}), AllOf(Not(HasSubstr("\x1b")), HasSubstr("\\x1b")));
}

TEST_F(Diff, JsonSaysWhatTheTextSays) {
  write_floats("a.safetensors", {1, 2});
  write_floats("b.safetensors", {1, kNan});
  const std::string out = diff(1, {"a.safetensors", "b.safetensors", "--json"});
  EXPECT_TRUE(is_one_line(out));
  EXPECT_THAT(out, AllOf(HasSubstr("\"schema\":\"unbrine.diff/1\""), HasSubstr("\"equal\":false"),
                         HasSubstr("\"name\":\"w\",\"kind\":\"values\",\"a\":\"F32 [2]\""),
                         HasSubstr("\"first\":[1],\"a\":\"2\",\"b\":\"nan\"")));
}

TEST_F(Diff, HelpListsItsOptions) {
  const Outcome run = unbrine({"diff", "--help"});
  EXPECT_EQ(run.status, 0);
  for (const char* word : {"A B", "--rtol", "--atol", "--state", "--metadata", "--select"})
    EXPECT_THAT(run.out, HasSubstr(word));
}

}  // namespace
}  // namespace unbrine
