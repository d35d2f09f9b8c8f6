#include "formats/archive/tar_header.h"

#include <algorithm>
#include <charconv>
#include <numeric>

#include "formats/error.h"
#include "formats/text.h"

namespace unbrine {
namespace {

using namespace std::string_view_literals;

std::string_view field(ByteSpan block, size_t begin, size_t size) {
  return as_text(block.subspan(begin, size));
}

std::string_view until_nul(std::string_view text) { return text.substr(0, text.find('\0')); }

template <int kBase>
std::optional<uint64_t> whole_number(std::string_view digits) {
  uint64_t number = 0;
  const char* const end = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), end, number, kBase);
  if (error != std::errc() || stop != end) return std::nullopt;
  return number;
}

// Octal between blanks, ended by a blank or NUL; nothing at all is 0.
std::optional<uint64_t> octal(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
  text = text.substr(0, text.find_first_of(" \0"sv));
  return text.empty() ? 0 : whole_number<8>(text);
}

// Some old writers summed signed bytes.
bool checksum_fits(ByteSpan block) {
  constexpr size_t kAt = 148, kWidth = 8;
  const std::optional<uint64_t> recorded = octal(field(block, kAt, kWidth));
  int64_t sum = 0, signed_sum = 0;
  for (size_t i = 0; i < block.size(); ++i) {
    const uint8_t byte = i >= kAt && i < kAt + kWidth ? ' ' : block[i];
    sum += byte;
    signed_sum += static_cast<int8_t>(byte);
  }
  const auto expected = static_cast<int64_t>(recorded.value_or(0));
  return recorded && (sum == expected || signed_sum == expected);
}

bool is_posix(ByteSpan block) { return field(block, 257, 6) == "ustar\0"sv; }

bool is_known_kind(ByteSpan block) {
  const std::string_view magic = field(block, 257, 8);
  return is_posix(block) || magic == "ustar  \0"sv || magic == "\0\0\0\0\0\0\0\0"sv;
}

uint64_t parse_size(std::string_view text) {
  if ((static_cast<uint8_t>(text[0]) & 0x80) == 0) {
    if (const auto size = octal(text)) return *size;
    fail(ErrorCode::Corrupt, "its size is no octal number: ", quoted(until_nul(text)));
  }
  if (text.substr(0, 4) != "\x80\0\0\0"sv)
    fail(ErrorCode::Corrupt, "its size is negative or does not fit 64 bits");
  return std::accumulate(text.begin() + 4, text.end(), uint64_t{0}, [](uint64_t sum, char byte) {
    return sum << 8 | static_cast<uint8_t>(byte);
  });
}

// Python joins the prefix whatever the magic, GNU's tar does not.
std::string parse_name(ByteSpan block) {
  std::string name(until_nul(field(block, 0, 100)));
  const std::string_view prefix = until_nul(field(block, 345, 155));
  if (prefix.empty()) return name;
  if (!is_posix(block))
    fail(ErrorCode::Corrupt, "entry ", quoted(name), ": has a prefix that only POSIX headers have");
  return std::string(prefix) + "/" + name;
}

struct PaxRecord {
  std::string_view key;
  std::string_view value;
};

// Takes "LENGTH KEY=VALUE\n" from the front of `rest`; the length counts all of it.
PaxRecord take_pax_record(std::string_view& rest) {
  const size_t blank = rest.substr(0, 21).find(' ');
  const auto length = whole_number<10>(rest.substr(0, std::min(blank, rest.size())));
  if (blank == rest.npos || !length || *length <= blank + 1 || *length > rest.size())
    fail(ErrorCode::Corrupt, "an extended header's record has no sound length");
  const std::string_view record = rest.substr(blank + 1, *length - blank - 1);
  rest.remove_prefix(*length);
  const size_t equals = record.find('=');
  if (!record.ends_with('\n') || equals == record.npos)
    fail(ErrorCode::Corrupt, "an extended header's record is not KEY=VALUE and a newline");
  return {record.substr(0, equals), record.substr(equals + 1, record.size() - equals - 2)};
}

template <class Value>
void set_once(std::optional<Value>& target, Value value, std::string_view key) {
  if (target) fail(ErrorCode::Corrupt, "an extended header sets ", key, " twice");
  target = std::move(value);
}

}  // namespace

bool is_tar_header(ByteSpan bytes) {
  if (bytes.size() < kTarBlock || bytes[0] == 0) return false;
  const ByteSpan block = bytes.first(kTarBlock);
  return is_known_kind(block) && checksum_fits(block);
}

TarHeader parse_tar_header(ByteSpan block) {
  if (!is_known_kind(block) || !checksum_fits(block))
    fail(ErrorCode::Corrupt, "no tar header whose checksum fits");
  TarHeader header;
  header.name = parse_name(block);
  header.type = static_cast<char>(block[156]);
  header.size =
      in_context("entry " + quoted(header.name), [&] { return parse_size(field(block, 124, 12)); });
  return header;
}

PaxHeader parse_pax_header(ByteSpan records) {
  PaxHeader header;
  for (std::string_view rest = as_text(records); !rest.empty();) {
    const PaxRecord record = take_pax_record(rest);
    if (record.key.starts_with("GNU.sparse."))
      fail(ErrorCode::Unsupported, "a sparse member follows, which is not read");
    if (record.key == "path") set_once(header.path, std::string(record.value), "path");
    if (record.key != "size") continue;
    const auto size = whole_number<10>(record.value);
    if (!size) fail(ErrorCode::Corrupt, "an extended header's size is ", quoted(record.value));
    set_once(header.size, *size, "size");
  }
  return header;
}

}  // namespace unbrine
