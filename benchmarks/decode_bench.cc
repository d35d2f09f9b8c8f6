// How fast pickles become value graphs: opcodes and bytes per second, for the two shapes that
// checkpoints have. `items_per_second` counts opcodes.
#include <benchmark/benchmark.h>

#include "formats/pickle/decoder.h"
#include "tests/support/pickle_builder.h"

namespace unbrine {
namespace {

constexpr int kTensors = 20'000;
constexpr int kParameters = 20'000;

// Writes what torch.save writes for a state dict, memo included.
class StateDictPickle {
 public:
  std::vector<uint8_t> build(int tensors) {
    pickle_.protocol(2).empty_dict();
    put().mark();
    define_names();
    for (int i = 0; i < tensors; ++i) add_tensor(i);
    return pickle_.setitems().stop().bytes();
  }

 private:
  PickleBuilder& put() {
    const uint32_t slot = next_slot_++;
    return slot <= UINT8_MAX ? pickle_.binput(static_cast<uint8_t>(slot))
                             : pickle_.long_binput(slot);
  }

  // Later tensors get from slots 1 to 5 what the first one defined; this dummy entry does it here.
  void define_names() {
    pickle_.global("torch._utils", "_rebuild_tensor_v2"), put();
    pickle_.string("storage"), put();
    pickle_.global("torch", "FloatStorage"), put();
    pickle_.string("cpu"), put();
    pickle_.global("collections", "OrderedDict"), put();
    for (int i = 0; i < 5; ++i) pickle_.pop();
  }

  void add_tensor(int number) {
    pickle_.string("encoder.layers." + std::to_string(number) + ".weight"), put();
    pickle_.binget(1).mark().mark().binget(2).binget(3).string(std::to_string(number));
    put().binget(4).integer(768 * 768).tuple();
    put().binpersid().integer(0).integer(768).integer(768).tuple2();
    put().integer(768).integer(1).tuple2();
    put().newfalse().binget(5).empty_tuple().reduce();
    put().tuple();
    put().reduce();
    put();
  }

  PickleBuilder pickle_;
  uint32_t next_slot_ = 0;
};

// Per parameter a dict of numbers under names from the memo, as optimizers keep them.
std::vector<uint8_t> optimizer_pickle(int parameters) {
  PickleBuilder pickle;
  pickle.protocol(2).empty_dict().mark();
  for (uint8_t slot = 0; slot < 4; ++slot)
    pickle.string("name" + std::to_string(slot)).binput(slot).pop();
  for (int i = 0; i < parameters; ++i) {
    pickle.integer(i).empty_dict().long_binput(static_cast<uint32_t>(4 + i)).mark();
    pickle.binget(0).binfloat(0.5).binget(1).integer(1000 + i);
    pickle.binget(2).binfloat(0.9).binfloat(0.999).tuple2().binget(3).none().setitems();
  }
  return pickle.setitems().stop().bytes();
}

void decode(benchmark::State& state, const std::vector<uint8_t>& pickle) {
  const auto source = std::make_shared<MemorySource>(pickle);
  uint64_t opcodes = 0;
  for (auto _ : state) {
    Graph graph;
    opcodes += decode_pickle(source, 0, Limits{}, graph).opcodes;
    benchmark::DoNotOptimize(graph);
  }
  state.SetItemsProcessed(static_cast<int64_t>(opcodes));
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(pickle.size()));
}

void DecodeStateDict(benchmark::State& state) {
  const std::vector<uint8_t> pickle = StateDictPickle().build(kTensors);
  decode(state, pickle);
}
BENCHMARK(DecodeStateDict)->Unit(benchmark::kMillisecond);

void DecodeOptimizerState(benchmark::State& state) {
  const std::vector<uint8_t> pickle = optimizer_pickle(kParameters);
  decode(state, pickle);
}
BENCHMARK(DecodeOptimizerState)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace unbrine

BENCHMARK_MAIN();
