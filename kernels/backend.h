// Where compute happens. A backend hands out workers, one per thread; a worker turns staged source
// bytes into target bytes. Equal jobs give equal bits on every backend.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "formats/bytes.h"

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

// source -> gather -> fix up -> target.
struct Job {
  ByteSpan source;
  MutableByteSpan target;  // whole elements; may be the very bytes of source if no dims
  // Outermost first. Empty: source is already in row-major order.
  std::span<const GatherDim> dims = {};
  uint32_t item_size = 1;  // bytes of an element: 1, 2, 4, 8 or 16
  Fixup fixup = {};
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
