// What the user asks of a conversion, parsed: which tensors, under which names, as which dtype.
//
// All patterns are held against a tensor's name as it is before any rule changed it, below the part
// that is written: what `inspect` shows without rules. Names are then made in this order: the first
// prefix of strip_prefixes that fits is taken off, each rename is applied in turn, add_prefix is
// put before.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "formats/dtype.h"

namespace unbrine {

enum class Aliases : uint8_t { Copy, KeepOne, Error };

// What to do about values that a cast cannot hold.
enum class OnOverflow : uint8_t { Error, Keep, Saturate, Inf };

class Rename;  // s/RE/TEXT/ (rename.h)

// --dtype: a glob on names, or a dtype for all tensors that have it; the first that fits counts.
struct DTypeRule {
  std::string text;           // as given, for messages
  std::string pattern;        // a glob; empty if `from` is set
  std::optional<DType> from;  // all tensors of this dtype
  DType to;
};

struct Rules {
  // "": the model's weights; "ema": its moving average; "all"; else KEY.PATH of a part.
  std::string select;
  std::vector<std::string> include;  // globs; none: everything
  std::vector<std::string> exclude;  // globs
  std::vector<std::string> strip_prefixes;
  std::vector<std::shared_ptr<const Rename>> renames;
  std::string add_prefix;
  Aliases aliases = Aliases::Copy;
  std::vector<DTypeRule> dtypes;
  std::map<std::string, std::string> metadata;  // added to that of the output
  bool split_top = false;  // each top-level key is a group of its own, the weights too
  bool strict = false;     // a rule that fits nothing is an error

  bool change_names() const {  // or leave tensors out
    return !include.empty() || !exclude.empty() || !strip_prefixes.empty() || !renames.empty() ||
           !add_prefix.empty();
  }
};

// Each throws Usage, quoting the option, for a value that is none.
Aliases parse_aliases(const std::string& text);                       // copy, keep-one, error
OnOverflow parse_on_overflow(const std::string& text);                // error, keep, saturate, inf
DTypeRule parse_dtype_rule(const std::string& text);                  // F16, *.bias=F32, F64=F32
std::shared_ptr<const Rename> parse_rename(const std::string& text);  // s/RE/TEXT/[g]
std::pair<std::string, std::string> parse_metadata(const std::string& text);  // K=V
uint64_t parse_size(const std::string& option, const std::string& text);      // 5GB, 500MiB, 4096

// Throws Usage for rules that contradict each other: one pattern included and excluded, two dtypes
// for one pattern.
void check_rules(const Rules& rules);

}  // namespace unbrine
