#include "formats/torch/composite_kinds.h"

#include <algorithm>

#include "formats/torch/allowed_names.h"

namespace unbrine {
namespace {

constexpr std::string_view kUtils = "torch._utils";
constexpr std::string_view kNested = "torch.nested._internal.nested_tensor";

constexpr std::string_view kPerTensor[] = {"", "scale", "zero_point"};
constexpr std::string_view kPerChannel[] = {"", "scale", "zero_point", "axis"};
constexpr std::string_view kCoo[] = {"indices", "values"};
constexpr std::string_view kByRows[] = {"crow_indices", "col_indices", "values"};
constexpr std::string_view kByColumns[] = {"ccol_indices", "row_indices", "values"};
constexpr std::string_view kStridedNested[] = {"values", "sizes", "strides", "offsets"};
constexpr std::string_view kJagged[] = {"values", "offsets"};

constexpr CompositeKind kKinds[] = {
    {"per_tensor_affine", kUtils, "_rebuild_qtensor", kPerTensor},
    {"per_channel_affine", kUtils, "_rebuild_qtensor", kPerChannel},
    {"per_channel_affine_float_qparams", kUtils, "_rebuild_qtensor", kPerChannel},
    {"sparse_coo", kUtils, "_rebuild_sparse_tensor", kCoo},
    {"sparse_csr", kUtils, "_rebuild_sparse_tensor", kByRows},
    {"sparse_bsr", kUtils, "_rebuild_sparse_tensor", kByRows},
    {"sparse_csc", kUtils, "_rebuild_sparse_tensor", kByColumns},
    {"sparse_bsc", kUtils, "_rebuild_sparse_tensor", kByColumns},
    {"strided_nested", kUtils, "_rebuild_nested_tensor", kStridedNested},
    {"jagged", kNested, "_rebuild_njt", kJagged},
    {"meta", kUtils, "_rebuild_meta_tensor_no_storage", {}},
};

}  // namespace

const CompositePart* find_part(const Composite& composite, std::string_view role) {
  const auto at = std::ranges::find(composite.parts, role, &CompositePart::role);
  return at == composite.parts.end() ? nullptr : &*at;
}

const CompositeKind* composite_kind(const Composite& composite) {
  const auto row = std::ranges::find(kKinds, composite.layout, &CompositeKind::layout);
  if (row == std::end(kKinds)) return nullptr;
  const bool complete = std::ranges::all_of(
      row->roles, [&](std::string_view role) { return find_part(composite, role) != nullptr; });
  const bool has_dtype = composite.dtype && has_torch_dtype(*composite.dtype);
  return complete && (has_dtype || composite.layout != "meta") ? row : nullptr;
}

}  // namespace unbrine
