#include "formats/folder/zero.h"

#include <gmock/gmock.h>

#include <cstring>

#include "formats/folder/folder.h"
#include "tests/formats/folder/folder_checkpoint.h"
#include "tests/support/error_of.h"
#include "tests/support/pickle_builder.h"
#include "tests/support/scratch_folder.h"
#include "tests/support/zip_builder.h"

namespace unbrine {
namespace {

namespace fs = std::filesystem;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

const fs::path kData = fs::path(UNBRINE_SOURCE_DIR) / "tests/data/zero";

// --- Files that DeepSpeed wrote ---

class ZeroOfDeepspeed : public ::testing::TestWithParam<const char*> {};

TEST_P(ZeroOfDeepspeed, MergesAsItsOwnScript) {
  const std::string name = GetParam();
  const Checkpoint merged = open_folder(kData / name, Limits{});
  const Checkpoint expected = open_checkpoint(kData / (name + ".expected.safetensors"), Limits{});
  EXPECT_EQ(tensors_of(merged), tensors_of(expected));
}

INSTANTIATE_TEST_SUITE_P(Stages, ZeroOfDeepspeed,
                         ::testing::Values("stage1", "stage1_bf16", "stage2", "stage2_bf16",
                                           "stage2_round_robin", "stage3", "stage3_bf16"));

class ZeroFolder : public ::testing::Test {
 protected:
  void copy(const char* name) const {
    fs::copy(kData / name, folder.path(), fs::copy_options::recursive);
  }
  Error refusal() const {
    return error_of([&] { open_folder(folder.path(), Limits{}); });
  }
  std::string corrupt() const {
    const Error error = refusal();
    EXPECT_EQ(error.code(), ErrorCode::Corrupt) << error.what();
    return error.what();
  }

  const fs::path step = "global_step2";
  ScratchFolder folder;
};

TEST_F(ZeroFolder, RejectsALatestThatLeadsNowhere) {
  copy("stage2");
  for (const char* tag : {"", " \n", "global_step3", "..", ".", "/", "../x", "global_step2/."}) {
    folder.write("latest", tag);
    EXPECT_THAT(corrupt(), HasSubstr("'latest': ")) << tag;
  }
}

TEST_F(ZeroFolder, MissesARankInTheMiddle) {
  copy("stage3_bf16");
  fs::remove(folder / (step / "bf16_zero_pp_rank_1_mp_rank_00_optim_states.pt").native());
  EXPECT_THAT(corrupt(), HasSubstr("the file of rank 1 is missing"));
}

TEST_F(ZeroFolder, MissesTheLastRank) {
  copy("stage2_bf16");
  fs::remove(folder / (step / "bf16_zero_pp_rank_2_mp_rank_00_optim_states.pt").native());
  EXPECT_THAT(corrupt(), HasSubstr("tells of 3 ranks, but the folder has 2 files"));
}

TEST_F(ZeroFolder, MissesAModelStateOfStage3) {
  copy("stage3");
  fs::remove(folder / (step / "zero_pp_rank_1_mp_rank_00_model_states.pt").native());
  EXPECT_THAT(corrupt(), HasSubstr("has 1 files *_model_states.pt, expected 2 at stage 3"));
}

TEST_F(ZeroFolder, MissesAllOfAKind) {
  copy("stage3");
  for (const char* rank : {"0", "1"})
    fs::remove(
        folder /
        (step / ("zero_pp_rank_" + std::string(rank) + "_mp_rank_00_optim_states.pt")).native());
  EXPECT_THAT(corrupt(), HasSubstr("has no file *_optim_states.pt"));
}

TEST_F(ZeroFolder, RejectsARankThatIsThereTwice) {
  copy("stage2");
  const auto file = [&](std::string_view name) { return folder / (step / name).native(); };
  fs::copy(file("zero_pp_rank_0_mp_rank_00_optim_states.pt"),
           file("bf16_zero_pp_rank_0_mp_rank_00_optim_states.pt"));
  EXPECT_THAT(corrupt(), HasSubstr("are of one rank"));
}

TEST_F(ZeroFolder, RefusesModelAndExpertParallelRanks) {
  for (const char* name :
       {"zero_pp_rank_0_mp_rank_01_optim_states.pt", "expp_rank_0_mp_rank_00_optim_states.pt",
        "zero_pp_rank_x_mp_rank_00_optim_states.pt", "zero_pp_rank__mp_rank_00_optim_states.pt"}) {
    const ScratchFolder other;
    other.write("mp_rank_00_model_states.pt", "x");
    other.write(name, "x");
    const Error error = error_of([&] { open_folder(other.path(), Limits{}); });
    EXPECT_EQ(error.code(), ErrorCode::Unsupported) << error.what();
    EXPECT_THAT(error.what(), HasSubstr("only checkpoints of data parallel ranks"));
  }
}

TEST_F(ZeroFolder, RejectsAFileInPlaceOfAnother) {
  copy("stage2");
  const auto file = [&](std::string_view name) { return folder / (step / name).native(); };
  fs::copy(file("zero_pp_rank_0_mp_rank_00_optim_states.pt"), file("mp_rank_00_model_states.pt"),
           fs::copy_options::overwrite_existing);
  EXPECT_THAT(corrupt(), HasSubstr("the model state has no 'buffer_names'"));
}

TEST_F(ZeroFolder, ReadsTheFolderOfAStep) {
  EXPECT_EQ(tensors_of(open_folder(kData / "stage3" / step, Limits{})).size(), 10u);
}

TEST_F(ZeroFolder, TellsWhatTheScriptLeavesOut) {
  EXPECT_THAT(open_folder(kData / "stage1", Limits{}).notes,
              Contains(HasSubstr("do not hold 'frozen.weight' and 1 other of the module")));
}

TEST_F(ZeroFolder, ReadsAModelStateWithoutPartitions) {
  folder.write("latest", "global_step2");
  fs::create_directory(folder / "global_step2");
  fs::copy(kData / "stage2" / step / "mp_rank_00_model_states.pt", folder / "global_step2");
  const Checkpoint checkpoint = open_folder(folder.path(), Limits{});
  EXPECT_EQ(checkpoint.format, "torch-zip");
  EXPECT_THAT(checkpoint.notes, ElementsAre(HasSubstr("no partitions")));
}

// --- Files made here: what fits and what does not ---

using Floats = std::vector<float>;

// One stage, one group, any number of ranks.
class ZeroLayout : public ::testing::Test {
 protected:
  // {"param_shapes": [{"a": a, "b": b}], "module": {}, "buffer_names": []}
  static PickleBuilder model(const std::vector<int64_t>& a, const std::vector<int64_t>& b) {
    PickleBuilder state;
    state.empty_dict().string("module").empty_dict().setitem();
    state.string("buffer_names").empty_list().setitem();
    state.string("param_shapes").empty_list().empty_dict();
    state.string("a").int_tuple(a).setitem().string("b").int_tuple(b).setitem();
    return state.append().setitem();
  }

  static std::vector<uint8_t> partition(int stage, int ranks, const Floats& numbers,
                                        const PickleBuilder& more = {}) {
    const auto count = static_cast<int64_t>(numbers.size());
    PickleBuilder state;
    state.protocol(2).empty_dict().string("optimizer_state_dict").empty_dict();
    state.string("zero_stage").integer(stage).setitem();
    state.string("partition_count").integer(ranks).setitem();
    state.string(stage == 3 ? "fp32_flat_groups" : "single_partition_of_fp32_groups").empty_list();
    state.tensor_v2("FloatStorage", "0", count, 0, {count}, {1}).append().setitem();
    state.raw(more).setitem().stop();
    std::string data(numbers.size() * sizeof(float), '\0');
    std::memcpy(data.data(), numbers.data(), data.size());
    return torch_zip({{"data.pkl", state.bytes()}, {"data/0", data}});
  }

  void write_model(const PickleBuilder& state, const std::string& name) const {
    folder.write(name,
                 torch_zip({{"data.pkl", PickleBuilder().protocol(2).raw(state).stop().bytes()}}));
  }

  void write(int stage, const PickleBuilder& state, const std::vector<Floats>& ranks,
             const PickleBuilder& more = {}) const {
    for (size_t rank = 0; rank < ranks.size(); ++rank) {
      const std::string start = "zero_pp_rank_" + std::to_string(rank) + "_mp_rank_00_";
      folder.write(start + "optim_states.pt",
                   partition(stage, static_cast<int>(ranks.size()), ranks[rank], more));
      if (stage == 3) write_model(state, start + "model_states.pt");
    }
    if (stage != 3) write_model(state, "mp_rank_00_model_states.pt");
  }

  std::map<std::string, Floats> merged() const {
    return tensors_of(open_folder(folder.path(), Limits{}));
  }

  std::string corrupt() const {
    const Error error = error_of([&] { open_folder(folder.path(), Limits{}); });
    EXPECT_EQ(error.code(), ErrorCode::Corrupt) << error.what();
    return error.what();
  }

  ScratchFolder folder;
};

TEST_F(ZeroLayout, CutsStage2WhereverARankEnds) {
  write(2, model({2, 2}, {3}), {{1, 2, 3}, {4, 5, 6, 7, 0}});
  EXPECT_THAT(merged(),
              ElementsAre(Pair("a", ElementsAre(1, 2, 3, 4)), Pair("b", ElementsAre(5, 6, 7))));
}

TEST_F(ZeroLayout, SkipsThePaddingOfEachParameter) {
  const PickleBuilder paddings = PickleBuilder()
                                     .string("param_alignment_paddings")
                                     .empty_list()
                                     .empty_list()
                                     .integer(1)
                                     .append()
                                     .integer(0)
                                     .append()
                                     .append()
                                     .setitem();
  write(1, model({3}, {2}), {{1, 2, 3}, {0, 4, 5}}, paddings);
  EXPECT_THAT(merged(), ElementsAre(Pair("a", ElementsAre(1, 2, 3)), Pair("b", ElementsAre(4, 5))));
}

TEST_F(ZeroLayout, RejectsPaddingsForOtherParameters) {
  const PickleBuilder paddings = PickleBuilder()
                                     .string("param_alignment_paddings")
                                     .empty_list()
                                     .empty_list()
                                     .integer(1)
                                     .append()
                                     .append()
                                     .setitem();
  write(2, model({3}, {2}), {{1, 2, 3}, {0, 4, 5}}, paddings);
  EXPECT_THAT(corrupt(), HasSubstr("has 1 numbers for 2 parameters"));
}

TEST_F(ZeroLayout, RejectsMoreElementsThanPaddingExplains) {
  write(2, model({2}, {2}), {{1, 2, 3, 4}, {0}});
  EXPECT_THAT(corrupt(), HasSubstr("take 4 elements of the partitions' 5"));
}

TEST_F(ZeroLayout, RejectsTooFewElements) {
  write(2, model({2}, {3}), {{1, 2}, {3, 4}});
  EXPECT_THAT(corrupt(), HasSubstr("parameter 'b': needs elements 2 to 5"));
  write(2, model({INT64_MAX, INT64_MAX}, {3}), {{1, 2}, {3, 4}});
  EXPECT_THAT(corrupt(), HasSubstr("does not fit 64 bits"));
}

TEST_F(ZeroLayout, RejectsAnotherNumberOfGroups) {
  PickleBuilder state;
  state.empty_dict().string("module").empty_dict().setitem();
  state.string("buffer_names").empty_list().setitem();
  write(2, state.string("param_shapes").empty_list().setitem(), {{1}});
  EXPECT_THAT(corrupt(), HasSubstr("param_shapes has 0 groups, the partitions have 1"));
}

TEST_F(ZeroLayout, CutsStage3EvenlyAndDropsThePadding) {
  write(3, model({3}, {}), {{1, 2, 10}, {3, 0, 0}});
  EXPECT_THAT(merged(), ElementsAre(Pair("a", ElementsAre(1, 2, 3)), Pair("b", ElementsAre(10))));
}

TEST_F(ZeroLayout, RejectsStage3PartitionsOfOtherSizes) {
  write(3, model({3}, {}), {{1, 2, 10}, {3, 0}});
  EXPECT_THAT(corrupt(), HasSubstr("rank 1 are not as large as those of rank 0"));
  write(3, model({3}, {}), {{1, 2, 10, 0}, {3, 0, 0, 0}});
  EXPECT_THAT(corrupt(), HasSubstr("take 3 elements of each partition's 4"));
}

TEST_F(ZeroLayout, SharesParametersThatAreThere) {
  PickleBuilder state = model({1}, {1});
  state.string("shared_params").empty_dict().string("again").string("a").setitem();
  write(2, state.string("lost").string("absent").setitem().setitem(), {{1, 2}});
  EXPECT_THAT(merged(), ElementsAre(Pair("a", ElementsAre(1)), Pair("again", ElementsAre(1)),
                                    Pair("b", ElementsAre(2))));
}

TEST_F(ZeroLayout, RejectsAParameterThatIsThereTwice) {
  PickleBuilder state = model({1}, {1});
  state.string("shared_params").empty_dict().string("b").string("a").setitem().setitem();
  write(2, state, {{1, 2}});
  EXPECT_THAT(corrupt(), HasSubstr("two tensors are called 'b'"));
}

TEST_F(ZeroLayout, RejectsAFrozenParameterWithoutAFragment) {
  PickleBuilder state = model({1}, {1});
  state.string("frozen_param_shapes").empty_dict().string("f").int_tuple({1}).setitem().setitem();
  write(2, state, {{1, 2}});
  EXPECT_THAT(corrupt(), HasSubstr("has no 'frozen_param_fragments'"));
  state.string("frozen_param_fragments").empty_dict().setitem();
  write(2, state, {{1, 2}});
  EXPECT_THAT(corrupt(), HasSubstr("parameter 'f': is missing in frozen_param_fragments"));
}

TEST_F(ZeroLayout, RejectsStatesOfAnotherShape) {
  for (const char* key : {"zero_stage", "partition_count", "single_partition_of_fp32_groups"}) {
    write(2, model({1}, {1}), {{1, 2}}, PickleBuilder().string(key).string("x").setitem());
    EXPECT_THAT(corrupt(), HasSubstr(key));
  }
  for (const char* key : {"module", "buffer_names", "param_shapes", "shared_params"}) {
    write(2, model({1}, {1}).string(key).integer(1).setitem(), {{1, 2}});
    EXPECT_THAT(corrupt(), HasSubstr(key));
  }
}

TEST_F(ZeroLayout, RefusesExpertParallelGroups) {
  const PickleBuilder counts = PickleBuilder()
                                   .string("partition_count")
                                   .empty_list()
                                   .integer(1)
                                   .append()
                                   .integer(2)
                                   .append()
                                   .setitem();
  write(2, model({1}, {1}), {{1, 2}}, counts);
  EXPECT_EQ(error_of([&] { merged(); }).code(), ErrorCode::Unsupported);
}

}  // namespace
}  // namespace unbrine
