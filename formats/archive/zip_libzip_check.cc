// The second opinion: libzip reads the same source through callbacks, with its own consistency
// checks, and must list what we list.
#include <zip.h>

#include <algorithm>
#include <memory>

#include "formats/archive/zip_archive.h"
#include "formats/error.h"
#include "formats/text.h"

namespace unbrine {
namespace {

// What libzip's callback holds: a cursor over our source.
class SourceCursor {
 public:
  explicit SourceCursor(std::shared_ptr<const Source> source) : source_(std::move(source)) {
    zip_error_init(&error_);
  }
  ~SourceCursor() { zip_error_fini(&error_); }
  SourceCursor(const SourceCursor&) = delete;
  SourceCursor& operator=(const SourceCursor&) = delete;

  zip_int64_t run(void* data, zip_uint64_t size, zip_source_cmd_t command) {
    switch (command) {
      case ZIP_SOURCE_OPEN: position_ = 0; return 0;
      case ZIP_SOURCE_CLOSE: return 0;
      case ZIP_SOURCE_READ: return read(data, size);
      case ZIP_SOURCE_SEEK: return seek(data, size);
      case ZIP_SOURCE_TELL: return static_cast<zip_int64_t>(position_);
      case ZIP_SOURCE_STAT: return stat(data, size);
      case ZIP_SOURCE_ERROR: return zip_error_to_data(&error_, data, size);
      case ZIP_SOURCE_FREE: return 0;  // owned by check_zip_with_libzip
      case ZIP_SOURCE_SUPPORTS:
        return zip_source_make_command_bitmap(
            ZIP_SOURCE_OPEN, ZIP_SOURCE_READ, ZIP_SOURCE_CLOSE, ZIP_SOURCE_STAT, ZIP_SOURCE_ERROR,
            ZIP_SOURCE_FREE, ZIP_SOURCE_SEEK, ZIP_SOURCE_TELL, ZIP_SOURCE_SUPPORTS, -1);
      default: return refuse(ZIP_ER_OPNOTSUPP);
    }
  }

 private:
  zip_int64_t refuse(int code) {
    zip_error_set(&error_, code, 0);
    return -1;
  }

  zip_int64_t read(void* data, zip_uint64_t size) {
    const uint64_t count = std::min<uint64_t>(size, source_->size() - position_);
    try {
      source_->read_at(position_, {static_cast<uint8_t*>(data), count});
    } catch (const Error&) {  // must not pass through C
      return refuse(ZIP_ER_READ);
    }
    position_ += count;
    return static_cast<zip_int64_t>(count);
  }

  zip_int64_t seek(void* data, zip_uint64_t size) {
    const zip_int64_t to =
        zip_source_seek_compute_offset(position_, source_->size(), data, size, &error_);
    if (to < 0) return -1;
    position_ = static_cast<uint64_t>(to);
    return 0;
  }

  zip_int64_t stat(void* data, zip_uint64_t size) {
    if (size < sizeof(zip_stat_t)) return refuse(ZIP_ER_INVAL);
    zip_stat_t* status = static_cast<zip_stat_t*>(data);
    zip_stat_init(status);
    status->valid = ZIP_STAT_SIZE;
    status->size = source_->size();
    return sizeof(zip_stat_t);
  }

  std::shared_ptr<const Source> source_;
  uint64_t position_ = 0;
  zip_error_t error_;
};

zip_int64_t run_callback(void* cursor, void* data, zip_uint64_t size, zip_source_cmd_t command) {
  return static_cast<SourceCursor*>(cursor)->run(data, size, command);
}

struct ZipCloser {
  void operator()(zip_t* zip) const { zip_discard(zip); }
};
using Zip = std::unique_ptr<zip_t, ZipCloser>;

[[noreturn]] void fail_disagreement(std::string_view what) {
  fail(ErrorCode::Corrupt, "two readings of the zip disagree: libzip ", what);
}

[[noreturn]] void fail_open(zip_error_t& error) {
  const std::string reason = zip_error_strerror(&error);
  zip_error_fini(&error);
  fail_disagreement("refuses it (" + reason + ")");
}

Zip open_with_libzip(SourceCursor& cursor) {
  zip_error_t error;
  zip_error_init(&error);
  zip_source_t* source = zip_source_function_create(run_callback, &cursor, &error);
  if (source == nullptr) fail_open(error);
  Zip zip(zip_open_from_source(source, ZIP_RDONLY | ZIP_CHECKCONS, &error));
  if (zip == nullptr) {
    zip_source_free(source);
    fail_open(error);
  }
  zip_error_fini(&error);
  return zip;
}

zip_stat_t stat_of(zip_t* zip, uint64_t index) {
  zip_stat_t status;
  constexpr zip_uint64_t kWanted =
      ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE | ZIP_STAT_CRC | ZIP_STAT_COMP_METHOD;
  const bool known = zip_stat_index(zip, index, 0, &status) == 0;
  if (!known || (status.valid & kWanted) != kWanted)
    fail_disagreement("does not describe entry " + std::to_string(index));
  return status;
}

bool same_entry(const zip_stat_t& theirs, const ArchiveEntry& ours) {
  const int method = ours.deflated ? ZIP_CM_DEFLATE : ZIP_CM_STORE;
  return theirs.size == ours.size && theirs.comp_size == ours.stored_size &&
         theirs.crc == ours.crc32 && theirs.comp_method == method;
}

void compare_entries(zip_t* zip, const Archive& archive) {
  const int64_t count = zip_get_num_entries(zip, 0);
  size_t next = 0;  // of our entries, which leave folders out
  for (int64_t i = 0; i < count; ++i) {
    const uint64_t index = static_cast<uint64_t>(i);
    const char* raw_name = zip_get_name(zip, index, ZIP_FL_ENC_RAW);
    const std::string_view name = raw_name == nullptr ? "" : raw_name;
    if (name.ends_with('/')) continue;
    if (next == archive.entries.size() || archive.entries[next].name != name)
      fail_disagreement("lists another entry, " + quoted(name));
    if (!same_entry(stat_of(zip, index), archive.entries[next]))
      fail_disagreement("describes entry " + quoted(name) + " otherwise");
    ++next;
  }
  if (next != archive.entries.size())
    fail_disagreement("does not list entry " + quoted(archive.entries[next].name));
}

}  // namespace

void check_zip_with_libzip(const Archive& archive) {
  SourceCursor cursor(archive.source);
  const Zip zip = open_with_libzip(cursor);
  compare_entries(zip.get(), archive);
}

}  // namespace unbrine
