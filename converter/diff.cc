#include "converter/diff.h"

#include <algorithm>

#include "converter/tensor_values.h"
#include "formats/error.h"
#include "formats/safetensors/safetensors_writer.h"
#include "formats/text.h"

namespace unbrine {
namespace {

namespace fs = std::filesystem;

std::string_view short_name(DType dtype) { return info(dtype).safetensors; }

// What a tensor is, as an output would have it.
std::string kind_text(const Tensor& tensor) {
  std::string shape;
  for (const uint64_t size : safetensors_shape(tensor))
    shape += (shape.empty() ? "" : ", ") + std::to_string(size);
  return std::string(short_name(tensor.dtype)) + " [" + shape + "]";
}

bool has_equal_form(const Tensor& a, const Tensor& b) {
  return short_name(a.dtype) == short_name(b.dtype) && safetensors_shape(a) == safetensors_shape(b);
}

// One of the two inputs.
struct Side {
  Side(const fs::path& given, const Limits& limits)
      : path(given),
        checkpoint(
            in_context(escaped(given.native()), [&] { return open_checkpoint(given, limits); })) {}

  void choose(const Rules& rules, Scope scope) {
    in_context(escaped(path.native()), [&] { choice = select(checkpoint, rules, scope); });
  }

  void check() const {
    in_context(escaped(path.native()), [&] {
      checkpoint.cross_check();
      checkpoint.check_unchanged();
    });
  }

  const SelectedTensor& selected(uint32_t index) const { return choice.selection.tensors[index]; }
  const Tensor& tensor(uint32_t index) const { return choice.selection.tensor(selected(index)); }

  // As it is compared: cast if the rules ask for it.
  Tensor form(uint32_t index) const {
    Tensor form = tensor(index);
    form.dtype = choice.selection.written_dtype(selected(index));
    return form;
  }

  std::vector<uint32_t> by_name() const {
    std::vector<uint32_t> order(choice.selection.tensors.size());
    for (uint32_t i = 0; i < order.size(); ++i) order[i] = i;
    std::ranges::stable_sort(order, {}, [&](uint32_t i) { return selected(i).name; });
    return order;
  }

  fs::path path;
  Checkpoint checkpoint;
  Choice choice;
};

// The tensors of one side that `pairs` name, as a selection of their own.
Selection part_of(const Selection& whole, std::span<const TensorPair> pairs,
                  uint32_t TensorPair::*side) {
  Selection part;
  part.table = whole.table;
  for (const TensorPair& pair : pairs) part.tensors.push_back(whole.tensors[pair.*side]);
  return part;
}

class Differ {
 public:
  Differ(const fs::path& a, const fs::path& b, const DiffOptions& options)
      : options_(options), a_(a, options.limits), b_(b, options.limits) {
    run_.backend = available_backends().front();
    run_.workers = options.workers;
    run_.stop = options.stop;
  }

  DiffReport run() {
    choose();
    pair_up();
    compare_digests();
    compare_by_value();
    std::ranges::stable_sort(report_.differences, {}, &TensorDiff::name);
    compare_metadata();
    if (options_.state) compare_state();
    a_.check();
    b_.check();
    report_.a = described(a_);
    report_.b = described(b_);
    return std::move(report_);
  }

 private:
  void choose() {
    a_.choose(options_.rules, Scope::Weights);
    b_.choose(options_.rules, Scope::Weights);
    const bool both_hold_more = !a_.choice.left_out.empty() && !b_.choice.left_out.empty();
    if (!options_.rules.select.empty() || !both_hold_more) return;
    a_.choose(options_.rules, Scope::Object);
    b_.choose(options_.rules, Scope::Object);
  }

  void add(const std::string& name, DiffKind kind, std::string a, std::string b) {
    report_.differences.push_back({name, kind, std::move(a), std::move(b)});
  }

  void pair_up() {
    const std::vector<uint32_t> names_a = a_.by_name();
    const std::vector<uint32_t> names_b = b_.by_name();
    size_t i = 0;
    size_t j = 0;
    while (i < names_a.size() || j < names_b.size()) {
      const int order = compare_names(names_a, i, names_b, j);
      if (order < 0) {
        only_in(a_, names_a[i++], DiffKind::OnlyInA);
      } else if (order > 0) {
        only_in(b_, names_b[j++], DiffKind::OnlyInB);
      } else {
        add_pair({names_a[i++], names_b[j++]});
      }
    }
  }

  int compare_names(const std::vector<uint32_t>& names_a, size_t i,
                    const std::vector<uint32_t>& names_b, size_t j) const {
    if (i == names_a.size()) return 1;
    if (j == names_b.size()) return -1;
    return a_.selected(names_a[i]).name.compare(b_.selected(names_b[j]).name);
  }

  void only_in(const Side& side, uint32_t index, DiffKind kind) {
    const std::string form = kind_text(side.form(index));
    const bool in_a = kind == DiffKind::OnlyInA;
    add(side.selected(index).name, kind, in_a ? form : "", in_a ? "" : form);
  }

  void add_pair(const TensorPair& pair) {
    report_.tensors += 1;
    report_.bytes += a_.choice.selection.written_size(a_.selected(pair.a));
    if (has_equal_form(a_.form(pair.a), b_.form(pair.b)))
      same_form_.push_back(pair);
    else if (comparable(a_.tensor(pair.a), b_.tensor(pair.b)))
      by_value_.push_back(pair);
    else
      add_difference(pair, a_.tensor(pair.a).shape == b_.tensor(pair.b).shape ? DiffKind::DType
                                                                              : DiffKind::Shape);
  }

  TensorDiff& add_difference(const TensorPair& pair, DiffKind kind) {
    add(a_.selected(pair.a).name, kind, kind_text(a_.form(pair.a)), kind_text(b_.form(pair.b)));
    return report_.differences.back();
  }

  void compare_digests() {
    const std::vector<uint64_t> a =
        digests_of(part_of(a_.choice.selection, same_form_, &TensorPair::a), run_);
    const std::vector<uint64_t> b =
        digests_of(part_of(b_.choice.selection, same_form_, &TensorPair::b), run_);
    for (size_t i = 0; i < same_form_.size(); ++i) {
      if (a[i] == b[i]) continue;
      const TensorPair& pair = same_form_[i];
      if (comparable(a_.tensor(pair.a), b_.tensor(pair.b)))
        by_value_.push_back(pair);
      else
        add_difference(pair, DiffKind::Values);
    }
  }

  // Values are compared as they are stored, whatever --dtype makes of them.
  void compare_by_value() {
    const std::vector<ValueComparison> results = compare_values(
        a_.choice.selection, b_.choice.selection, by_value_, options_.tolerance, run_);
    for (size_t i = 0; i < results.size(); ++i) judge(by_value_[i], results[i]);
  }

  void judge(const TensorPair& pair, const ValueComparison& values) {
    if (values.a_is_rounded_b || values.b_is_rounded_a) {
      add_difference(pair, DiffKind::Rounded).rounded_to = rounded_to(pair, values);
    } else if (options_.tolerance && values.different == 0) {
      add_difference(pair, DiffKind::Tolerated).values = values;
    } else {
      add_difference(pair, DiffKind::Values).values = values;
    }
  }

  // The dtype that was rounded to; if each is the other, the narrower one.
  std::string_view rounded_to(const TensorPair& pair, const ValueComparison& values) const {
    const DType a = a_.tensor(pair.a).dtype;
    const DType b = b_.tensor(pair.b).dtype;
    const bool to_b =
        values.b_is_rounded_a && (!values.a_is_rounded_b || info(b).bits <= info(a).bits);
    return short_name(to_b ? b : a);
  }

  void compare_metadata() {
    report_.metadata_counts = options_.metadata;
    const auto& a = a_.checkpoint.metadata;
    const auto& b = b_.checkpoint.metadata;
    const bool both_have = !a.empty() && !b.empty();  // most formats have none
    if (!both_have && !options_.metadata) return;
    for (const auto& [key, value] : a) {
      const auto other = b.find(key);
      if (other == b.end() || other->second != value) report_.metadata.push_back(key);
    }
    for (const auto& [key, value] : b)
      if (!a.contains(key)) report_.metadata.push_back(key);
    std::ranges::sort(report_.metadata);
  }

  void compare_state() {
    report_.compared_state = true;
    report_.state = compare_states(a_.checkpoint, part(a_), b_.checkpoint, part(b_));
  }

  // Without --select all of the object: weights have no state of their own.
  NodeId part(const Side& side) const {
    return options_.rules.select.empty() ? side.checkpoint.root : side.choice.part;
  }

  DiffSide described(const Side& side) {
    for (const std::string& note : side.choice.notes)
      report_.notes.push_back(escaped(side.path.native()) + ": " + note);
    for (const std::string& warning : side.choice.warnings)
      report_.notes.push_back(escaped(side.path.native()) + ": " + warning);
    return {side.path, side.checkpoint.format, side.choice.root, side.checkpoint.metadata,
            side.choice.left_out};
  }

  const DiffOptions& options_;
  Side a_;
  Side b_;
  RunOptions run_;
  DiffReport report_;
  std::vector<TensorPair> same_form_;
  std::vector<TensorPair> by_value_;
};

}  // namespace

bool DiffReport::equal() const {
  return std::ranges::none_of(differences, &TensorDiff::counts) && !state &&
         !(metadata_counts && !metadata.empty());
}

DiffReport diff(const fs::path& a, const fs::path& b, const DiffOptions& options) {
  return Differ(a, b, options).run();
}

}  // namespace unbrine
