#include "converter/rename.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <cctype>

#include "formats/error.h"
#include "formats/text.h"

namespace unbrine {
namespace {

// Names come from the file, so that one of them may be made to keep RE searching for ever. Real
// names need some hundred steps.
constexpr uint32_t kMostSteps = 1'000'000;
constexpr uint32_t kMostKibibytes = 64 << 10;

struct Command {
  char delimiter;
  std::string expression;
  std::string replacement;
  std::string flags;
};

[[noreturn]] void refuse(const std::string& text, const std::string& why) {
  fail(ErrorCode::Usage, "--rename ", quoted(text), ": ", why);
}

bool is_alphanumeric(char character) {
  return std::isalnum(static_cast<unsigned char>(character)) != 0;
}

// A backslash and the character behind it stay together, so that an escaped delimiter does not end
// a part. In RE it remains escaped, which there means the character itself; but a letter or digit
// would mean something else.
Command split(const std::string& text) {
  const char delimiter = text.size() > 2 ? text[1] : '\\';
  if (text[0] != 's' || delimiter == '\\' || delimiter == '\n' ||
      static_cast<uint8_t>(delimiter) >= 0x80)
    refuse(text, "expected s/RE/TEXT/ or s/RE/TEXT/g");
  std::vector<std::string> parts(1);
  for (size_t i = 2; i < text.size(); ++i) {
    const bool escapes = text[i] == '\\' && i + 1 < text.size();
    if (escapes) {
      const bool bare = parts.size() == 1 && text[i + 1] == delimiter && is_alphanumeric(delimiter);
      if (!bare) parts.back() += text[i];
      parts.back() += text[++i];
    } else if (text[i] == delimiter) {
      parts.emplace_back();
    } else {
      parts.back() += text[i];
    }
  }
  if (parts.size() != 3)
    refuse(text, "expected three times '" + std::string(1, delimiter) + "', as in s/RE/TEXT/");
  return {delimiter, parts[0], parts[1], parts[2]};
}

std::string message_of(int error) {
  PCRE2_UCHAR message[256];
  if (pcre2_get_error_message(error, message, sizeof message) < 0) return "error";
  return reinterpret_cast<const char*>(message);
}

PCRE2_SPTR as_pcre(const std::string& text) { return reinterpret_cast<PCRE2_SPTR>(text.data()); }

bool is_continuation(char byte) { return (static_cast<uint8_t>(byte) & 0xc0) == 0x80; }

}  // namespace

struct Rename::Expression {
  Expression(const std::string& command, const std::string& expression) {
    if (expression.empty()) refuse(command, "RE is empty");
    constexpr uint32_t kOptions = PCRE2_UTF | PCRE2_MATCH_INVALID_UTF | PCRE2_NEVER_BACKSLASH_C;
    int error = 0;
    size_t place = 0;
    code.reset(
        pcre2_compile(as_pcre(expression), expression.size(), kOptions, &error, &place, nullptr));
    if (code == nullptr)
      refuse(command, message_of(error) + ", at byte " + std::to_string(place) + " of RE");
    pcre2_pattern_info(code.get(), PCRE2_INFO_CAPTURECOUNT, &groups);
  }

  struct Free {
    void operator()(pcre2_code* compiled) const { pcre2_code_free(compiled); }
  };
  std::unique_ptr<pcre2_code, Free> code;
  uint32_t groups = 0;
};

// Replaces matches in one name after the other.
class Rename::Matcher {
 public:
  Matcher(const Rename& rename, const Limits& limits)
      : rename_(rename),
        limits_(limits),
        context_(pcre2_match_context_create(nullptr)),
        data_(pcre2_match_data_create_from_pattern(rename.expression_->code.get(), nullptr)) {
    if (context_ == nullptr || data_ == nullptr) throw std::bad_alloc();
    pcre2_set_match_limit(context_.get(), kMostSteps);
    pcre2_set_heap_limit(context_.get(), kMostKibibytes);
  }

  bool replace(std::string& name) {
    std::string result;
    size_t copied = 0;  // of the name
    bool found = false;
    while ((!found || rename_.everywhere_) && find(name, copied, found)) {
      found = true;
      const size_t* bounds = pcre2_get_ovector_pointer(data_.get());
      if (bounds[0] < copied || bounds[1] < bounds[0]) break;  // \K in an assertion, older PCRE2
      append(result, std::string_view(name).substr(copied, bounds[0] - copied));
      append_replacement(result, name);
      copied = bounds[1];
    }
    append(result, std::string_view(name).substr(copied));
    if (found) name = std::move(result);
    return found;
  }

 private:
  // From the second match on an empty one may not stand where the one before it ended, as in sed.
  bool find(const std::string& name, size_t from, bool again) {
    while (again && from < name.size() && is_continuation(name[from])) ++from;  // part of no UTF-8
    const int result =
        pcre2_match(rename_.expression_->code.get(), as_pcre(name), name.size(), from,
                    again ? PCRE2_NOTEMPTY_ATSTART : 0, data_.get(), context_.get());
    if (result < 0 && result != PCRE2_ERROR_NOMATCH)
      fail(ErrorCode::Limit, "--rename ", quoted(rename_.text_), ": name ", quoted(name), ": ",
           message_of(result));
    return result > 0;
  }

  void append_replacement(std::string& result, std::string_view name) {
    for (const Piece& piece : rename_.pieces_)
      append(result,
             piece.is_literal ? std::string_view(piece.literal) : taken_by(piece.group, name));
  }

  std::string_view taken_by(size_t group, std::string_view name) const {
    const size_t* bounds = pcre2_get_ovector_pointer(data_.get()) + 2 * group;
    if (bounds[0] == PCRE2_UNSET) return "";
    return name.substr(bounds[0], bounds[1] - bounds[0]);
  }

  void append(std::string& result, std::string_view more) {
    bytes_ += more.size();
    check_limit("bytes of renamed tensors' names:", bytes_, "max_header_bytes",
                limits_.max_header_bytes);
    result += more;
  }

  struct Free {
    void operator()(pcre2_match_context* context) const { pcre2_match_context_free(context); }
    void operator()(pcre2_match_data* data) const { pcre2_match_data_free(data); }
  };

  const Rename& rename_;
  const Limits& limits_;
  std::unique_ptr<pcre2_match_context, Free> context_;
  std::unique_ptr<pcre2_match_data, Free> data_;
  uint64_t bytes_ = 0;  // of all names so far
};

Rename::Rename(const std::string& text) : text_(text) {
  const Command command = split(text);
  if (!command.flags.empty() && command.flags != "g")
    refuse(text, quoted(command.flags) + " behind the last delimiter: only g may stand there");
  everywhere_ = !command.flags.empty();
  expression_ = std::make_shared<const Expression>(text, command.expression);
  read_replacement(command.replacement, command.delimiter);
}

void Rename::read_replacement(const std::string& replacement, char delimiter) {
  for (size_t i = 0; i < replacement.size(); ++i) {
    const char character = replacement[i];
    if (character == '&') {
      add_group(0);
    } else if (character != '\\') {
      add_literal(character);
    } else {
      const char next = ++i < replacement.size() ? replacement[i] : '\0';
      if (next == delimiter || next == '&' || next == '\\')
        add_literal(next);
      else if (next >= '1' && next <= '9')
        add_group(static_cast<uint32_t>(next - '0'));
      else
        refuse(text_, "TEXT knows \\1 to \\9, \\& and \\\\ only");
    }
  }
}

void Rename::add_literal(char character) {
  if (pieces_.empty() || !pieces_.back().is_literal) pieces_.push_back({"", 0, true});
  pieces_.back().literal += character;
}

void Rename::add_group(uint32_t group) {
  if (group > expression_->groups)
    refuse(text_, "TEXT names group " + std::to_string(group) + ", RE has " +
                      std::to_string(expression_->groups));
  pieces_.push_back({"", group, false});
}

uint64_t Rename::apply(std::span<std::string> names, const Limits& limits) const {
  Matcher matcher(*this, limits);
  uint64_t fitted = 0;
  for (std::string& name : names)
    if (matcher.replace(name)) ++fitted;
  return fitted;
}

}  // namespace unbrine
