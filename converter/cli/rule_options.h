// The options that say which tensors are meant, under which names and as what: one set for every
// command that selects.
#pragma once

#include "converter/cli/command_line.h"
#include "converter/rules.h"

namespace unbrine {

// What two inputs can be held to alike.
inline constexpr OptionRow kTensorRuleOptions[] = {
    kSelectOption,
    {"include", 0, "GLOB", true, "only tensors whose name matches; repeatable"},
    {"exclude", 0, "GLOB", true, "no tensors whose name matches; repeatable"},
    {"strip-prefix", 0, "TEXT", true,
     "take TEXT off the front of names; repeatable, the first that fits counts"},
    {"add-prefix", 0, "TEXT", false, "put TEXT before every name"},
    {"rename", 0, "s/RE/TEXT/[g]", true,
     "replace what the regular expression matches in names; repeatable, applied in turn"},
    {"aliases", 0, "copy|keep-one|error", false,
     "names that are the same tensor: write each (default), write one and record the others, or "
     "refuse"},
    {"dtype", 0, "[PATTERN=]DTYPE", true,
     "store floating tensors as DTYPE; with a glob those whose name matches, with a dtype "
     "(F64=F32) all that have it; repeatable, the first match wins"},
    {"strict-rules", 0, "", false, "a rule that fits nothing is an error, not a warning"},
};

// What only an output has.
inline constexpr OptionRow kOutputRuleOptions[] = {
    {"metadata", 0, "KEY=VALUE", true, "add to the output's metadata; repeatable"},
    {"split-top", 0, "", false, "in a folder, one file for each top-level key, weights included"},
};

inline constexpr auto kRuleOptions =
    joined(std::to_array(kTensorRuleOptions), std::to_array(kOutputRuleOptions));

// The rules that the options ask for; those that a command does not have are as if not given.
// Throws Usage for values that are none and for rules that contradict each other.
Rules rules_from(const Options& options);

}  // namespace unbrine
