// Bounds on what one untrusted file may demand. The defaults are far above what real checkpoints
// need; each is set by `--limit NAME=VALUE` and named in the error that reports it.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace unbrine {

struct Limits {
  uint64_t max_opcodes = 1'000'000'000;             // of all pickles of a file
  uint64_t max_graph_nodes = 200'000'000;           // values in the graph
  uint64_t max_memo_entries = 100'000'000;          // filled slots of one pickle's memo
  uint64_t max_string_bytes = 64 << 20;             // one str, or one line of a text opcode
  uint64_t max_integer_digits = 4300;               // decimal digits of one int, as CPython's own
  uint64_t max_archive_entries = 2'000'000;         // members of a zip or tar
  uint64_t max_inflated_bytes = uint64_t{4} << 30;  // of all compressed entries together
  uint64_t max_inflate_ratio = 1100;  // inflated over stored; deflate cannot exceed 1032
  uint64_t max_tensors = 1'000'000;   // names in the output, aliases counted
  uint64_t max_rank = 64;             // dimensions of one tensor
  uint64_t max_nesting = 16;          // containers and streams inside each other
  uint64_t max_path_depth = 1000;     // parts of a tensor's name
  uint64_t max_output_ratio = 16;     // logical tensor bytes over the file's bytes,
  uint64_t free_output_bytes = uint64_t{1} << 30;  //   beyond these, which are always allowed
  uint64_t max_header_bytes = 100'000'000;         // a safetensors header, as its readers demand
};

struct LimitName {
  std::string_view name;
  uint64_t Limits::*member;
};

// Every member of Limits by name.
std::span<const LimitName> limit_names();

// Throws Limit "<what> <demand> (limit <name> = <bound>)" if demand > bound. `what` reads as
// "values:", "tensors:" and the like.
[[noreturn, gnu::cold]] void fail_limit(std::string_view what, uint64_t demand,
                                        std::string_view name, uint64_t bound);
inline void check_limit(std::string_view what, uint64_t demand, std::string_view name,
                        uint64_t bound) {
  if (demand > bound) fail_limit(what, demand, name, bound);
}

}  // namespace unbrine
