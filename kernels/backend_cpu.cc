// The reference for every other backend: gather into the target, then fix it up in place, one pass
// for each thing to do. Jobs are small enough for the second cache, so passes are cheap. A cast is
// the last pass; what comes before it then goes into bytes of the worker's own.
#include <cstring>

#include "kernels/builtin_backends.h"
#include "kernels/cast.h"
#include "kernels/gather.h"
#include "kernels/scalar.h"

namespace unbrine {
namespace {

// Applies `Functor` to units first, first + step, ... of `bytes`.
template <template <class> class Functor, class Unit>
void apply(MutableByteSpan bytes, size_t first, size_t step) {
  const size_t count = bytes.size() / sizeof(Unit);
  for (size_t i = first; i < count; i += step) {
    Unit unit;
    std::memcpy(&unit, bytes.data() + i * sizeof unit, sizeof unit);
    unit = Functor<Unit>{}(unit);
    std::memcpy(bytes.data() + i * sizeof unit, &unit, sizeof unit);
  }
}

template <template <class> class Functor>
void apply_by_size(uint8_t unit, MutableByteSpan bytes, size_t first = 0, size_t step = 1) {
  switch (unit) {
    case 1: return apply<Functor, uint8_t>(bytes, first, step);
    case 2: return apply<Functor, uint16_t>(bytes, first, step);
    case 4: return apply<Functor, uint32_t>(bytes, first, step);
    case 8: return apply<Functor, uint64_t>(bytes, first, step);
  }
}

void negate(const Fixup& fixup, MutableByteSpan bytes, size_t first, size_t step) {
  if (fixup.floating)
    apply_by_size<NegateFloat>(fixup.unit, bytes, first, step);
  else
    apply_by_size<NegateInteger>(fixup.unit, bytes, first, step);
}

void fix_up(const Fixup& fixup, MutableByteSpan bytes) {
  if (fixup.swap_unit != 1) apply_by_size<SwapBytes>(fixup.swap_unit, bytes);
  if (fixup.conj) negate(fixup, bytes, 1, 2);  // the imaginary part follows the real one
  if (fixup.neg) negate(fixup, bytes, 0, 1);
  if (fixup.normalize_bool)
    for (uint8_t& byte : bytes) byte = NormalizeBool{}(byte);
}

bool does_nothing(const Fixup& fixup) {
  return fixup.swap_unit == 1 && !fixup.conj && !fixup.neg && !fixup.normalize_bool;
}

void place(const Job& job, MutableByteSpan target) {
  if (!job.dims.empty())
    gather(job.dims, job.item_size, job.source.data(), target.data());
  else if (target.data() != job.source.data() && !target.empty())
    std::memcpy(target.data(), job.source.data(), target.size());
}

void prepare(const Job& job, MutableByteSpan target) {
  place(job, target);
  fix_up(job.fixup, target);
}

class CpuWorker final : public Worker {
 public:
  void run(const Job& job) override {
    if (job.cast != nullptr)
      run_cast(job);
    else
      prepare(job, job.target);
  }

 private:
  void run_cast(const Job& job) {
    CastStatistics unasked;
    cast_elements(*job.cast, prepared(job), job.target,
                  job.statistics != nullptr ? *job.statistics : unasked);
  }

  // The elements as the cast is to take them, in row-major order.
  ByteSpan prepared(const Job& job) {
    if (job.dims.empty() && does_nothing(job.fixup)) return job.source;
    const size_t target_item = info(job.cast->to).bits / 8;
    prepared_.resize(job.target.size() / target_item * job.item_size);
    prepare(job, prepared_);
    return prepared_;
  }

  std::vector<uint8_t> prepared_;  // kept, so that a worker allocates once
};

class CpuBackend final : public Backend {
 public:
  std::string_view name() const override { return "cpu"; }
  std::unique_ptr<Worker> worker() const override { return std::make_unique<CpuWorker>(); }
};

}  // namespace

const Backend& cpu_backend() {
  static const CpuBackend backend;
  return backend;
}

}  // namespace unbrine
