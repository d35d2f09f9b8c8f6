#include "converter/convert.h"

#include <gmock/gmock.h>

#include "converter/run_layout.h"
#include "tests/support/error_of.h"
#include "tests/support/sample_checkpoints.h"
#include "tests/support/scratch_folder.h"
#include "tests/support/zip_builder.h"

namespace unbrine {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(Convert, LeavesNothingBehindWhenTheArchiveIsAmbiguous) {
  const ScratchFolder folder;
  const auto none = PickleBuilder().protocol(2).none().stop().bytes();
  const auto input = folder.write("a.pt", torch_zip({{"data.pkl", none}, {"data.pkl", "x"}}));
  EXPECT_EQ(error_of([&] { convert(input, folder / "a.safetensors", {}); }).code(),
            ErrorCode::Corrupt);
  EXPECT_THAT(folder.names(), ElementsAre("a.pt"));
}

TEST(Convert, LeavesNothingBehindWhenInterrupted) {
  const ScratchFolder folder;
  const auto input = folder.write("a.pt", zip_checkpoint({"w"}));
  const std::atomic<bool> stop = true;
  ConvertOptions options;
  options.stop = &stop;
  EXPECT_THROW(convert(input, folder / "a.safetensors", options), Interrupted);
  EXPECT_THAT(folder.names(), ElementsAre("a.pt"));
}

TEST(Convert, RefusesAnInputThatChangesMeanwhile) {
  const ScratchFolder folder;
  const auto input = folder.write("a.pt", legacy_checkpoint({"w"}));
  ConvertOptions options;
  options.progress = [&](uint64_t, uint64_t) { folder.write("a.pt", "another content"); };
  const Error error = error_of([&] { convert(input, folder / "a.safetensors", options); });
  EXPECT_EQ(error.code(), ErrorCode::Io);
  EXPECT_THAT(error.what(), HasSubstr("changed while it was read"));
  EXPECT_THAT(folder.names(), ElementsAre("a.pt"));
}

TEST(Convert, WritesEqualFilesFromBothContainers) {
  const ScratchFolder folder;
  const std::vector<std::string> names = {"b", "a"};
  convert(folder.write("zip.pt", zip_checkpoint(names)), folder / "zip.safetensors", {});
  convert(folder.write("legacy.pt", legacy_checkpoint(names)), folder / "legacy.safetensors", {});
  EXPECT_EQ(folder.read("zip.safetensors"), safetensors_of(names));
  EXPECT_EQ(folder.read("legacy.safetensors"), safetensors_of(names));
}

TEST(Convert, WritesASafetensorsInputAgainByteForByte) {
  const ScratchFolder folder;
  const auto input = folder.write("in.safetensors", safetensors_of({"a", "b"}));
  convert(input, folder / "out.safetensors", {});
  EXPECT_EQ(folder.read("out.safetensors"), safetensors_of({"a", "b"}));
}

TEST(Convert, ReportsWhatItWrote) {
  const ScratchFolder folder;
  const auto input = folder.write("a.pt", zip_checkpoint({"w"}));
  const ConvertReport report = convert(input, folder / "a.safetensors", {});
  EXPECT_EQ(report.input_format, "torch-zip");
  EXPECT_EQ(report.output_bytes, safetensors_of({"w"}).size());
  ASSERT_EQ(report.tensors.size(), 1u);
  EXPECT_EQ(report.tensors[0].name, "w");
  EXPECT_EQ(report.tensors[0].dtype, "F32");
  EXPECT_EQ(report.tensors[0].offset + report.tensors[0].size, report.output_bytes);
}

TEST(Convert, GivesTheSameManifestEveryTime) {
  const ScratchFolder folder;
  const auto input = folder.write("a.pt", zip_checkpoint({"w", "v"}));
  ConvertOptions options;
  options.overwrite = true;
  const std::string first = manifest_json(convert(input, folder / "a.safetensors", options));
  options.workers = 3;
  EXPECT_EQ(manifest_json(convert(input, folder / "a.safetensors", options)), first);
  EXPECT_THAT(first, HasSubstr(R"({"schema":"unbrine.manifest/1","source":{"file":"a.pt",)"));
}

}  // namespace
}  // namespace unbrine
