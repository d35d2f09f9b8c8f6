// How long until every offset of the output is known? Reading the directory, the pickle and the
// names, selecting and laying out; no weight is read. The archive lies in memory.
#include <benchmark/benchmark.h>

#include "converter/select.h"
#include "formats/checkpoint.h"
#include "formats/layout.h"
#include "tests/support/pickle_builder.h"
#include "tests/support/zip_builder.h"

namespace unbrine {
namespace {

std::shared_ptr<const Source> state_dict(int64_t tensors) {
  PickleBuilder pickle;
  pickle.protocol(2).empty_dict();
  std::vector<TorchRecord> records = {{"data.pkl", ""}};
  for (int64_t i = 0; i < tensors; ++i) {
    const std::string key = std::to_string(i);
    pickle.string("encoder.layers." + key + ".weight");
    pickle.tensor_v2("FloatStorage", key, 64, 0, {8, 8}, {8, 1}).setitem();
    records.push_back({"data/" + key, std::string(256, 'x')});
  }
  records[0].content = pickle.stop().bytes();
  return std::make_shared<MemorySource>(torch_zip_builder(records).zip64_end_only().bytes());
}

void plan(benchmark::State& state, bool with_libzip) {
  const auto source = state_dict(state.range(0));
  for (auto _ : state) {
    const Checkpoint checkpoint = open_checkpoint(source, Limits{});
    const Choice choice = select(checkpoint, Rules{}, Scope::Weights);
    benchmark::DoNotOptimize(default_writer().layout(choice.selection, WriteOptions{}));
    if (with_libzip) checkpoint.cross_check();
  }
}

void PlanStateDict(benchmark::State& state) { plan(state, false); }
void PlanStateDictAndAskLibzip(benchmark::State& state) { plan(state, true); }

BENCHMARK(PlanStateDict)->Arg(2000)->Arg(20'000)->Arg(100'000)->Unit(benchmark::kMillisecond);
BENCHMARK(PlanStateDictAndAskLibzip)->Arg(20'000)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace unbrine

BENCHMARK_MAIN();
