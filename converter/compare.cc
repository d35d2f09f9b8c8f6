#include "converter/compare.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>

#include "converter/element.h"
#include "converter/slab.h"
#include "converter/tensor_values.h"

namespace unbrine {
namespace {

constexpr uint64_t kWindowNumbers = 1 << 20;  // of one tensor, looked at together
constexpr uint64_t kBatchBytes = 16 << 20;    // read together
constexpr uint64_t kNone = UINT64_MAX;

// Consecutive elements of one pair, in row-major order.
struct Window {
  size_t pair;
  uint64_t first;
  uint64_t count;
};

// The numbers of one side of a window.
struct Numbers {
  DType dtype;  // of a number
  ByteSpan bytes;
  std::vector<double> values;  // rounded, of wide integers

  uint64_t size() const { return info(dtype).bits / 8; }
  const uint8_t* at(uint64_t index) const { return bytes.data() + index * size(); }
};

std::vector<uint8_t> cast_bytes(Worker& worker, ByteSpan source, const Cast& cast) {
  const uint32_t item = info(cast.from).bits / 8;
  std::vector<uint8_t> target(source.size() / item * (info(cast.to).bits / 8));
  CastStatistics ignored;
  worker.run({.source = source,
              .target = target,
              .item_size = item,
              .cast = &cast,
              .statistics = &ignored});
  return target;
}

std::vector<double> doubles_of(Worker& worker, ByteSpan source, DType dtype) {
  std::vector<uint8_t> cast;
  if (dtype != DType::F64) {
    cast = cast_bytes(worker, source, {dtype, DType::F64});
    source = cast;
  }
  std::vector<double> values(source.size() / sizeof(double));
  if (!values.empty()) std::memcpy(values.data(), source.data(), source.size());
  return values;
}

std::vector<GatherDim> dims_of(const Tensor& tensor) {
  std::vector<GatherDim> dims;
  for (size_t i = 0; i < tensor.shape.size(); ++i)
    dims.push_back({tensor.shape[i], tensor.stride[i]});
  if (dims.empty()) dims.push_back({1, 1});
  return dims;
}

Tensor view_of(const Tensor& tensor, const Slab& slab) {
  Tensor view = tensor;
  view.offset += slab.offset;
  view.shape.clear();
  view.stride.clear();
  for (const GatherDim& dim : slab.dims) {
    view.shape.push_back(dim.count);
    view.stride.push_back(dim.stride);
  }
  return view;
}

std::vector<uint64_t> unravelled(uint64_t index, const std::vector<uint64_t>& shape) {
  std::vector<uint64_t> place(shape.size());
  for (size_t i = shape.size(); i-- > 0;) {
    place[i] = index % shape[i];
    index /= shape[i];
  }
  return place;
}

class Comparer {
 public:
  Comparer(const Selection& a, const Selection& b, std::span<const TensorPair> pairs,
           const std::optional<Tolerance>& tolerance, const RunOptions& options)
      : a_(a),
        b_(b),
        pairs_(pairs),
        tolerance_(tolerance),
        options_(options),
        worker_(options.backend->worker()),
        results_(pairs.size()) {}

  std::vector<ValueComparison> run() {
    for (size_t pair = 0; pair < pairs_.size(); ++pair) add(pair);
    flush();
    return std::move(results_);
  }

 private:
  Tensor tensor_a(size_t pair) const {
    return with_whole_bytes(a_.tensor(a_.tensors[pairs_[pair].a]));
  }
  Tensor tensor_b(size_t pair) const {
    return with_whole_bytes(b_.tensor(b_.tensors[pairs_[pair].b]));
  }

  void add(size_t pair) {
    const Tensor a = tensor_a(pair);
    const Tensor b = tensor_b(pair);
    ValueComparison& result = results_[pair];
    result.elements = element_count(a);
    result.a_is_rounded_b = result.b_is_rounded_a = a.dtype != b.dtype;
    if (result.elements == 0) return;
    const std::vector<GatherDim> dims_a = dims_of(a);
    const std::vector<GatherDim> dims_b = dims_of(b);
    const SlabCut cut = cut_by_target(dims_a, numbers_in(a.dtype), kWindowNumbers);
    uint64_t first = 0;
    for (uint64_t i = 0; i < slab_count(dims_a, cut); ++i) {
      const Slab slab = slab_at(dims_a, cut, i);
      const uint64_t count = element_count(slab.dims);
      batch_a_.add(*a_.table, view_of(a, slab));
      batch_b_.add(*b_.table, view_of(b, slab_at(dims_b, cut, i)));
      windows_.push_back({pair, first, count});
      first += count;
      if (batch_a_.bytes() + batch_b_.bytes() >= kBatchBytes) flush();
    }
  }

  void flush() {
    if (windows_.empty()) return;
    const std::vector<uint8_t> read_a = batch_a_.take(options_);
    const std::vector<uint8_t> read_b = batch_b_.take(options_);
    ByteSpan rest_a = read_a;
    ByteSpan rest_b = read_b;
    for (const Window& window : windows_) {
      if (options_.stop != nullptr && *options_.stop) throw Interrupted();
      compare(window, cut_off(rest_a, window.count, tensor_a(window.pair).dtype),
              cut_off(rest_b, window.count, tensor_b(window.pair).dtype));
    }
    windows_.clear();
  }

  static ByteSpan cut_off(ByteSpan& rest, uint64_t count, DType dtype) {
    const uint64_t size = count * (info(dtype).bits / 8);
    const ByteSpan bytes = rest.first(size);
    rest = rest.subspan(size);
    return bytes;
  }

  void compare(const Window& window, ByteSpan bytes_a, ByteSpan bytes_b) {
    const DType dtype_a = tensor_a(window.pair).dtype;
    const DType dtype_b = tensor_b(window.pair).dtype;
    const bool one_dtype = dtype_a == dtype_b;
    if (one_dtype && std::ranges::equal(bytes_a, bytes_b)) return;
    const Numbers a = numbers(dtype_a, bytes_a);
    const Numbers b = numbers(dtype_b, bytes_b);
    compare_numbers(window, a, b, one_dtype);
    ValueComparison& result = results_[window.pair];
    result.b_is_rounded_a = result.b_is_rounded_a && rounds_to(a, b);
    result.a_is_rounded_b = result.a_is_rounded_b && rounds_to(b, a);
  }

  Numbers numbers(DType dtype, ByteSpan bytes) {
    const DType number = number_dtype(dtype);
    return {number, bytes, doubles_of(*worker_, bytes, number)};
  }

  void compare_numbers(const Window& window, const Numbers& a, const Numbers& b, bool one_dtype) {
    const uint64_t per_element = a.values.size() / window.count;
    uint64_t last = kNone;  // element that was found to differ
    for (uint64_t i = 0; i < a.values.size(); ++i) {
      const bool bits_agree = one_dtype && std::memcmp(a.at(i), b.at(i), a.size()) == 0;
      if (bits_agree) continue;
      if (agree(results_[window.pair], a, b, i, one_dtype)) continue;
      if (last == i / per_element) continue;
      last = i / per_element;
      note_difference(window, last, a.at(last * per_element), b.at(last * per_element));
    }
  }

  // Of two numbers whose bits differ, or whose dtypes do.
  bool agree(ValueComparison& result, const Numbers& a, const Numbers& b, uint64_t i,
             bool one_dtype) const {
    const double x = a.values[i];
    const double y = b.values[i];
    const bool by_value = tolerance_ || !one_dtype;
    if (std::isnan(x) || std::isnan(y)) return by_value && std::isnan(x) && std::isnan(y);
    if (std::isinf(x) || std::isinf(y)) return by_value && x == y;
    const double distance = one_dtype && is_wide_integer(a.dtype)
                                ? integer_distance(a.dtype, a.at(i), b.at(i))
                                : std::abs(x - y);
    result.max_abs = std::max(result.max_abs, distance);
    if (y != 0) result.max_rel = std::max(result.max_rel, distance / std::abs(y));
    if (!tolerance_) return by_value && distance == 0;
    return distance <= tolerance_->absolute + tolerance_->relative * std::abs(y);
  }

  void note_difference(const Window& window, uint64_t element, const uint8_t* a, const uint8_t* b) {
    ValueComparison& result = results_[window.pair];
    if (result.different++ != 0) return;
    const Tensor first = tensor_a(window.pair);
    result.first_index = unravelled(window.first + element, first.shape);
    result.first_a = element_text(first.dtype, a);
    result.first_b = element_text(tensor_b(window.pair).dtype, b);
  }

  // Whether all of `target` is `source`, rounded once.
  bool rounds_to(const Numbers& source, const Numbers& target) {
    const auto rounded = [&](Overflow overflow) {
      return cast_bytes(*worker_, source.bytes, {source.dtype, target.dtype, overflow});
    };
    const std::vector<uint8_t> infinite = rounded(Overflow::Inf);
    if (std::ranges::equal(infinite, target.bytes)) return true;
    const std::vector<uint8_t> saturated = rounded(Overflow::Saturate);
    const uint64_t size = target.size();
    for (uint64_t i = 0; i < target.values.size(); ++i) {
      if (std::memcmp(target.at(i), &infinite[i * size], size) == 0) continue;
      if (std::memcmp(target.at(i), &saturated[i * size], size) == 0) continue;
      if (!std::isnan(source.values[i]) || !std::isnan(target.values[i])) return false;
    }
    return true;
  }

  const Selection& a_;
  const Selection& b_;
  std::span<const TensorPair> pairs_;
  const std::optional<Tolerance>& tolerance_;
  const RunOptions& options_;
  std::unique_ptr<Worker> worker_;
  std::vector<ValueComparison> results_;
  ViewBatch batch_a_;
  ViewBatch batch_b_;
  std::vector<Window> windows_;
};

std::string index_text(const std::vector<uint64_t>& index) {
  std::string text;
  for (const uint64_t i : index) text += (text.empty() ? "" : ", ") + std::to_string(i);
  return "[" + text + "]";
}

}  // namespace

bool comparable(const Tensor& a, const Tensor& b) {
  return a.shape == b.shape && (a.dtype == b.dtype || can_cast(a.dtype, b.dtype));
}

std::vector<ValueComparison> compare_values(const Selection& a, const Selection& b,
                                            std::span<const TensorPair> pairs,
                                            const std::optional<Tolerance>& tolerance,
                                            const RunOptions& options) {
  return Comparer(a, b, pairs, tolerance, options).run();
}

std::string describe(const ValueComparison& comparison, const std::optional<Tolerance>& tolerance) {
  std::string text = std::to_string(comparison.different) + " of " +
                     std::to_string(comparison.elements) +
                     (comparison.elements == 1 ? " element differs" : " elements differ");
  if (comparison.different != 0)
    text += ", first at " + index_text(comparison.first_index) + ": " + comparison.first_a +
            " and " + comparison.first_b;
  text += "; max abs difference " + number_text(comparison.max_abs) + ", max rel difference " +
          number_text(comparison.max_rel);
  if (tolerance)
    text += " (tolerance: rtol " + number_text(tolerance->relative) + ", atol " +
            number_text(tolerance->absolute) + ")";
  return text;
}

std::string number_text(double number) {
  char text[64];
  return {text, std::to_chars(text, text + sizeof text, number).ptr};
}

}  // namespace unbrine
