#include "converter/verify_against.h"

#include <algorithm>
#include <map>

#include "converter/state_compare.h"
#include "converter/tensor_values.h"
#include "formats/error.h"
#include "formats/safetensors/safetensors_writer.h"
#include "formats/text.h"

namespace unbrine {
namespace {

constexpr std::string_view kStateName = "state.json";

// As the output would name it: what safetensors has no dtype for is written as another one.
struct WrittenKind {
  std::string_view dtype;
  std::vector<uint64_t> shape;
  bool operator==(const WrittenKind&) const = default;
};

WrittenKind written_kind(const Tensor& tensor) {
  return {info(tensor.dtype).safetensors, safetensors_shape(tensor)};
}

std::string kind_text(const Tensor& tensor) {
  std::string shape;
  for (const uint64_t size : tensor.shape)
    shape += (shape.empty() ? "" : ", ") + std::to_string(size);
  return std::string(dtype_name(tensor.dtype)) + " [" + shape + "]";
}

class OriginVerifier {
 public:
  OriginVerifier(const WrittenTensors& tensors, const Origin& origin, const Checkpoint* state,
                 const VerifyOptions& options, const RunOptions& run, VerifyReport& report)
      : tensors_(tensors),
        origin_(origin),
        state_(state),
        options_(options),
        run_(run),
        report_(report),
        name_(escaped(options.against.filename().native())),
        checkpoint_(open_checkpoint(options.against, options.limits)) {}

  void run() {
    checkpoint_.cross_check();
    for (uint32_t i = 0; i < tensors_.rows.size(); ++i) by_key_.emplace(key_of(i), i);
    if (!tensors_.aliases.empty())
      for (uint32_t i = 0; i < tensors_.rows.size(); ++i)
        by_name_.emplace(tensors_.rows[i].name, i);
    choice_ = choose();
    expected_.table = uncast_.table = choice_.selection.table;
    pair_up();
    note_unpaired();
    judge_kept();
    compare();
    if (state_ != nullptr) compare_state();
    checkpoint_.check_unchanged();
  }

 private:
  const std::string& key_of(uint32_t row) const {
    return origin_.by_source ? tensors_.rows[row].source : tensors_.rows[row].name;
  }
  const std::string& key_of(const SelectedTensor& tensor) const {
    return origin_.by_source ? tensor.source : tensor.name;
  }

  // As the conversion did. A manifest says the same of a whole object that was chosen by default
  // and of one that was asked for: the two differ for a module, by what its state_dict leaves out.
  Choice choose() const {
    Rules rules = options_.rules;
    rules.aliases = Aliases::Copy;  // those that were not written are looked up
    if (rules.select.empty()) rules.select = origin_.selected;
    Choice choice = select(checkpoint_, rules, origin_.scope);
    if (!rules.select.empty() || !origin_.by_source || covers(choice)) return choice;
    rules.select = "all";
    Choice whole = select(checkpoint_, rules, origin_.scope);
    return covers(whole) ? std::move(whole) : std::move(choice);
  }

  bool covers(const Choice& choice) const {
    std::ptrdiff_t known = 0;
    for (const SelectedTensor& tensor : choice.selection.tensors) {
      const auto row = by_key_.find(key_of(tensor));
      known += row != by_key_.end() && tensors_.rows[row->second].is_listed ? 1 : 0;
    }
    return known == std::ranges::count(tensors_.rows, true, &WrittenTensorRow::is_listed);
  }

  void found(uint32_t row, std::string what) {
    report_.differences.push_back(
        {tensors_.rows[row].file, tensors_.rows[row].name, std::move(what)});
  }

  void pair_up() {
    for (const SelectedTensor& tensor : choice_.selection.tensors) {
      const std::optional<uint32_t> row = row_of(tensor);
      if (!row) {
        missing_.push_back(&tensor);
        continue;
      }
      paired_.push_back(*row);
      if (tensors_.rows[*row].is_there) add_pair(tensor, *row);
    }
  }

  // Its own, or that of the tensor that stands for it.
  std::optional<uint32_t> row_of(const SelectedTensor& tensor) const {
    if (const auto row = by_key_.find(key_of(tensor)); row != by_key_.end()) return row->second;
    const auto kept = tensors_.aliases.find(tensor.name);
    if (kept == tensors_.aliases.end()) return std::nullopt;
    const auto row = by_name_.find(kept->second);
    return row == by_name_.end() ? std::nullopt : std::optional(row->second);
  }

  void note_unpaired() {
    if (!missing_.empty() && missing_.size() == origin_.excluded)
      report_.notes.push_back(std::to_string(missing_.size()) + " of the tensors of " + name_ +
                              " were left out by rules, as the manifest says");
    else
      for (const SelectedTensor* tensor : missing_)
        report_.differences.push_back({"", key_of(*tensor), "is missing: only in " + name_});
    std::ranges::sort(paired_);
    for (uint32_t row = 0; row < tensors_.rows.size(); ++row)
      if (tensors_.rows[row].is_listed && !std::ranges::binary_search(paired_, row))
        found(row, "is not in " + name_);
  }

  // What cannot be equal is told at once.
  void add_pair(const SelectedTensor& tensor, uint32_t row) {
    const Tensor& written = tensors_.selection.tensor(tensors_.selection.tensors[row]);
    const Tensor& source = choice_.selection.tensor(tensor);
    SelectedTensor expected = tensor;
    expected.cast.reset();
    if (written_kind(source) != written_kind(written)) {
      if (!comparable(written, source)) return found(row, mismatch(written, source));
      if (tensor.cast && *tensor.cast != written.dtype)
        return found_other_cast(row, written.dtype, *tensor.cast);
      expected.cast = written.dtype;
    } else if (tensor.cast && *tensor.cast != written.dtype) {
      kept_.push_back(row);
      uncast_.tensors.push_back(tensor);
    }
    pairs_.push_back({row, static_cast<uint32_t>(expected_.tensors.size())});
    expected_.tensors.push_back(std::move(expected));
  }

  void found_other_cast(uint32_t row, DType written, DType asked) {
    found(row, "is " + std::string(dtype_name(written)) + ", the rules ask for " +
                   std::string(dtype_name(asked)));
  }

  // A tensor that was to be cast may be as it was if the cast cannot hold its values.
  void judge_kept() {
    const std::vector<SlotResult> results = results_of(uncast_, run_);
    for (size_t i = 0; i < results.size(); ++i) {
      const SelectedTensor& tensor = uncast_.tensors[i];
      if (results[i].cast.overflowed == 0 && results[i].cast.became_nan == 0)
        found_other_cast(kept_[i], uncast_.tensor(tensor).dtype, *tensor.cast);
    }
  }

  std::string mismatch(const Tensor& written, const Tensor& source) const {
    return "is " + kind_text(written) + ", in " + name_ + " " + kind_text(source);
  }

  void compare() {
    const std::vector<uint64_t> digests = digests_of(expected_, run_);
    std::vector<TensorPair> unequal;
    for (const TensorPair& pair : pairs_) {
      const bool is_cast = expected_.tensors[pair.b].cast.has_value();
      if (digests[pair.b] != tensors_.rows[pair.a].digest)
        unequal.push_back(pair);
      else
        report_.cast += is_cast ? 1 : 0;
    }
    compare_by_value(unequal);
  }

  void compare_by_value(const std::vector<TensorPair>& unequal) {
    std::vector<TensorPair> readable;
    for (const TensorPair& pair : unequal) {
      if (comparable(written_of(pair), source_of(pair)))
        readable.push_back(pair);
      else
        found(pair.a, "its bytes are not those in " + name_);
    }
    const std::vector<ValueComparison> results =
        compare_values(tensors_.selection, expected_, readable, options_.tolerance, run_);
    for (size_t i = 0; i < results.size(); ++i) judge(readable[i], results[i]);
  }

  const Tensor& written_of(const TensorPair& pair) const {
    return tensors_.selection.tensor(tensors_.selection.tensors[pair.a]);
  }
  const Tensor& source_of(const TensorPair& pair) const {
    return expected_.tensor(expected_.tensors[pair.b]);
  }

  void judge(const TensorPair& pair, const ValueComparison& values) {
    const bool is_cast = expected_.tensors[pair.b].cast.has_value();
    if (is_cast && values.a_is_rounded_b) {
      report_.cast += 1;
      return;
    }
    if (options_.tolerance && values.different == 0) {
      report_.tolerated += 1;
      return;
    }
    found(pair.a, (is_cast ? "is not the cast of that in " : "is not that in ") + name_ + ": " +
                      describe(values, options_.tolerance));
  }

  void compare_state() {
    if (origin_.excluded != 0 || choice_.excluded != 0) {
      report_.notes.push_back("state.json is not held against " + name_ +
                              ": rules left tensors out");
      return;
    }
    const std::optional<StateDifference> difference =
        compare_states(*state_, state_->root, checkpoint_, choice_.part);
    if (difference)
      report_.differences.push_back(
          {std::string(kStateName), "",
           difference->path + " is " + difference->a + ", in " + name_ + " " + difference->b});
  }

  const WrittenTensors& tensors_;
  const Origin& origin_;
  const Checkpoint* state_;
  const VerifyOptions& options_;
  const RunOptions& run_;
  VerifyReport& report_;
  std::string name_;
  Checkpoint checkpoint_;
  Choice choice_;
  std::map<std::string, uint32_t> by_key_;   // rows of the output
  std::map<std::string, uint32_t> by_name_;  // the same, for those that stand for another
  Selection expected_;             // those of the checkpoint that have a row, cast like it
  Selection uncast_;               // those that the rules would cast, and are not
  std::vector<uint32_t> kept_;     // their rows
  std::vector<TensorPair> pairs_;  // a row, and one of expected_
  std::vector<uint32_t> paired_;   // rows
  std::vector<const SelectedTensor*> missing_;
};

}  // namespace

void verify_against(const WrittenTensors& tensors, const Origin& origin, const Checkpoint* state,
                    const VerifyOptions& options, const RunOptions& run, VerifyReport& report) {
  in_context(escaped(options.against.native()),
             [&] { OriginVerifier(tensors, origin, state, options, run, report).run(); });
}

}  // namespace unbrine
