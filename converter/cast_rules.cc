#include "converter/cast_rules.h"

#include <algorithm>

#include "converter/glob.h"
#include "formats/text.h"
#include "kernels/backend.h"

namespace unbrine {
namespace {

// F8_E8M0 holds scales of blocks, which are no weights to be rounded.
bool is_plain_float(DType dtype) { return info(dtype).is_floating && dtype != DType::F8E8M0; }

class CastRule {
 public:
  explicit CastRule(const DTypeRule& rule) : rule_(rule), glob_(rule.pattern) {}

  DType to() const { return rule_.to; }
  bool has_fitted() const { return fitted_; }

  bool fits(const std::string& name, DType dtype) {
    const bool found = rule_.from ? dtype == *rule_.from : glob_.matches(name);
    if (!found) return false;
    if (!can_cast(dtype, rule_.to) || !(rule_.from || is_plain_float(dtype))) {
      met_ = met_.value_or(dtype);
      return false;
    }
    return fitted_ = true;
  }

  void warn(std::vector<std::string>& warnings) const {
    if (fitted_) return;
    const std::string option = "--dtype " + quoted(rule_.text) + " fits no ";
    if (rule_.from) {
      warnings.push_back(option + "tensor");
    } else if (!met_) {
      warnings.push_back(option + (rule_.pattern == "*" ? "tensor" : "name"));
    } else {
      warnings.push_back(option + "floating tensor" + advice(*met_));
    }
  }

 private:
  // Integers are cast only if the rule names them.
  std::string advice(DType met) const {
    const std::string name(dtype_name(met));
    if (!can_cast(met, rule_.to)) return "; there is no cast from " + name;
    return ", only such as " + name +
           ", which a pattern leaves: " + std::string(info(met).safetensors) + "=" +
           std::string(info(rule_.to).safetensors) + " casts them";
  }

  const DTypeRule& rule_;
  Glob glob_;
  bool fitted_ = false;
  std::optional<DType> met_;  // the first that a pattern fitted but does not cast
};

bool is_quantized(const Composite& composite) {
  return composite.layout.starts_with("per_tensor") ||
         composite.layout.starts_with("per_channel") || composite.layout == "quantized";
}

// Per row of the table: a part of a quantized tensor.
std::vector<bool> quantized_parts(const Graph& graph, const TensorTable& table) {
  std::vector<bool> parts(table.tensors().size(), false);
  for (NodeId node = 0; node < graph.size(); ++node) {
    if (!graph.is(node, NodeKind::Composite) || !is_quantized(graph.composite(node))) continue;
    for (const CompositePart& part : graph.composite(node).parts)
      parts[graph.index(part.tensor)] = true;
  }
  return parts;
}

// All rules are asked, so that each knows whether it fits; but those that know already only until
// one has fitted.
std::optional<DType> first_fit(std::vector<CastRule>& rules, const std::string& name, DType dtype) {
  std::optional<DType> to;
  for (CastRule& rule : rules)
    if (!(to && rule.has_fitted()) && rule.fits(name, dtype) && !to) to = rule.to();
  return to;
}

}  // namespace

void choose_casts(Selection& selection, const std::vector<DTypeRule>& rules, const Graph& graph,
                  std::vector<std::string>& warnings) {
  if (rules.empty()) return;
  const std::vector<bool> skipped = quantized_parts(graph, *selection.table);
  std::vector<CastRule> asked(rules.begin(), rules.end());
  for (SelectedTensor& tensor : selection.tensors) {
    if (skipped[tensor.row]) continue;
    const DType dtype = selection.tensor(tensor).dtype;
    const std::optional<DType> to = first_fit(asked, tensor.name, dtype);
    if (to && *to != dtype) tensor.cast = to;
  }
  for (const CastRule& rule : asked) rule.warn(warnings);
}

}  // namespace unbrine
