#include "formats/json.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>

namespace unbrine {
namespace {

bool needs_escape(char c) { return static_cast<uint8_t>(c) < 0x20 || c == '"' || c == '\\'; }

void append_escape(std::string& text, char c) {
  constexpr std::string_view kShort = "\"\"\\\\b\bt\tn\nf\fr\r";  // letter, character, ...
  text += '\\';
  for (size_t i = 0; i < kShort.size(); i += 2)
    if (kShort[i + 1] == c) {
      text += kShort[i];
      return;
    }
  constexpr char kHexDigits[] = "0123456789abcdef";
  text += "u00";
  text += kHexDigits[c >> 4];
  text += kHexDigits[c & 15];
}

std::string finite_text(double number) {
  char digits[32];
  std::string text(digits, std::to_chars(std::begin(digits), std::end(digits), number).ptr);
  return text.find_first_of(".e") == std::string::npos ? text + ".0" : text;
}

std::string nan_name(uint64_t bits) {
  constexpr uint64_t kPlainNan = 0x7ff8'0000'0000'0000;
  if (bits == kPlainNan) return "nan";
  char digits[16];
  return "0x" +
         std::string(digits, std::to_chars(std::begin(digits), std::end(digits), bits, 16).ptr);
}

std::string name_of_non_number(double number) {
  if (std::isnan(number)) return nan_name(std::bit_cast<uint64_t>(number));
  return number < 0 ? "-inf" : "inf";
}

}  // namespace

JsonWriter& JsonWriter::key(std::string_view name) {
  separate();
  append_string(name);
  text_ += ':';
  needs_comma_ = false;
  return *this;
}

JsonWriter& JsonWriter::value(std::string_view text) {
  separate();
  append_string(text);
  needs_comma_ = true;
  return *this;
}

JsonWriter& JsonWriter::value(double number) {
  if (std::isfinite(number)) return raw(finite_text(number));
  return begin_object().key("$float").value(name_of_non_number(number)).end_object();
}

JsonWriter& JsonWriter::open(char bracket) {
  separate();
  text_ += bracket;
  needs_comma_ = false;
  return *this;
}

JsonWriter& JsonWriter::close(char bracket) {
  text_ += bracket;
  needs_comma_ = true;
  return *this;
}

JsonWriter& JsonWriter::raw(std::string_view text) {
  separate();
  text_ += text;
  needs_comma_ = true;
  return *this;
}

void JsonWriter::separate() {
  if (needs_comma_) text_ += ',';
}

void JsonWriter::append_string(std::string_view text) {
  text_ += '"';
  while (!text.empty()) {
    const auto special = std::ranges::find_if(text, needs_escape);
    const size_t plain = static_cast<size_t>(special - text.begin());
    text_ += text.substr(0, plain);
    text.remove_prefix(plain);
    if (text.empty()) break;
    append_escape(text_, text[0]);
    text.remove_prefix(1);
  }
  text_ += '"';
}

}  // namespace unbrine
