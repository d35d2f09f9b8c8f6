#include "converter/rules.h"

#include <algorithm>
#include <string_view>

#include "converter/glob.h"
#include "converter/rename.h"
#include "formats/checked.h"
#include "formats/error.h"
#include "formats/text.h"
#include "kernels/backend.h"

namespace unbrine {
namespace {

std::string lower_case(std::string_view text) {
  std::string result(text);
  for (char& character : result)
    if (character >= 'A' && character <= 'Z') character = static_cast<char>(character - 'A' + 'a');
  return result;
}

// --- Choices by name ---

template <class Value>
struct Word {
  std::string_view text;
  Value value;
};

constexpr Word<Aliases> kAliases[] = {
    {"copy", Aliases::Copy},
    {"keep-one", Aliases::KeepOne},
    {"error", Aliases::Error},
};

constexpr Word<OnOverflow> kOnOverflow[] = {
    {"error", OnOverflow::Error},
    {"keep", OnOverflow::Keep},
    {"saturate", OnOverflow::Saturate},
    {"inf", OnOverflow::Inf},
};

template <class Value, size_t Count>
Value parse_word(const char* option, const std::string& text, const Word<Value> (&words)[Count]) {
  std::string known;
  for (const Word<Value>& word : words) {
    if (word.text == text) return word.value;
    known += (known.empty() ? "" : ", ") + std::string(word.text);
  }
  fail(ErrorCode::Usage, option, " ", quoted(text), ": expected one of ", known);
}

// --- Dtypes ---

// As safetensors or torch calls it. Of dtypes that safetensors holds as the same one, the plain one
// comes first in the table.
std::optional<DType> dtype_by_name(std::string_view name) {
  const std::string wanted = lower_case(name);
  if (wanted.empty()) return std::nullopt;
  for (const auto column : {&DTypeInfo::safetensors, &DTypeInfo::torch_name})
    for (const DTypeInfo& row : dtype_table())
      if (lower_case(row.*column) == wanted) return row.dtype;
  return std::nullopt;
}

bool is_source(DType dtype) { return can_cast(dtype, DType::F32); }
bool is_target(DType dtype) { return can_cast(DType::F32, dtype); }

std::string target_names() {
  std::string names;
  for (const DTypeInfo& row : dtype_table())
    if (is_target(row.dtype)) names += (names.empty() ? "" : ", ") + std::string(row.safetensors);
  return names;
}

DType parse_target(const std::string& rule, std::string_view name) {
  const std::optional<DType> dtype = dtype_by_name(name);
  if (!dtype)
    fail(ErrorCode::Usage, "--dtype ", quoted(rule), ": ", quoted(name), " is no dtype; there are ",
         target_names());
  if (!is_target(*dtype))
    fail(ErrorCode::Usage, "--dtype ", quoted(rule), ": there is no cast to ", quoted(name));
  return *dtype;
}

// --- Sizes ---

struct Unit {
  std::string_view name;  // in lower case
  uint64_t bytes;
};

constexpr Unit kUnits[] = {
    {"", 1},
    {"b", 1},
    {"kb", 1000},
    {"mb", 1000'000},
    {"gb", 1000'000'000},
    {"tb", 1000'000'000'000},
    {"kib", uint64_t{1} << 10},
    {"mib", uint64_t{1} << 20},
    {"gib", uint64_t{1} << 30},
    {"tib", uint64_t{1} << 40},
};

std::string_view take_digits(std::string_view& text) {
  const size_t count = std::min(text.find_first_not_of("0123456789"), text.size());
  const std::string_view digits = text.substr(0, count);
  text.remove_prefix(count);
  return digits;
}

// False if it needs more than 64 bits.
bool add_digits(std::string_view digits, uint64_t& number) {
  return std::ranges::all_of(digits, [&](char digit) {
    return checked_multiply(number, 10, number) &&
           checked_add(number, static_cast<uint64_t>(digit - '0'), number);
  });
}

// The part of a unit that digits behind the point stand for, rounded down.
bool add_fraction(std::string_view digits, uint64_t unit, uint64_t& bytes) {
  uint64_t numerator = 0;
  uint64_t denominator = 1;
  for (size_t i = 0; i < digits.size(); ++i)
    if (!checked_multiply(denominator, 10, denominator)) return false;
  return add_digits(digits, numerator) && checked_multiply(numerator, unit, numerator) &&
         checked_add(bytes, numerator / denominator, bytes);
}

// --- Contradictions ---

[[noreturn]] void contradict(const std::string& one, const std::string& other) {
  fail(ErrorCode::Usage, one, " contradicts ", other);
}

void check_pattern(const char* option, const std::string& pattern) {
  in_context(option, [&] { Glob{pattern}; });
}

void check_filters(const Rules& rules) {
  for (const std::string& pattern : rules.include) check_pattern("--include", pattern);
  for (const std::string& pattern : rules.exclude) {
    check_pattern("--exclude", pattern);
    if (std::ranges::find(rules.include, pattern) != rules.include.end())
      contradict("--exclude " + quoted(pattern), "--include " + quoted(pattern));
  }
}

void check_dtypes(const std::vector<DTypeRule>& rules) {
  for (size_t i = 0; i < rules.size(); ++i) {
    check_pattern("--dtype", rules[i].pattern);
    for (size_t k = 0; k < i; ++k) {
      const bool same = rules[i].from == rules[k].from && rules[i].pattern == rules[k].pattern;
      if (same && rules[i].to != rules[k].to)
        contradict("--dtype " + quoted(rules[i].text), "--dtype " + quoted(rules[k].text));
    }
  }
}

}  // namespace

Aliases parse_aliases(const std::string& text) { return parse_word("--aliases", text, kAliases); }

OnOverflow parse_on_overflow(const std::string& text) {
  return parse_word("--on-overflow", text, kOnOverflow);
}

DTypeRule parse_dtype_rule(const std::string& text) {
  const size_t sign = text.rfind('=');  // a pattern may hold one, a dtype does not
  if (sign == text.npos) return {text, "*", std::nullopt, parse_target(text, text)};
  const std::string from = text.substr(0, sign);
  if (from.empty()) fail(ErrorCode::Usage, "--dtype ", quoted(text), ": nothing stands before '='");
  const DType to = parse_target(text, text.substr(sign + 1));
  const std::optional<DType> named = dtype_by_name(from);
  if (!named) {
    check_pattern("--dtype", from);
    return {text, from, std::nullopt, to};
  }
  if (!is_source(*named))
    fail(ErrorCode::Usage, "--dtype ", quoted(text), ": there is no cast from ", quoted(from));
  return {text, "", named, to};
}

std::shared_ptr<const Rename> parse_rename(const std::string& text) {
  return std::make_shared<const Rename>(text);
}

std::pair<std::string, std::string> parse_metadata(const std::string& text) {
  const size_t sign = text.find('=');
  if (sign == text.npos || sign == 0)
    fail(ErrorCode::Usage, "--metadata ", quoted(text), ": expected KEY=VALUE");
  if (!is_valid_utf8(text))
    fail(ErrorCode::Usage, "--metadata ", quoted(text), ": is not valid UTF-8");
  return {text.substr(0, sign), text.substr(sign + 1)};
}

uint64_t parse_size(const std::string& option, const std::string& text) {
  std::string_view rest = text;
  const std::string_view whole = take_digits(rest);
  const bool has_point = rest.starts_with('.');
  if (has_point) rest.remove_prefix(1);
  const std::string_view fraction = has_point ? take_digits(rest) : "";
  const auto unit = std::ranges::find(kUnits, lower_case(rest), &Unit::name);
  const bool sound = !whole.empty() && unit != std::end(kUnits) &&
                     (!has_point || (!fraction.empty() && unit->bytes > 1));
  if (!sound)
    fail(ErrorCode::Usage, option, " ", quoted(text), ": expected a size as 4096, 500MB, 1.5GiB");
  uint64_t bytes = 0;
  if (!add_digits(whole, bytes) || !checked_multiply(bytes, unit->bytes, bytes) ||
      !add_fraction(fraction, unit->bytes, bytes))
    fail(ErrorCode::Usage, option, " ", quoted(text), ": too many digits, or more than 64 bits");
  if (bytes == 0) fail(ErrorCode::Usage, option, " ", quoted(text), ": must be more than 0");
  return bytes;
}

void check_rules(const Rules& rules) {
  check_filters(rules);
  check_dtypes(rules.dtypes);
  if (std::ranges::find(rules.strip_prefixes, "") != rules.strip_prefixes.end())
    fail(ErrorCode::Usage, "--strip-prefix: an empty prefix");
}

}  // namespace unbrine
