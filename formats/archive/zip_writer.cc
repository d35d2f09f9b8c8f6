#include "formats/archive/zip_writer.h"

#include <libdeflate.h>

#include <algorithm>

#include "formats/archive/zip_records.h"
#include "formats/checked.h"
#include "formats/error.h"

namespace unbrine {
namespace {

constexpr uint16_t kVersion = 20;
constexpr uint16_t kVersionZip64 = 45;
constexpr uint16_t kFirstDay = 0x0021;  // 1980-01-01
constexpr uint16_t kZip64Field = 0x0001;
constexpr uint16_t kPaddingField = 0x4246;  // "FB"
constexpr uint64_t kFieldHeaderBytes = 4;
constexpr uint64_t kLocalCrcAt = 14;
constexpr uint64_t kCentralCrcAt = 16;
constexpr uint64_t kManyEntries = 0xffff;

template <class Number>
void append(std::string& text, Number number) {
  for (size_t i = 0; i < sizeof number; ++i) {
    text += static_cast<char>(number & 0xff);
    if constexpr (sizeof number > 1) number = static_cast<Number>(number >> 8);
  }
}

bool is_wide(uint64_t number) { return number >= kInZip64; }

uint32_t plain(uint64_t number) {
  return is_wide(number) ? kInZip64 : static_cast<uint32_t>(number);
}

std::string zip64_field_of(std::initializer_list<uint64_t> numbers) {
  std::string payload;
  for (const uint64_t number : numbers)
    if (is_wide(number)) append(payload, number);
  if (payload.empty()) return {};
  std::string field;
  append(field, kZip64Field);
  append(field, static_cast<uint16_t>(payload.size()));
  return field + payload;
}

// Fills up to a multiple of `align`; `offset` is where the field begins.
std::string padding_field(uint64_t offset, uint64_t align) {
  const uint64_t padding = -(offset + kFieldHeaderBytes) & (align - 1);
  std::string field;
  append(field, kPaddingField);
  append(field, static_cast<uint16_t>(padding));
  return field.append(padding, 'Z');
}

// What local and central headers have in common, from the needed version to the sizes.
void append_common(std::string& text, bool zip64, uint32_t crc32, uint64_t size) {
  append(text, zip64 ? kVersionZip64 : kVersion);
  append(text, uint16_t{0});  // flags
  append(text, kMethodStored);
  append(text, uint16_t{0});  // time
  append(text, kFirstDay);
  append(text, crc32);
  append(text, plain(size));  // as stored
  append(text, plain(size));
}

}  // namespace

void ZipWriter::add_text(std::string name, std::string_view content) {
  const uint32_t crc32 = libdeflate_crc32(0, content.data(), content.size());
  entries_.push_back({std::move(name), end(), content.size(), crc32, {}});
  add_local_header(entries_.back());
  text_ += content;
}

uint64_t ZipWriter::add_slot(std::string name, uint64_t size, uint32_t slot) {
  entries_.push_back({std::move(name), end(), size, 0, slot});
  add_local_header(entries_.back());
  close_text();
  const uint64_t offset = text_offset_;
  if (!checked_add(text_offset_, size, text_offset_))
    fail(ErrorCode::Limit, "the selected tensors need more than 2^64 bytes");
  return offset;
}

void ZipWriter::add_local_header(const Entry& entry) {
  const std::string zip64 = zip64_field_of({entry.size, entry.size});
  const uint64_t extra_at = end() + kLocalHeaderBytes + entry.name.size() + zip64.size();
  const std::string padding = padding_field(extra_at, align_);
  append(text_, kLocalMark);
  append_common(text_, !zip64.empty(), entry.crc32, entry.size);
  append(text_, static_cast<uint16_t>(entry.name.size()));
  append(text_, static_cast<uint16_t>(zip64.size() + padding.size()));
  text_ += entry.name + zip64 + padding;
}

void ZipWriter::add_central_header(const Entry& entry) {
  const std::string zip64 = zip64_field_of({entry.size, entry.size, entry.local_offset});
  append(text_, kCentralMark);
  append(text_, zip64.empty() ? kVersion : kVersionZip64);  // made by
  append_common(text_, !zip64.empty(), entry.crc32, entry.size);
  append(text_, static_cast<uint16_t>(entry.name.size()));
  append(text_, static_cast<uint16_t>(zip64.size()));
  append(text_, uint16_t{0});  // comment
  append(text_, uint16_t{0});  // disk
  append(text_, uint16_t{0});  // internal attributes
  append(text_, uint32_t{0});  // external attributes
  append(text_, plain(entry.local_offset));
  text_ += entry.name + zip64;
}

void ZipWriter::add_end(uint64_t directory_offset) {
  const uint64_t directory_size = end() - directory_offset;
  const uint64_t count = entries_.size();
  const uint64_t zip64_end = end();
  if (count >= kManyEntries || is_wide(directory_size) || is_wide(directory_offset)) {
    append(text_, kZip64EndMark);
    append(text_, kZip64EndBytes - 12);  // the record without its first two fields
    append(text_, kVersionZip64);
    append(text_, kVersionZip64);
    append(text_, uint32_t{0});  // disk
    append(text_, uint32_t{0});  // disk of the directory
    append(text_, count);
    append(text_, count);
    append(text_, directory_size);
    append(text_, directory_offset);
    append(text_, kLocatorMark);
    append(text_, uint32_t{0});  // disk
    append(text_, zip64_end);
    append(text_, uint32_t{1});  // disks
  }
  append(text_, kEndMark);
  append(text_, uint32_t{0});  // both disks
  append(text_, static_cast<uint16_t>(std::min(count, kManyEntries)));
  append(text_, static_cast<uint16_t>(std::min(count, kManyEntries)));
  append(text_, plain(directory_size));
  append(text_, plain(directory_offset));
  append(text_, uint16_t{0});  // comment
}

// The first text of the file is its header.
void ZipWriter::close_text() {
  const uint64_t next = end();
  if (text_offset_ == 0)
    file_.header = std::move(text_);
  else if (!text_.empty())
    file_.texts.push_back({text_offset_, std::move(text_)});
  text_.clear();
  text_offset_ = next;
}

LayoutFile ZipWriter::finish(std::vector<CrcPlace>& places) {
  const uint64_t directory_offset = end();
  for (const Entry& entry : entries_) {
    const uint64_t central = end();
    add_central_header(entry);
    if (!entry.slot || entry.size == 0) continue;
    places.push_back({*entry.slot, entry.local_offset + kLocalCrcAt});
    places.push_back({*entry.slot, central + kCentralCrcAt});
  }
  add_end(directory_offset);
  close_text();
  file_.size = text_offset_;
  return std::move(file_);
}

}  // namespace unbrine
