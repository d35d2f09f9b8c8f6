#include "formats/foreign.h"

#include <algorithm>

#include "formats/error.h"
#include "formats/text.h"

namespace unbrine {
namespace {

using namespace std::string_view_literals;

struct ForeignKind {
  std::string_view magic;
  uint64_t offset;
  std::string_view says;
};

constexpr ForeignKind kForeignKinds[] = {
    {"version https://git-lfs.github.com/spec/"sv, 0,
     "is a Git LFS pointer, not the file itself: run `git lfs pull` where it came from"},
    {"PK\5\6"sv, 0, "is an empty zip"},
    {"\x89HDF\r\n\x1a\n"sv, 0, "is HDF5 (Keras?), which is not a pickled checkpoint"},
    {"7z\xbc\xaf\x27\x1c"sv, 0, "is a 7z archive: unpack it first"},
    {"GGUF"sv, 0, "is GGUF, which is not a pickled checkpoint"},
    {"\x93NUMPY"sv, 0, "is a numpy .npy, which is not read yet"},
    {"\x1f\x8b"sv, 0, "is gzip-compressed, which is not read yet: gunzip it first"},
    {"BZh"sv, 0, "is bzip2-compressed, which is not read yet: bunzip2 it first"},
    {"\xfd"
     "7zXZ\0"sv,
     0, "is xz-compressed, which is not read yet: unxz it first"},
    {"ustar"sv, 257, "is a tar archive, which is not read yet"},
    {"TFL3"sv, 4, "is TFLite, which is not a pickled checkpoint"},
};

bool has_magic(ByteSpan head, const ForeignKind& kind) {
  return head.size() >= kind.offset && as_text(head).substr(kind.offset).starts_with(kind.magic);
}

bool is_text_byte(uint8_t byte) {
  return byte >= 0x20 || byte == '\n' || byte == '\r' || byte == '\t' || byte == '\f';
}

bool is_text(ByteSpan head) { return std::ranges::all_of(head, is_text_byte); }

bool is_markup(ByteSpan head) {
  const auto first = std::ranges::find_if(head, [](uint8_t byte) { return byte > 0x20; });
  return first != head.end() && *first == '<';
}

std::string first_line(ByteSpan head) {
  const std::string_view text = as_text(head);
  return quoted(text.substr(0, std::min<size_t>(text.find_first_of("\r\n"), 60)));
}

}  // namespace

void fail_foreign(const Probe& probe) {
  const ByteSpan head = probe.head;
  for (const ForeignKind& kind : kForeignKinds)
    if (has_magic(head, kind)) fail(ErrorCode::Unsupported, kind.says);
  if (is_text(head) && is_markup(head))
    fail(ErrorCode::Unsupported,
         "is a web page or XML, perhaps saved in place of a download: ", first_line(head));
  if (is_text(head)) fail(ErrorCode::Unsupported, "is text, not a checkpoint: ", first_line(head));
  fail(ErrorCode::Unsupported, "is of no known format (the first bytes are ",
       escaped(as_text(head.subspan(0, std::min<size_t>(head.size(), 8)))), ")");
}

}  // namespace unbrine
