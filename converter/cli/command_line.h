// What a command understands, as rows of data: the parser, --help, and whatever else describes the
// options are made from them.
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "formats/limits.h"

namespace unbrine {

using Arguments = std::vector<std::string>;  // what follows the command's name

struct OptionRow {
  std::string_view name;        // "output"
  char letter;                  // 'o', or 0
  std::string_view value_name;  // "OUT.safetensors"; empty: a flag
  bool repeatable;
  std::string_view help;
};

struct CommandLine {
  std::string_view command;  // "convert"
  std::string_view operand;  // "IN": exactly one
  std::string_view about;    // a sentence or two
  std::span<const OptionRow> options;
};

// Rows that several commands share.
inline constexpr OptionRow kSelectOption = {
    "select", 0, "KEY.PATH|ema|all", false,
    "the part to take: a path of keys, the moving average, or everything (default: the model's "
    "weights)"};
inline constexpr OptionRow kLimitOption = {
    "limit", 0, "NAME=NUMBER", true,
    "bound what the file may demand; repeatable; `unbrine help limits` lists them"};
inline constexpr OptionRow kJsonOption = {"json", 0, "", false,
                                          "print one JSON object instead of text"};
inline constexpr OptionRow kHelpOption = {"help", 'h', "", false, "print this help"};

// A parsed command line.
struct Options {
  std::map<std::string, std::vector<std::string>, std::less<>> values;  // a flag has one, empty
  std::string operand;

  bool has(std::string_view name) const { return values.contains(name); }
  std::string text(std::string_view name) const;  // the value, or "" if absent
};

// Throws Usage, with a pointer to --help, for anything that `line` does not describe. With --help
// among the arguments the operand may be missing.
Options parse(const CommandLine& line, const Arguments& arguments);

std::string help_text(const CommandLine& line);

// Limits as set by --limit NAME=NUMBER. Throws Usage.
Limits limits_from(const Options& options);

}  // namespace unbrine
