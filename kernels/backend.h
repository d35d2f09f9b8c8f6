// Where compute happens. A backend hands out workers, one per thread; a worker turns staged source
// bytes into target bytes. Equal jobs give equal bits on every backend.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "formats/bytes.h"
#include "formats/dtype.h"

namespace unbrine {

// One dimension of a strided block: `count` steps of `stride` bytes through the source.
struct GatherDim {
  uint64_t count;
  uint64_t stride;
};

// What is done to each element, in this order.
struct Fixup {
  uint8_t swap_unit = 1;        // reverse the bytes of each unit of this size; 1: no swap
  bool conj = false;            // negate every second unit (the imaginary part)
  bool neg = false;             // negate every unit
  bool floating = false;        // how to negate: flip the top bit, or two's complement
  bool normalize_bool = false;  // every non-zero byte becomes 1
  uint8_t unit = 1;             // bytes of one real number (complex: of one part)
};

// What a cast makes of a finite value that the target cannot hold. A NaN stays one.
enum class Overflow : uint8_t {
  Saturate,  // the largest finite value of its sign
  Inf,       // infinity; NaN where the target has none; integers: saturate
};

// From one dtype to another, rounded once.
struct Cast {
  DType from;
  DType to;
  Overflow overflow = Overflow::Inf;
};

// What a cast lost. Sums and maxima, so that the order of the parts does not matter.
struct CastStatistics {
  uint64_t overflowed = 0;   // finite values that the target cannot hold
  uint64_t became_nan = 0;   // values that were no NaN and are now (or NaN, now an integer)
  double max_abs_error = 0;  // over values that are finite before and after
  double max_rel_error = 0;  // the same, zeros left out
  void add(const CastStatistics& other);
};

// True if there is a cast between the two: floats, integers and Bool, in any direction.
bool can_cast(DType from, DType to);

// source -> gather -> fix up -> cast -> target.
struct Job {
  ByteSpan source;
  // Whole elements; may be the very bytes of source if there are neither dims nor a cast.
  MutableByteSpan target;
  // Outermost first. Empty: source is already in row-major order.
  std::span<const GatherDim> dims = {};
  uint32_t item_size = 1;  // bytes of an element in the source: 1, 2, 4, 8 or 16
  Fixup fixup = {};
  const Cast* cast = nullptr;
  CastStatistics* statistics = nullptr;  // with a cast: what it lost is added
};

class Worker {
 public:
  virtual ~Worker() = default;
  virtual void run(const Job& job) = 0;
};

class Backend {
 public:
  virtual ~Backend() = default;
  virtual std::string_view name() const = 0;
  virtual std::unique_ptr<Worker> worker() const = 0;  // for one thread
};

// The CPU first; then those that this build and machine have.
std::span<const Backend* const> available_backends();

}  // namespace unbrine
