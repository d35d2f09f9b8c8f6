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
  ASSERT_EQ(report.files.size(), 1u);
  EXPECT_EQ(report.files[0].name, "a.safetensors");
  EXPECT_EQ(report.files[0].size, safetensors_of({"w"}).size());
  ASSERT_EQ(report.tensors.size(), 1u);
  EXPECT_EQ(report.tensors[0].name, "w");
  EXPECT_EQ(report.tensors[0].dtype, "F32");
  EXPECT_EQ(report.tensors[0].offset + report.tensors[0].size, report.files[0].size);
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

TEST(Convert, LeavesNothingBehindWhenAFolderIsInterrupted) {
  const ScratchFolder folder;
  const auto input = folder.write("a.pt", zip_checkpoint({"w"}));
  const std::atomic<bool> stop = true;
  ConvertOptions options;
  options.as_folder = true;
  options.stop = &stop;
  EXPECT_THROW(convert(input, folder / "out", options), Interrupted);
  EXPECT_THAT(folder.names(), ElementsAre("a.pt"));
}

TEST(Convert, RefusesACarriedFileWhoseNameIsTaken) {
  const ScratchFolder folder;
  const auto input = folder.write("a.pt", zip_checkpoint({"w"}));
  ConvertOptions options;
  options.as_folder = true;
  options.carried = {folder.write("state.json", "{}")};
  const Error error = error_of([&] { convert(input, folder / "out", options); });
  EXPECT_EQ(error.code(), ErrorCode::Usage);
  EXPECT_THAT(error.what(), HasSubstr("state.json"));
  EXPECT_THAT(folder.names(), ElementsAre("a.pt", "state.json"));
}

TEST(Convert, WritesAFolderWithTheWholeObject) {
  const ScratchFolder folder;
  const auto input = folder.write("a.pt", zip_checkpoint({"w"}));
  ConvertOptions options;
  options.as_folder = true;
  const ConvertReport report = convert(input, folder / "out", options);
  EXPECT_THAT(folder.names("out"), ElementsAre("manifest.json", "model.safetensors", "state.json"));
  EXPECT_EQ(folder.read("out/model.safetensors"), safetensors_of({"w"}));
  EXPECT_EQ(folder.read("out/state.json"),
            R"({"schema":"unbrine.tree/1","tree":{"w":{"$tensor":{"file":"model.safetensors",)"
            R"("name":"w"}}},"shared":[]})");
  EXPECT_EQ(folder.read("out/manifest.json"), manifest_json(report) + "\n");
}

TEST(Convert, ListsEachFileWithWhatProvesIt) {
  const ScratchFolder folder;
  const auto input = folder.write("a.pt", zip_checkpoint({"w"}));
  ConvertOptions options;
  options.as_folder = options.sha256 = options.verify = true;
  options.carried = {folder.write("config.json", "{}")};
  const ConvertReport report = convert(input, folder / "out/", options);
  ASSERT_EQ(report.files.size(), 3u);
  EXPECT_EQ(report.files[1].name, "config.json");
  EXPECT_EQ(report.files[1].sha256,  // of "{}"
            "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a");
  EXPECT_EQ(folder.read("out/config.json"), "{}");
  const std::string sums = folder.read("out/SHA256SUMS");
  EXPECT_THAT(sums, HasSubstr(report.files[0].sha256 + "  model.safetensors\n"));
  EXPECT_THAT(sums, HasSubstr("  manifest.json\n"));
}

TEST(Convert, PutsTheHashIntoTheName) {
  const ScratchFolder folder;
  const auto input = folder.write("a.pt", zip_checkpoint({"w"}));
  ConvertOptions options;
  options.hash_name = options.sha256 = true;
  const ConvertReport report = convert(input, folder / "a.safetensors", options);
  const std::string name = "a-" + report.files[0].sha256.substr(0, 8) + ".safetensors";
  EXPECT_THAT(folder.names(), ElementsAre(name, name + ".sha256", "a.pt"));
  EXPECT_EQ(report.tensors[0].file, name);
}

TEST(Convert, ReportsTheNameThatWasAskedFor) {
  const ScratchFolder folder;
  const auto input = folder.write("a.ckpt", zip_checkpoint({"w"}));
  ConvertOptions options;
  options.writer = writer_by_name("torch");
  const ConvertReport report = convert(input, folder / "b.pth.tar", options);
  EXPECT_EQ(report.files[0].name, "b.pth.tar");
  EXPECT_EQ(report.tensors[0].file, "b.pth.tar");
  EXPECT_THAT(folder.names(), ElementsAre("a.ckpt", "b.pth.tar"));
}

TEST(Convert, PlansWithoutWriting) {
  const ScratchFolder folder;
  const auto input = folder.write("a.pt", zip_checkpoint({"w"}));
  ConvertOptions options;
  options.as_folder = true;
  const ConvertPlan plan = plan_conversion(input, folder / "out/", options);
  EXPECT_THAT(folder.names(), ElementsAre("a.pt"));
  EXPECT_GT(plan.bytes_free, 0u);
  uint64_t bytes = 0;
  for (const WrittenFile& file : plan.report.files) bytes += file.size;
  EXPECT_EQ(plan.bytes_needed, bytes);
  EXPECT_THAT(plan_json(plan), HasSubstr(R"({"schema":"unbrine.plan/1",)"));
}

}  // namespace
}  // namespace unbrine
