// Patterns on names: `*` stands for any run of characters (dots too), `?` for one, `[abc]`,
// `[a-z]` and `[!x]` for one of a set; a backslash takes what follows it as it is. A pattern fits a
// name as a whole.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace unbrine {

class Glob {
 public:
  // Throws Usage for a set that is never closed, a range that runs backwards, a backslash at the
  // end.
  explicit Glob(std::string_view pattern);

  // A character is a code point, or a byte that belongs to no valid UTF-8. At most as many steps
  // as the lengths of name and pattern multiplied.
  bool matches(std::string_view name) const;

 private:
  enum class Kind : uint8_t { Literal, AnyOne, AnyRun, Set, OtherThanSet };
  struct Token {
    Kind kind;
    uint32_t first = 0;  // Literal: the character; sets: [first, last) of ranges_
    uint32_t last = 0;
  };
  struct Range {
    uint32_t first, last;  // both belong to it
  };

  size_t add_set(std::string_view pattern, size_t begin);
  bool fits(const Token& token, uint32_t character) const;
  bool is_run(size_t token) const;

  std::vector<Token> tokens_;
  std::vector<Range> ranges_;
};

}  // namespace unbrine
