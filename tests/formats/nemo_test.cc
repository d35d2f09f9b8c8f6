#include "formats/nemo.h"

#include <gmock/gmock.h>

#include "tests/support/error_of.h"
#include "tests/support/sample_checkpoints.h"
#include "tests/support/tar_builder.h"

namespace unbrine {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

Checkpoint open(const TarBuilder& tar) { return open_checkpoint(tar.source(), Limits{}); }

TEST(Nemo, NamesTheMemberThatIsBroken) {
  const Error error = error_of([] {
    open(TarBuilder().add("./model_config.yaml", "").add("./model_weights.ckpt", "hello"));
  });
  EXPECT_THAT(error.what(), HasSubstr("'model_weights.ckpt': is text"));
}

TEST(Nemo, CutShortAnywhereIsAnError) {
  const auto whole = TarBuilder()
                         .add("model_config.yaml", "a: 1")
                         .add("model_weights.ckpt", zip_checkpoint({"w"}))
                         .bytes();
  for (size_t size = 1; size < whole.size(); ++size) {
    const auto part = std::make_shared<MemorySource>(
        std::vector<uint8_t>(whole.begin(), whole.begin() + static_cast<long>(size)));
    error_of([&] { open_checkpoint(part, Limits{}); });
  }
}

TEST(Nemo, ReadsItsWeightsAsTheRoot) {
  const Checkpoint checkpoint = open(TarBuilder()
                                         .add("./model_config.yaml", "a: 1")
                                         .add("./vocab.txt", "a b")
                                         .add("./model_weights.ckpt", zip_checkpoint({"w"})));
  EXPECT_EQ(checkpoint.format, "nemo+torch-zip");
  const Graph& graph = checkpoint.graph;
  ASSERT_TRUE(graph.is(checkpoint.root, NodeKind::Dict));
  EXPECT_EQ(graph.text(*graph.items(checkpoint.root).begin()), "w");
  EXPECT_THAT(checkpoint.notes, ElementsAre("model_config.yaml and 1 other file of the .nemo "
                                            "archive are not carried over"));
}

TEST(Nemo, ReadsTheSharesOfSeveralRanks) {
  const Checkpoint checkpoint =
      open(TarBuilder()
               .add("model_config.yaml", "")
               .add("mp_rank_00/model_weights.ckpt", zip_checkpoint({"w"}))
               .add("mp_rank_01/model_weights.ckpt", zip_checkpoint({"w"})));
  EXPECT_EQ(checkpoint.format, "nemo");
  EXPECT_EQ(checkpoint.tensors.tensors().size(), 2u);
  const Graph& graph = checkpoint.graph;
  EXPECT_EQ(graph.text(*graph.items(checkpoint.root).begin()), "mp_rank_00/model_weights.ckpt");
  EXPECT_THAT(checkpoint.notes, Contains(HasSubstr("several ranks")));
}

}  // namespace
}  // namespace unbrine
