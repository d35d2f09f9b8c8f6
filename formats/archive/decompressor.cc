#include "formats/archive/decompressor.h"

#define ZLIB_CONST
#include <bzlib.h>
#include <lzma.h>
#include <zlib.h>

#include <algorithm>
#include <bit>
#include <new>

#include "formats/byte_reader.h"
#include "formats/error.h"

namespace unbrine {
namespace {

using namespace std::string_view_literals;

// What one xz stream may ask for its dictionary; `xz -9` asks for 65 MiB.
constexpr uint64_t kMostLzmaMemory = uint64_t{256} << 20;

[[noreturn]] void fail_damaged(std::string_view why) {
  fail(ErrorCode::Corrupt, "its packed bytes are damaged: ", why);
}

// --- gzip and zlib ---

class Inflater : public Decompressor {
 public:
  // As inflateInit2() takes them: 15 for zlib, 15 + 16 for gzip, -15 for neither's header.
  explicit Inflater(int window_bits) {
    if (inflateInit2(&stream_, window_bits) != Z_OK) throw std::bad_alloc();
  }
  ~Inflater() override { inflateEnd(&stream_); }

  Step step(ByteSpan input, MutableByteSpan output, bool /*is_last*/) override {
    stream_.next_in = input.data();
    stream_.avail_in = static_cast<uInt>(input.size());
    stream_.next_out = output.data();
    stream_.avail_out = static_cast<uInt>(output.size());
    const int result = inflate(&stream_, Z_NO_FLUSH);
    if (result == Z_MEM_ERROR) throw std::bad_alloc();
    if (result == Z_NEED_DICT) fail(ErrorCode::Unsupported, "needs a preset dictionary");
    if (result == Z_DATA_ERROR) fail_damaged(stream_.msg == nullptr ? "" : stream_.msg);
    return {input.size() - stream_.avail_in, output.size() - stream_.avail_out,
            result == Z_STREAM_END};
  }

 private:
  z_stream stream_ = {};
};

// Method 8, no reserved flag, and of the "extra flags" those that writers use.
bool looks_like_gzip(ByteSpan head) {
  if (!as_text(head).starts_with("\x1f\x8b\x08")) return false;
  if (head.size() > 3 && (head[3] & 0xe0) != 0) return false;
  return head.size() <= 8 || head[8] == 0 || head[8] == 2 || head[8] == 4;
}

bool inflates(ByteSpan packed) {
  uint8_t output[1024];
  try {
    Inflater inflater(-15);
    for (bool more = true; more;) {
      const Decompressor::Step step = inflater.step(packed, output, false);
      packed = packed.subspan(step.taken);
      more = !step.ended && step.given != 0;
    }
    return true;
  } catch (const Error&) {
    return false;
  }
}

// Two bytes are not much of a mark: "x^2" is text, and 78 01 begins a safetensors header of 376
// bytes. So what follows must inflate. Smaller windows than 7, which nobody writes, are not taken:
// "(S" would be one, and it begins a pickle.
bool looks_like_zlib(ByteSpan head) {
  constexpr size_t kTried = 256;
  if (head.size() < 3 || head[0] != 0x78) return false;
  const uint8_t flags = head[1];
  if (flags != 0x01 && flags != 0x5e && flags != 0x9c && flags != 0xda) return false;
  return inflates(head.subspan(2, std::min(kTried, head.size() - 2)));
}

// --- bzip2 ---

class Bunzipper : public Decompressor {
 public:
  Bunzipper() {
    if (BZ2_bzDecompressInit(&stream_, 0, 0) != BZ_OK) throw std::bad_alloc();
  }
  ~Bunzipper() override { BZ2_bzDecompressEnd(&stream_); }

  Step step(ByteSpan input, MutableByteSpan output, bool /*is_last*/) override {
    // The library does not write to its input.
    stream_.next_in = const_cast<char*>(as_text(input).data());
    stream_.avail_in = static_cast<unsigned>(input.size());
    stream_.next_out = reinterpret_cast<char*>(output.data());
    stream_.avail_out = static_cast<unsigned>(output.size());
    const int result = BZ2_bzDecompress(&stream_);
    if (result == BZ_MEM_ERROR) throw std::bad_alloc();
    if (result != BZ_OK && result != BZ_STREAM_END) fail_damaged("no sound bzip2 block");
    return {input.size() - stream_.avail_in, output.size() - stream_.avail_out,
            result == BZ_STREAM_END};
  }

 private:
  bz_stream stream_ = {};
};

// A level, then the mark of a block or, where nothing was packed, of the end.
bool looks_like_bzip2(ByteSpan head) {
  const std::string_view text = as_text(head);
  if (text.size() < 4 || !text.starts_with("BZh") || text[3] < '1' || text[3] > '9') return false;
  const std::string_view mark = text.substr(4, 6);
  return "\x31\x41\x59\x26\x53\x59"sv.starts_with(mark) ||
         "\x17\x72\x45\x38\x50\x90"sv.starts_with(mark);
}

// --- xz and lzma ---

class Unlzmaer : public Decompressor {
 public:
  using Init = lzma_ret (*)(lzma_stream*);
  explicit Unlzmaer(Init init) {
    if (init(&stream_) != LZMA_OK) throw std::bad_alloc();
  }
  ~Unlzmaer() override { lzma_end(&stream_); }

  Step step(ByteSpan input, MutableByteSpan output, bool is_last) override {
    stream_.next_in = input.data();
    stream_.avail_in = input.size();
    stream_.next_out = output.data();
    stream_.avail_out = output.size();
    const lzma_ret result = lzma_code(&stream_, is_last ? LZMA_FINISH : LZMA_RUN);
    check(result);
    return {input.size() - stream_.avail_in, output.size() - stream_.avail_out,
            result == LZMA_STREAM_END};
  }

 private:
  void check(lzma_ret result) {
    switch (result) {
      case LZMA_OK:
      case LZMA_STREAM_END:
      case LZMA_BUF_ERROR: return;  // no progress, which the caller sees
      case LZMA_MEM_ERROR: throw std::bad_alloc();
      case LZMA_MEMLIMIT_ERROR:
        fail(ErrorCode::Limit, "needs ", lzma_memusage(&stream_), " bytes of memory to unpack, ",
             kMostLzmaMemory, " allowed");
      case LZMA_OPTIONS_ERROR:
        fail(ErrorCode::Unsupported, "is packed with a filter or option that is not known");
      case LZMA_UNSUPPORTED_CHECK:
        fail(ErrorCode::Unsupported, "has a checksum of a kind that is not known");
      default: fail_damaged("no sound LZMA data");
    }
  }

  lzma_stream stream_ = LZMA_STREAM_INIT;
};

lzma_ret init_xz(lzma_stream* stream) {
  return lzma_stream_decoder(stream, kMostLzmaMemory, LZMA_TELL_UNSUPPORTED_CHECK);
}
lzma_ret init_lzma(lzma_stream* stream) { return lzma_alone_decoder(stream, kMostLzmaMemory); }

bool looks_like_xz(ByteSpan head) {
  return as_text(head).starts_with(
      "\xfd"
      "7zXZ\0"sv);
}

// 2^n or 2^n + 2^(n-1), the only sizes that encoders write.
bool is_dictionary_size(uint32_t size) {
  const int bits = std::popcount(size);
  return bits == 1 || (bits == 2 && std::has_single_bit(size & (size << 1)));
}

// The format has no mark. The usual parameters, a usual dictionary, a length that is unknown or
// below 256 GiB, and the zero with which the range coder begins.
bool looks_like_lzma(ByteSpan head) {
  constexpr uint64_t kLongest = uint64_t{1} << 38;
  if (head.size() < 14) return false;
  ByteReader reader(head);
  if (reader.read<uint8_t>() != 0x5d) return false;
  if (!is_dictionary_size(reader.read<uint32_t>())) return false;
  const auto length = reader.read<uint64_t>();
  return (length == UINT64_MAX || length < kLongest) && reader.read<uint8_t>() == 0;
}

// --- The table ---

constexpr Codec kCodecs[] = {
    {.name = "gzip",
     .matches = looks_like_gzip,
     .open = []() -> std::unique_ptr<Decompressor> { return std::make_unique<Inflater>(15 + 16); },
     .repeats = true,
     .padding = 1},
    {.name = "bzip2",
     .matches = looks_like_bzip2,
     .open = []() -> std::unique_ptr<Decompressor> { return std::make_unique<Bunzipper>(); },
     .repeats = true,
     .padding = 0},
    {.name = "xz",
     .matches = looks_like_xz,
     .open = []() -> std::unique_ptr<Decompressor> { return std::make_unique<Unlzmaer>(init_xz); },
     .repeats = true,
     .padding = 4},
    {.name = "lzma",
     .matches = looks_like_lzma,
     .open = []() -> std::unique_ptr<Decompressor> {
       return std::make_unique<Unlzmaer>(init_lzma);
     },
     .repeats = false,
     .padding = 0},
    {.name = "zlib",
     .matches = looks_like_zlib,
     .open = []() -> std::unique_ptr<Decompressor> { return std::make_unique<Inflater>(15); },
     .repeats = false,
     .padding = 0},
};

}  // namespace

const Codec* find_codec(ByteSpan head) {
  for (const Codec& codec : kCodecs)
    if (codec.matches(head)) return &codec;
  return nullptr;
}

}  // namespace unbrine
