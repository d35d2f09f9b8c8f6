#include "converter/output_path.h"

#include <gmock/gmock.h>

#include "tests/support/error_of.h"
#include "tests/support/scratch_folder.h"

namespace unbrine {
namespace {

using ::testing::HasSubstr;

std::string output_for(const std::string& input) { return default_output(input, default_writer()); }

TEST(DefaultOutput, RefusesToReplaceTheInput) {
  EXPECT_EQ(error_of([] { output_for("model.safetensors"); }).code(), ErrorCode::Usage);
  const Error error =
      error_of([] { check_output("a.safetensors", "a.safetensors", default_writer()); });
  EXPECT_EQ(error.code(), ErrorCode::Usage);
}

TEST(DefaultOutput, RefusesAnotherNameOfTheInput) {
  const ScratchFolder folder;
  const auto input = folder.write("a.pt", "x");
  std::filesystem::create_hard_link(input, folder / "b.safetensors");
  EXPECT_THAT(
      error_of([&] { check_output(input, folder / "b.safetensors", default_writer()); }).what(),
      HasSubstr("is the input itself"));
}

TEST(DefaultOutput, RefusesAnotherSuffixAndNamesTheWriterThatItFits) {
  for (const std::string output : {"out.xyz", "out", ".safetensor"})
    EXPECT_EQ(error_of([&] { check_output("in.pt", output, default_writer()); }).code(),
              ErrorCode::Usage)
        << output;
  EXPECT_THAT(error_of([&] { check_output("in.ckpt", "out.pt", default_writer()); }).what(),
              HasSubstr("--to torch"));
}

TEST(DefaultOutput, RefusesAFolderInTheInput) {
  const ScratchFolder folder;
  for (const std::string output : {"", "below", "below/further/"})
    EXPECT_EQ(error_of([&] { check_output_folder(folder.path(), folder / output); }).code(),
              ErrorCode::Usage)
        << output;
  check_output_folder(folder / "in", folder / "out");
  check_output_folder(folder / "in", folder / "in2");
}

TEST(DefaultOutput, IsAFolderIfItSaysSoOrIsOne) {
  const ScratchFolder folder;
  folder.write("file", "x");
  EXPECT_TRUE(names_folder("out/"));
  EXPECT_TRUE(names_folder("."));
  EXPECT_TRUE(names_folder(folder.path()));
  EXPECT_FALSE(names_folder(folder / "file"));
  EXPECT_FALSE(names_folder(folder / "nothing"));
}

TEST(DefaultOutput, OfAFolderHasNoSuffix) {
  EXPECT_EQ(default_folder("zoo/last.pth.tar"), "zoo/last/");
  EXPECT_EQ(error_of([] { default_folder("zoo/last"); }).code(), ErrorCode::Usage);
}

TEST(DefaultOutput, OfACleanPtNeverReplacesAPt) {
  const WriterFormat& torch = *writer_by_name("torch");
  EXPECT_EQ(default_output("run/optimizer.pt", torch), "run/optimizer.clean.pt");
  EXPECT_EQ(default_output("run/last.ckpt", torch), "run/last.pt");
}

TEST(DefaultOutput, HasAStem) {
  EXPECT_EQ(stem_of("a/model.safetensors", default_writer()), "model");
  EXPECT_EQ(stem_of("last.pth.tar", *writer_by_name("torch")), "last");
  EXPECT_EQ(stem_of("model.pt", default_writer()), "model.pt");
}

TEST(DefaultOutput, ReplacesAKnownSuffix) {
  EXPECT_EQ(output_for("zoo/last.pth.tar"), "zoo/last.safetensors");
  EXPECT_EQ(output_for("pytorch_model.bin"), "pytorch_model.safetensors");
  EXPECT_EQ(output_for("/a.b/c.d.ckpt"), "/a.b/c.d.safetensors");
}

TEST(DefaultOutput, LiesBesideAFolder) {
  EXPECT_EQ(output_for("zoo/bert"), "zoo/bert.safetensors");
  EXPECT_EQ(output_for("zoo/bert/"), "zoo/bert.safetensors");
  const ScratchFolder folder;
  const std::filesystem::path path = std::filesystem::canonical(folder.path());
  EXPECT_EQ(output_for(path / "."), path.native() + ".safetensors");
}

TEST(DefaultOutput, NeedsAName) {
  EXPECT_EQ(error_of([] { output_for("/"); }).code(), ErrorCode::Usage);
}

TEST(DefaultOutput, NamesTheModelOfAnIndex) {
  EXPECT_EQ(output_for("pytorch_model.bin.index.json"), "pytorch_model.safetensors");
}

TEST(DefaultOutput, AppendsToAnUnknownOne) {
  EXPECT_EQ(output_for("model"), "model.safetensors");
  EXPECT_EQ(output_for("v1.5"), "v1.5.safetensors");
  EXPECT_EQ(output_for(".pt"), ".pt.safetensors");
}

}  // namespace
}  // namespace unbrine
