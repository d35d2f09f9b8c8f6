// Writes compact JSON. Escapes as the safetensors reference does: \" \\ \b \t \n \f \r, other bytes
// below 0x20 as \u00xx in lower case, everything else raw. A float is the shortest text that reads
// back as the same float, with ".0" where nothing else tells it from an integer; what JSON has no
// number for is {"$float":"nan"}, "inf", "-inf" or the bits of any other NaN, "0x7ff0000000000001".
#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>

namespace unbrine {

class JsonWriter {
 public:
  JsonWriter& begin_object() { return open('{'); }
  JsonWriter& end_object() { return close('}'); }
  JsonWriter& begin_array() { return open('['); }
  JsonWriter& end_array() { return close(']'); }
  JsonWriter& key(std::string_view name);    // must be valid UTF-8
  JsonWriter& value(std::string_view text);  // must be valid UTF-8
  JsonWriter& value(const char* text) { return value(std::string_view(text)); }
  JsonWriter& value(bool truth) { return raw(truth ? "true" : "false"); }
  JsonWriter& value(double number);
  JsonWriter& null() { return raw("null"); }
  template <std::integral Number>
  JsonWriter& value(Number number) {
    return raw(std::to_string(number));
  }
  JsonWriter& json(std::string_view text) { return raw(text); }  // a value that is JSON already

  const std::string& text() const { return text_; }
  std::string take() { return std::move(text_); }

 private:
  JsonWriter& open(char bracket);
  JsonWriter& close(char bracket);
  JsonWriter& raw(std::string_view text);
  void separate();
  void append_string(std::string_view text);

  std::string text_;
  bool needs_comma_ = false;
};

}  // namespace unbrine
