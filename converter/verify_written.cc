// Reads back what was just written, before it gets its name.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <iterator>

#include "converter/tensor_values.h"
#include "converter/verify.h"
#include "formats/error.h"
#include "formats/text.h"
#include "kernels/digest.h"

namespace unbrine {
namespace {

namespace fs = std::filesystem;

// What is the writer's own in a file, with the CRC-32s where they belong.
std::vector<LayoutText> texts_of(const Layout& layout, uint32_t file,
                                 std::span<const SlotResult> results) {
  std::vector<LayoutText> texts = layout.files[file].texts;
  texts.insert(texts.begin(), {0, layout.files[file].header});
  for (const CrcPlace& place : layout.crc_places) {
    if (layout.slots[place.slot].file != file) continue;
    const uint32_t crc = results[place.slot].crc32;
    LayoutText& text =
        *std::prev(std::ranges::upper_bound(texts, place.offset, {}, &LayoutText::offset));
    std::memcpy(&text.bytes[place.offset - text.offset], &crc, sizeof crc);
  }
  return texts;
}

void verify_texts(const Source& source, const std::vector<LayoutText>& texts) {
  for (const LayoutText& text : texts) {
    const std::vector<uint8_t> there = source.read_all(text.offset, text.bytes.size());
    if (!std::ranges::equal(there, as_bytes(text.bytes)))
      fail(ErrorCode::Io, "read back from disk, the ", text.bytes.size(), " bytes at byte ",
           text.offset, " are not those that were written");
  }
}

// So that what is read next comes from the disk and not from memory. A system that cannot do so
// gives the same bytes.
void forget_cached(const fs::path& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0)
    fail(ErrorCode::Io, escaped(path.native()), ": cannot open: ", std::strerror(errno));
  const bool synced = fdatasync(descriptor) == 0;
  const int error = errno;
  posix_fadvise(descriptor, 0, 0, POSIX_FADV_DONTNEED);
  ::close(descriptor);
  if (!synced)
    fail(ErrorCode::Io, escaped(path.native()), ": cannot write to disk: ", std::strerror(error));
}

}  // namespace

void verify_written(const fs::path& path, const Layout& layout, uint32_t file,
                    const Selection& selection, std::span<const SlotResult> results,
                    const std::atomic<bool>* stop) {
  forget_cached(path);
  in_context(escaped(layout.files[file].name), [&] {
    const auto source = std::make_shared<FileSource>(path.native());
    std::vector<ByteRange> ranges;
    std::vector<uint32_t> slots;
    for (uint32_t i = 0; i < layout.slots.size(); ++i) {
      if (layout.slots[i].file != file) continue;
      slots.push_back(i);
      ranges.push_back({source, layout.slots[i].offset, layout.slots[i].size});
    }
    if (source->size() != layout.files[file].size)
      fail(ErrorCode::Io, "has ", source->size(), " bytes on disk, ", layout.files[file].size,
           " were written");
    verify_texts(*source, texts_of(layout, file, results));
    RunOptions run;
    run.backend = available_backends().front();
    run.stop = stop;
    const std::vector<uint64_t> digests = digests_of(ranges, run);
    for (size_t i = 0; i < slots.size(); ++i)
      if (digests[i] != results[slots[i]].digest)
        fail(ErrorCode::Io, "tensor ",
             quoted(selection.tensors[layout.slots[slots[i]].selected].name),
             ": read back from disk its digest is ", digest_text(digests[i]), ", that of what was ",
             "written is ", digest_text(results[slots[i]].digest));
  });
}

}  // namespace unbrine
