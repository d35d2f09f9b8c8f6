#include "formats/compressed.h"

#include <algorithm>

#include "formats/archive/decompressor.h"
#include "formats/checked.h"
#include "formats/error.h"
#include "formats/spooled_source.h"

namespace unbrine {
namespace {

constexpr uint64_t kBlock = 256 << 10;

// The packed bytes, read forward in blocks.
class PackedBytes {
 public:
  explicit PackedBytes(const Source& source) : source_(source) {}

  uint64_t offset() const { return block_offset_ + position_; }
  bool is_at_end() const { return offset() == source_.size(); }
  bool holds_the_end() const { return block_offset_ + block_.size() == source_.size(); }

  // What is held: `count` bytes at least, or all that are left.
  ByteSpan peek(uint64_t count) {
    if (block_.size() - position_ < count && !holds_the_end()) refill();
    return ByteSpan(block_).subspan(position_);
  }

  void skip(uint64_t count) { position_ += count; }

 private:
  void refill() {
    block_offset_ += position_;
    position_ = 0;
    block_ = source_.read_all(block_offset_, std::min(kBlock, source_.size() - block_offset_));
  }

  const Source& source_;
  uint64_t block_offset_ = 0;
  uint64_t position_ = 0;
  std::vector<uint8_t> block_;
};

class Unpacker {
 public:
  Unpacker(const Source& source, const Codec& codec, Checkpoint& checkpoint)
      : packed_(source), codec_(codec), checkpoint_(checkpoint), output_(kBlock) {
    const Limits& limits = checkpoint.limits;
    if (!checked_multiply(source.size(), limits.max_inflate_ratio, most_by_ratio_))
      most_by_ratio_ = UINT64_MAX;
    // Any file may unpack to that much: a hundred megabytes of zeros take bzip2 113 bytes.
    most_by_ratio_ = std::max(most_by_ratio_, limits.free_output_bytes);
  }

  std::shared_ptr<const Source> run() {
    do unpack_stream();
    while (another_follows());
    return spool_.finish();
  }

 private:
  void unpack_stream() {
    const std::unique_ptr<Decompressor> stream = codec_.open();
    for (bool ended = false; !ended;) {
      const Decompressor::Step step = next_step(*stream);
      packed_.skip(step.taken);
      take(step.given);
      ended = step.ended;
      if (!ended && step.taken == 0 && step.given == 0)
        fail(ErrorCode::Corrupt, "byte ", packed_.offset(),
             ": the file ends inside its packed bytes (truncated download?)");
    }
  }

  Decompressor::Step next_step(Decompressor& stream) {
    const ByteSpan input = packed_.peek(1);
    try {
      return stream.step(input, output_, packed_.holds_the_end());
    } catch (const Error& error) {
      fail(error.code(), "near byte ", packed_.offset(), ": ", error.what());
    }
  }

  void take(size_t count) {
    const Limits& limits = checkpoint_.limits;
    checkpoint_.inflated_bytes += count;
    if (checkpoint_.inflated_bytes > limits.max_inflated_bytes)
      fail_unbounded("inflated bytes", "max_inflated_bytes", limits.max_inflated_bytes);
    if (spool_.size() + count > most_by_ratio_)
      fail_unbounded("inflated over stored bytes", "max_inflate_ratio", limits.max_inflate_ratio);
    spool_.write(ByteSpan(output_).first(count));
  }

  // How much would be needed is not known before all is unpacked.
  [[noreturn]] static void fail_unbounded(const char* what, const char* limit, uint64_t bound) {
    fail(ErrorCode::Limit, what, ": more than the ", bound, " allowed (--limit ", limit,
         "=... raises it)");
  }

  bool another_follows() {
    skip_padding();
    if (packed_.is_at_end()) return false;
    constexpr uint64_t kLongestMark = 16;
    if (codec_.repeats && codec_.matches(packed_.peek(kLongestMark))) return true;
    fail(ErrorCode::Corrupt, "byte ", packed_.offset(), ": bytes follow the ", codec_.name,
         " data");
  }

  void skip_padding() {
    if (codec_.padding == 0) return;
    const uint64_t begin = packed_.offset();
    for (ByteSpan held; !(held = packed_.peek(1)).empty() && held[0] == 0;) {
      const auto end = std::ranges::find_if(held, [](uint8_t byte) { return byte != 0; });
      packed_.skip(static_cast<uint64_t>(end - held.begin()));
    }
    if ((packed_.offset() - begin) % codec_.padding != 0)
      fail(ErrorCode::Corrupt, "byte ", begin, ": zero bytes behind ", codec_.name,
           " data come in multiples of ", codec_.padding);
  }

  PackedBytes packed_;
  const Codec& codec_;
  Checkpoint& checkpoint_;
  std::vector<uint8_t> output_;
  uint64_t most_by_ratio_ = 0;
  Spool spool_;
};

}  // namespace

bool looks_like_compressed(const Probe& probe) { return find_codec(probe.head) != nullptr; }

Content read_compressed(const Probe& probe, Checkpoint& checkpoint) {
  const Codec& codec = *find_codec(probe.head);
  return in_context(codec.name, [&] {
    const auto unpacked = Unpacker(*probe.source, codec, checkpoint).run();
    checkpoint.tensors.add_input(unpacked->size());
    const Content inside = read_content(unpacked, checkpoint);
    return Content{inside.root, std::string(codec.name) + "+" + inside.format};
  });
}

}  // namespace unbrine
