// s/RE/TEXT/ on names, as in sed, with a Perl-compatible RE.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "formats/limits.h"

namespace unbrine {

// Any character but a letter's own use stands for the slashes; behind the last one may stand `g`:
// every match, not only the first. In TEXT \1 to \9 are what the groups of RE took, & is the whole
// match; \&, \\ and the delimiter behind a backslash are themselves.
class Rename {
 public:
  // Throws Usage: not of this form, an RE that does not compile, a group that RE does not have.
  explicit Rename(const std::string& text);

  // Changes the names that RE fits and gives their number. RE sees neither the bytes of a name that
  // are no UTF-8 nor anything across them. Throws Limit: a name takes too many steps or too much
  // memory, or the names together more than max_header_bytes.
  uint64_t apply(std::span<std::string> names, const Limits& limits) const;

  const std::string& text() const { return text_; }

 private:
  struct Expression;
  struct Piece {
    std::string literal;
    uint32_t group = 0;  // 0: the whole match
    bool is_literal = false;
  };
  class Matcher;

  void read_replacement(const std::string& replacement, char delimiter);
  void add_literal(char character);
  void add_group(uint32_t group);

  std::string text_;
  bool everywhere_ = false;
  std::shared_ptr<const Expression> expression_;
  std::vector<Piece> pieces_;
};

}  // namespace unbrine
