// What a command understands, as rows of data: the parser, --help, and whatever else describes the
// options are made from them.
#pragma once

#include <array>
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
  std::string_view operand;  // "IN", "A B"; in brackets: may be missing; "ROOT...": one or more
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

// The rows of one table and then those of another.
template <size_t kFirst, size_t kSecond>
constexpr std::array<OptionRow, kFirst + kSecond> joined(
    const std::array<OptionRow, kFirst>& first, const std::array<OptionRow, kSecond>& second) {
  std::array<OptionRow, kFirst + kSecond> all{};
  for (size_t i = 0; i < kFirst; ++i) all[i] = first[i];
  for (size_t i = 0; i < kSecond; ++i) all[kFirst + i] = second[i];
  return all;
}

template <size_t kFirst, size_t kSecond>
constexpr auto joined(const OptionRow (&first)[kFirst], const OptionRow (&second)[kSecond]) {
  return joined(std::to_array(first), std::to_array(second));
}

// A parsed command line.
struct Options {
  std::map<std::string, std::vector<std::string>, std::less<>> values;  // a flag has one, empty
  std::string operand;                                                  // the first
  std::vector<std::string> others;                                      // those behind it

  bool has(std::string_view name) const { return values.contains(name); }
  std::string text(std::string_view name) const;                // the value, or "" if absent
  std::vector<std::string> texts(std::string_view name) const;  // all values, in their order
};

// Throws Usage, with a pointer to --help, for anything that `line` does not describe. With --help
// among the arguments operands may be missing.
Options parse(const CommandLine& line, const Arguments& arguments);

std::string help_text(const CommandLine& line);

// Limits as set by --limit NAME=NUMBER. Throws Usage.
Limits limits_from(const Options& options);

}  // namespace unbrine
