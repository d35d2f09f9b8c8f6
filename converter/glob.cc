#include "converter/glob.h"

#include <algorithm>

#include "formats/error.h"
#include "formats/text.h"

namespace unbrine {
namespace {

struct Character {
  uint32_t value;
  size_t size;  // bytes
};

// Beyond all code points: a byte that belongs to no valid sequence.
constexpr uint32_t kStrayByte = 0x110000;

// The one that starts at `at`, which is not the end.
Character character_at(std::string_view text, size_t at) {
  const uint8_t lead = static_cast<uint8_t>(text[at]);
  if (lead < 0x80) return {lead, 1};
  const size_t size = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  const std::string_view sequence = text.substr(at, size);
  if (sequence.size() < size || !is_valid_utf8(sequence)) return {kStrayByte + lead, 1};
  uint32_t value = lead & (0x7fu >> size);
  for (const char byte : sequence.substr(1))
    value = value << 6 | (static_cast<uint8_t>(byte) & 0x3f);
  return {value, size};
}

[[noreturn]] void refuse(std::string_view pattern, const char* what, size_t at) {
  fail(ErrorCode::Usage, "pattern ", quoted(pattern), ": ", what, " at byte ", at);
}

// The same, but a backslash is taken off.
Character escaped_at(std::string_view pattern, size_t at) {
  if (pattern[at] != '\\') return character_at(pattern, at);
  if (at + 1 == pattern.size()) refuse(pattern, "nothing follows the backslash", at);
  const Character next = character_at(pattern, at + 1);
  return {next.value, next.size + 1};
}

}  // namespace

Glob::Glob(std::string_view pattern) {
  size_t at = 0;
  while (at < pattern.size()) {
    if (pattern[at] == '*') {
      if (!is_run(tokens_.size() - 1)) tokens_.push_back({Kind::AnyRun});
      ++at;
    } else if (pattern[at] == '?') {
      tokens_.push_back({Kind::AnyOne});
      ++at;
    } else if (pattern[at] == '[') {
      at = add_set(pattern, at);
    } else {
      const Character character = escaped_at(pattern, at);
      tokens_.push_back({Kind::Literal, character.value});
      at += character.size;
    }
  }
}

// Gives the place behind the set that `begin` opens. As in the shell, a ] that comes first belongs
// to it.
size_t Glob::add_set(std::string_view pattern, size_t begin) {
  size_t at = begin + 1;
  const bool negated = pattern.substr(at).starts_with('!');
  if (negated) ++at;
  const uint32_t first_range = static_cast<uint32_t>(ranges_.size());
  for (const size_t start = at; at < pattern.size();) {
    if (pattern[at] == ']' && at != start) {
      tokens_.push_back({negated ? Kind::OtherThanSet : Kind::Set, first_range,
                         static_cast<uint32_t>(ranges_.size())});
      return at + 1;
    }
    const Character first = escaped_at(pattern, at);
    Character last = first;
    at += first.size;
    const bool is_range = at + 1 < pattern.size() && pattern[at] == '-' && pattern[at + 1] != ']';
    if (is_range) {
      last = escaped_at(pattern, at + 1);
      if (last.value < first.value) refuse(pattern, "a range runs backwards", at);
      at += 1 + last.size;
    }
    ranges_.push_back({first.value, last.value});
  }
  refuse(pattern, "'[' is never closed", begin);
}

bool Glob::is_run(size_t token) const {
  return token < tokens_.size() && tokens_[token].kind == Kind::AnyRun;
}

bool Glob::fits(const Token& token, uint32_t character) const {
  const auto in_set = [&] {
    return std::any_of(
        ranges_.begin() + token.first, ranges_.begin() + token.last,
        [&](const Range& range) { return range.first <= character && character <= range.last; });
  };
  switch (token.kind) {
    case Kind::Literal: return token.first == character;
    case Kind::AnyOne: return true;
    case Kind::Set: return in_set();
    case Kind::OtherThanSet: return !in_set();
    case Kind::AnyRun: return false;
  }
  return false;
}

// Only the last run that was met can still have to grow: what the earlier ones took ended at the
// first place where all between them and it fitted.
bool Glob::matches(std::string_view name) const {
  size_t token = 0;
  size_t at = 0;
  size_t run_end = 0;     // what the last run takes ends here
  size_t behind_run = 0;  // the token behind it; 0: no run yet
  while (at < name.size()) {
    if (is_run(token)) {
      behind_run = ++token;
      run_end = at;
      continue;
    }
    const Character character = character_at(name, at);
    if (token < tokens_.size() && fits(tokens_[token], character.value)) {
      ++token;
      at += character.size;
    } else if (behind_run != 0) {
      run_end += character_at(name, run_end).size;
      token = behind_run;
      at = run_end;
    } else {
      return false;
    }
  }
  while (is_run(token)) ++token;
  return token == tokens_.size();
}

}  // namespace unbrine
