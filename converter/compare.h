// Tensors held against each other by value, for those whose digests do not settle it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "converter/run_layout.h"
#include "formats/selection.h"

namespace unbrine {

// a and b are as good as equal if |a - b| <= absolute + relative * |b|.
struct Tolerance {
  double relative = 0;
  double absolute = 0;
};

// Indices into the tensors of two selections.
struct TensorPair {
  uint32_t a;
  uint32_t b;
};

struct ValueComparison {
  uint64_t elements = 0;
  uint64_t different = 0;             // elements
  std::vector<uint64_t> first_index;  // of the first that differs
  std::string first_a;                // its values
  std::string first_b;
  double max_abs = 0;  // over all numbers that are finite on both sides; complex: of each part
  double max_rel = 0;  // |a - b| / |b| of the same, b not 0

  // Of two dtypes: whether one side is the other, rounded once to its dtype. What overflows may
  // have become infinite or the largest number; a NaN is a NaN.
  bool a_is_rounded_b = false;
  bool b_is_rounded_a = false;
};

// Whether the two have elements that can be held against each other.
bool comparable(const Tensor& a, const Tensor& b);

// The values as they are stored: casts of the selections are left aside. Each pair is comparable.
// Without a tolerance elements of one dtype are equal if their bits are, those of two if their
// values are; with one a NaN equals a NaN. Memory does not grow with the tensors. Throws as
// run_layout.
std::vector<ValueComparison> compare_values(const Selection& a, const Selection& b,
                                            std::span<const TensorPair> pairs,
                                            const std::optional<Tolerance>& tolerance,
                                            const RunOptions& options);

// "3 of 100 elements differ, first at [0, 3]: 0.5 and 0.25; max abs difference ...".
std::string describe(const ValueComparison& comparison, const std::optional<Tolerance>& tolerance);

// The shortest text that stands for this number and no other.
std::string number_text(double number);

}  // namespace unbrine
