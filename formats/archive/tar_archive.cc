#include "formats/archive/tar_archive.h"

#include <algorithm>

#include "formats/archive/entry_name.h"
#include "formats/archive/tar_header.h"
#include "formats/error.h"
#include "formats/text.h"

namespace unbrine {
namespace {

// Types of headers, as they stand at byte 156.
constexpr char kFile = '0', kOldFile = '\0', kContiguousFile = '7', kFolder = '5';
constexpr char kPax = 'x', kGlobalPax = 'g', kLongName = 'L', kLongLink = 'K';

struct OtherType {
  char type;
  std::string_view says;
};

constexpr OtherType kOtherTypes[] = {
    {'1', "a hard link"},
    {'2', "a symbolic link"},
    {'3', "a device"},
    {'4', "a device"},
    {'6', "a pipe"},
    {'S', "a sparse file"},
    {'M', "part of a file from another volume"},
};

bool is_zero(ByteSpan bytes) {
  return std::ranges::all_of(bytes, [](uint8_t byte) { return byte == 0; });
}

class TarReader {
 public:
  TarReader(const Source& source, const Limits& limits)
      : source_(source), limits_(limits), reader_(source, kWindow) {}

  std::vector<ArchiveEntry> read() {
    for (ByteSpan block; !is_zero(block = next_block());) {
      const uint64_t at = offset_ - kTarBlock;
      try {
        at_header(parse_tar_header(block));
      } catch (const Error& error) {
        fail(error.code(), "byte ", at, ": ", error.what());
      }
    }
    check_end();
    return std::move(entries_);
  }

 private:
  static constexpr uint64_t kWindow = 4096;  // a header and the small members around it

  ByteSpan next_block() {
    if (source_.size() - offset_ < kTarBlock)
      fail(ErrorCode::Corrupt, "byte ", offset_,
           ": the tar breaks off before its end mark (truncated download?)");
    offset_ += kTarBlock;
    return reader_.read(offset_ - kTarBlock, kTarBlock);
  }

  void at_header(TarHeader header) {
    switch (header.type) {
      case kPax: return set_pax(parse_pax_header(extension(header)));
      case kGlobalPax: return check_global(parse_pax_header(extension(header)));
      case kLongName: return set_long_name(extension(header));
      case kLongLink: return skip(header.size);
      default: return at_member(std::move(header));
    }
  }

  // --- Headers that speak about the next member ---

  // Holds until the next read.
  ByteSpan extension(const TarHeader& header) {
    check_limit("bytes of an extended header:", header.size, "max_string_bytes",
                limits_.max_string_bytes);
    const uint64_t begin = offset_;
    skip(header.size);
    return reader_.read(begin, header.size);
  }

  void set_pax(PaxHeader pax) {
    if (has_pax_) fail(ErrorCode::Corrupt, "two extended headers before one member");
    has_pax_ = true;
    pax_ = std::move(pax);
  }

  static void check_global(const PaxHeader& pax) {
    if (pax.path || pax.size)
      fail(ErrorCode::Unsupported, "a header for all members sets their name or size");
  }

  void set_long_name(ByteSpan name) {
    if (long_name_) fail(ErrorCode::Corrupt, "two long names before one member");
    std::string_view text = as_text(name);
    if (text.ends_with('\0')) text.remove_suffix(1);
    long_name_ = std::string(text);
  }

  // --- Members ---

  void at_member(TarHeader header) {
    const std::string name = take_name(header.name);
    in_context("entry " + quoted(name), [&] {
      const uint64_t size = take_size(header.size);
      if (is_folder(header.type, name)) return check_folder(name, size);
      check_file(header.type, name);
      add_file(name, size);
    });
  }

  std::string take_name(std::string name) {
    if (long_name_ && pax_.path) fail(ErrorCode::Corrupt, "a member with two long names");
    if (long_name_) name = *long_name_;
    if (pax_.path) name = *pax_.path;
    long_name_.reset();
    while (name.starts_with("./")) name.erase(0, 2);
    return name;
  }

  // Where the size fits the header's own field, both must agree: not all readers look at both.
  uint64_t take_size(uint64_t in_header) {
    const uint64_t size = pax_.size.value_or(in_header);
    pax_ = {};
    has_pax_ = false;
    if (size != in_header && size <= kMostOctalSize)
      fail(ErrorCode::Corrupt, "has ", in_header, " bytes by its header and ", size,
           " by its extended header");
    return size;
  }

  static bool is_folder(char type, const std::string& name) {
    return type == kFolder || (type == kOldFile && name.ends_with('/'));
  }

  static void check_folder(const std::string& name, uint64_t size) {
    if (size != 0) fail(ErrorCode::Corrupt, "is a folder but holds ", size, " bytes");
    if (!name.empty() && name != "." && !is_plain_path(name)) fail_name();
  }

  static void check_file(char type, const std::string& name) {
    for (const OtherType& other : kOtherTypes)
      if (other.type == type)
        fail(ErrorCode::Unsupported, "is ", other.says, ", which is not read");
    if (type != kFile && type != kOldFile && type != kContiguousFile)
      fail(ErrorCode::Unsupported, "is of type ", quoted({&type, 1}), ", which is not known");
    if (!is_plain_path(name) || name.ends_with('/')) fail_name();
  }

  [[noreturn]] static void fail_name() {
    fail(ErrorCode::Corrupt, "its name is not a plain relative path in UTF-8");
  }

  void add_file(const std::string& name, uint64_t size) {
    check_limit("archive entries:", entries_.size() + 1, "max_archive_entries",
                limits_.max_archive_entries);
    ArchiveEntry entry;
    entry.name = name;
    entry.offset = offset_;
    entry.stored_size = entry.size = size;
    skip(size);
    entries_.push_back(std::move(entry));
  }

  // Past `size` bytes and what fills their last block.
  void skip(uint64_t size) {
    const uint64_t left = source_.size() - offset_;
    const uint64_t filled = (kTarBlock - size % kTarBlock) % kTarBlock;
    if (size > left || filled > left - size)
      fail(ErrorCode::Corrupt, "needs ", size, " bytes, has ", left, " (truncated download?)");
    offset_ += size + filled;
  }

  // --- The end ---

  void check_end() {
    if (has_pax_ || long_name_) fail(ErrorCode::Corrupt, "ends with a header that has no member");
    if (!is_zero(next_block()))
      fail(ErrorCode::Corrupt, "byte ", offset_ - kTarBlock,
           ": an end mark is two blocks of zeros, here is one");
    constexpr uint64_t kBlock = 64 << 10;
    for (; offset_ < source_.size(); offset_ += std::min(kBlock, source_.size() - offset_))
      if (!is_zero(reader_.read(offset_, std::min(kBlock, source_.size() - offset_))))
        fail(ErrorCode::Corrupt, "byte ", offset_, ": bytes follow the end of the tar");
  }

  const Source& source_;
  const Limits& limits_;
  WindowedReader reader_;
  uint64_t offset_ = 0;
  PaxHeader pax_;
  bool has_pax_ = false;
  std::optional<std::string> long_name_;
  std::vector<ArchiveEntry> entries_;
};

}  // namespace

Archive open_tar(std::shared_ptr<const Source> source, const Limits& limits) {
  Archive archive;
  archive.entries = TarReader(*source, limits).read();
  archive.name_order = order_by_name(archive.entries);
  archive.source = std::move(source);
  archive.has_crc = false;
  return archive;
}

}  // namespace unbrine
