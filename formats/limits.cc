#include "formats/limits.h"

#include "formats/error.h"

namespace unbrine {
namespace {

constexpr LimitName kLimitNames[] = {
    {"max_opcodes", &Limits::max_opcodes},
    {"max_graph_nodes", &Limits::max_graph_nodes},
    {"max_memo_entries", &Limits::max_memo_entries},
    {"max_string_bytes", &Limits::max_string_bytes},
    {"max_integer_digits", &Limits::max_integer_digits},
    {"max_archive_entries", &Limits::max_archive_entries},
    {"max_inflated_bytes", &Limits::max_inflated_bytes},
    {"max_inflate_ratio", &Limits::max_inflate_ratio},
    {"max_tensors", &Limits::max_tensors},
    {"max_rank", &Limits::max_rank},
    {"max_nesting", &Limits::max_nesting},
    {"max_path_depth", &Limits::max_path_depth},
    {"max_output_ratio", &Limits::max_output_ratio},
    {"free_output_bytes", &Limits::free_output_bytes},
    {"max_header_bytes", &Limits::max_header_bytes},
};
static_assert(sizeof(Limits) == std::size(kLimitNames) * sizeof(uint64_t), "a limit has no name");

}  // namespace

std::span<const LimitName> limit_names() { return kLimitNames; }

void fail_limit(std::string_view what, uint64_t demand, std::string_view name, uint64_t bound) {
  fail(ErrorCode::Limit, what, " ", demand, " needed, ", bound, " allowed (--limit ", name, "=",
       demand, " allows it)");
}

}  // namespace unbrine
