#include "formats/pickle/opcode_reader.h"

#include <algorithm>
#include <cstring>

#include "formats/pickle/literals.h"

namespace unbrine {
namespace {

constexpr uint64_t kFirstWindow = 4 << 10;  // many pickles are small
constexpr uint64_t kWindow = 64 << 10;
constexpr uint64_t kLongestFixed = 9;  // opcode and 8 bytes

template <class Number>
uint64_t load(const uint8_t* bytes) {
  Number number;
  std::memcpy(&number, bytes, sizeof number);
  return number;
}

uint64_t little_endian(const uint8_t* bytes, int width) {
  switch (width) {
    case 1: return *bytes;
    case 2: return load<uint16_t>(bytes);
    case 4: return load<uint32_t>(bytes);
    default: return load<uint64_t>(bytes);
  }
}

std::string hex_byte(uint8_t byte) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  return {'0', 'x', kDigits[byte >> 4], kDigits[byte & 15]};
}

}  // namespace

std::string where(const Opcode& opcode) {
  return "byte " + std::to_string(opcode.offset) + " (" + std::string(info(opcode.op).name) + ")";
}

void fail_limit_at(const Opcode& opcode, std::string_view what, uint64_t demand,
                   std::string_view name, uint64_t bound) {
  in_context(where(opcode), [&] { fail_limit(what, demand, name, bound); });
  __builtin_unreachable();
}

OpcodeReader::OpcodeReader(const Source& source, uint64_t offset, const Limits& limits)
    : source_(source), limits_(limits), source_size_(source.size()), window_offset_(offset) {
  if (offset > source_size_)
    fail(ErrorCode::Corrupt, "byte ", offset, ": no pickle here, the end is at ", source_size_);
}

const Opcode& OpcodeReader::next() {
  begin();
  const uint64_t size = read_argument(info(opcode_.op).argument);
  const uint64_t end = opcode_.offset + size;
  check_frame(end);
  move_to(end);
  return opcode_;
}

void OpcodeReader::begin() {
  if (held() < kLongestFixed) slide(kLongestFixed);
  opcode_.offset = offset();
  opcode_.is_external = false;
  if (held() == 0)
    fail(ErrorCode::Corrupt, "byte ", opcode_.offset, ": the pickle breaks off before its STOP");
  opcode_.op = static_cast<Op>(*at(0));
}

// The size of the whole opcode, its own byte included.
uint64_t OpcodeReader::read_argument(Argument kind) {
  switch (kind) {
    case Argument::None: return 1;
    case Argument::Unsigned1: return read_number(1);
    case Argument::Unsigned2: return read_number(2);
    case Argument::Unsigned4: return read_number(4);
    case Argument::Unsigned8: return read_number(8);
    case Argument::Signed4: return read_signed();
    case Argument::Double: return read_double();
    case Argument::Integer1: return read_integer(1, read_length(1));
    case Argument::Integer4: return read_integer(4, read_signed_length());
    case Argument::Text1: return read_text(1, read_length(1));
    case Argument::Text4: return read_text(4, read_length(4));
    case Argument::Text8: return read_text(8, read_length(8));
    case Argument::Bytes1: return read_bytes(1, read_length(1));
    case Argument::Bytes4: return read_bytes(4, read_length(4));
    case Argument::Bytes4Signed: return read_bytes(4, read_signed_length());
    case Argument::Bytes8: return read_bytes(8, read_length(8));
    case Argument::Line: return read_line();
    case Argument::TwoLines: return read_two_lines();
    case Argument::NoOpcode: break;
  }
  fail(ErrorCode::Corrupt, "byte ", opcode_.offset, ": ", hex_byte(*at(0)), " is no pickle opcode");
}

// --- The window ---

// Makes the first `size` bytes of the opcode lie in the window.
void OpcodeReader::require(uint64_t size) {
  if (size <= held()) return;
  if (size > left())
    fail_at(opcode_, ErrorCode::Corrupt, "needs ", size - 1, " bytes after the opcode, has ",
            left() - 1);
  slide(size);
}

// Moves the window so that it starts at the opcode and holds `size` bytes or all that are left.
void OpcodeReader::slide(uint64_t size) {
  const uint64_t kept = held();
  const uint64_t usual = window_.empty() ? kFirstWindow : kWindow;
  const uint64_t wanted = std::min(std::max(size, usual), left());
  if (wanted == kept) return;
  window_offset_ = offset();
  if (kept != 0) std::memmove(window_.data(), at(0), kept);
  position_ = 0;
  window_.resize(wanted);
  source_.read_at(window_offset_ + kept, MutableByteSpan(window_).subspan(kept));
}

void OpcodeReader::go_to(uint64_t offset) {
  const uint64_t next = this->offset();
  if (offset == next) return;
  if (offset < next || offset > source_size_ || frame_end_ != kNoFrame)
    fail_at(opcode_, ErrorCode::Corrupt, "raw bytes up to byte ", offset,
            frame_end_ != kNoFrame ? " inside a frame" : " pass the end");
  move_to(offset);
}

void OpcodeReader::move_to(uint64_t offset) {
  if (offset - window_offset_ <= window_.size()) {
    position_ = offset - window_offset_;
    return;
  }
  window_offset_ = offset;  // past a payload that was not read
  position_ = 0;
  window_.clear();
}

// --- Numbers ---

uint64_t OpcodeReader::read_number(int width) {
  opcode_.argument = read_length(width);
  return 1 + static_cast<uint64_t>(width);
}

uint64_t OpcodeReader::read_signed() {
  const auto number = static_cast<int32_t>(read_length(4));
  opcode_.argument = static_cast<uint64_t>(int64_t{number});
  return 5;
}

uint64_t OpcodeReader::read_double() {
  opcode_.argument = __builtin_bswap64(read_length(8));
  return 9;
}

uint64_t OpcodeReader::read_length(int width) {
  require(1 + static_cast<uint64_t>(width));
  return little_endian(at(1), width);
}

uint64_t OpcodeReader::read_signed_length() {
  const uint64_t count = read_length(4);
  if (count > INT32_MAX)
    fail_at(opcode_, ErrorCode::Corrupt, "its length is negative: ", static_cast<int32_t>(count));
  return count;
}

// --- Payloads ---

// Conversion to decimal costs the square of the length, so the limit on digits comes first.
uint64_t OpcodeReader::read_integer(int width, uint64_t count) {
  check_length(width, count);
  const uint64_t digits = least_digits(count);
  if (digits > limits_.max_integer_digits)
    fail_limit_at(opcode_, "decimal digits of an int:", digits, "max_integer_digits",
                  limits_.max_integer_digits);
  return read_payload(width, count);
}

uint64_t OpcodeReader::read_text(int width, uint64_t count) {
  check_length(width, count);
  check_text(count);
  return read_payload(width, count);
}

uint64_t OpcodeReader::read_bytes(int width, uint64_t count) {
  check_length(width, count);
  opcode_.is_external = count > kLongestPooledBytes;
  if (!opcode_.is_external) return read_payload(width, count);
  opcode_.argument = count;
  opcode_.payload_offset = opcode_.offset + 1 + static_cast<uint64_t>(width);
  return 1 + static_cast<uint64_t>(width) + count;
}

void OpcodeReader::check_length(int width, uint64_t count) const {
  const uint64_t has = left() - 1 - static_cast<uint64_t>(width);
  if (count > has) fail_at(opcode_, ErrorCode::Corrupt, "needs ", count, " bytes, has ", has);
}

void OpcodeReader::check_text(uint64_t size) const {
  if (size > limits_.max_string_bytes)
    fail_limit_at(opcode_, "bytes of text:", size, "max_string_bytes", limits_.max_string_bytes);
}

uint64_t OpcodeReader::read_payload(int width, uint64_t count) {
  const uint64_t before = 1 + static_cast<uint64_t>(width);
  require(before + count);
  opcode_.bytes = {at(before), count};
  return before + count;
}

// --- Lines ---

uint64_t OpcodeReader::read_line() {
  const uint64_t newline = find_newline(1);
  opcode_.bytes = {at(1), newline - 1};
  return newline + 1;
}

uint64_t OpcodeReader::read_two_lines() {
  const uint64_t first = find_newline(1);
  const uint64_t second = find_newline(first + 1);  // may move the window
  opcode_.bytes = {at(1), first - 1};
  opcode_.second_line = {at(first + 1), second - first - 1};
  return second + 1;
}

// Index of the newline that ends the line at index `begin` of the opcode.
uint64_t OpcodeReader::find_newline(uint64_t begin) {
  uint64_t searched = begin;
  for (;;) {
    const void* found = std::memchr(at(searched), '\n', held() - searched);
    if (found != nullptr) {
      const auto index = static_cast<uint64_t>(static_cast<const uint8_t*>(found) - at(0));
      check_text(index - begin);
      return index;
    }
    searched = held();
    check_text(searched - begin);
    if (searched == left()) fail_at(opcode_, ErrorCode::Corrupt, "its line has no newline");
    slide(2 * searched);
  }
}

// --- Frames ---

// `end` is the end of the current opcode.
void OpcodeReader::check_frame(uint64_t end) {
  if (opcode_.op == Op::Frame) return open_frame(end);
  if (end > frame_end_)
    fail_at(opcode_, ErrorCode::Corrupt, "crosses the end of its frame at byte ", frame_end_);
  if (end == frame_end_) frame_end_ = kNoFrame;
  if (opcode_.op == Op::Stop && frame_end_ != kNoFrame)
    fail_at(opcode_, ErrorCode::Corrupt, "its frame goes on to byte ", frame_end_);
}

void OpcodeReader::open_frame(uint64_t begin) {
  if (frame_end_ != kNoFrame)
    fail_at(opcode_, ErrorCode::Corrupt, "inside the frame that ends at byte ", frame_end_);
  if (opcode_.argument > source_size_ - begin)
    fail_at(opcode_, ErrorCode::Corrupt, "frame of ", opcode_.argument, " bytes, has ",
            source_size_ - begin);
  if (opcode_.argument != 0) frame_end_ = begin + opcode_.argument;
}

}  // namespace unbrine
