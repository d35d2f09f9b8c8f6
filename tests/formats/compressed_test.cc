#include "formats/compressed.h"

#include <bzlib.h>
#include <gmock/gmock.h>
#include <lzma.h>
#include <zlib.h>

#include <stdexcept>

#include "formats/archive/decompressor.h"
#include "tests/support/error_of.h"
#include "tests/support/sample_checkpoints.h"

namespace unbrine {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

using Bytes = std::vector<uint8_t>;

void require(bool holds) {
  if (!holds) throw std::logic_error("a compressor failed");
}

Bytes deflated(const Bytes& plain, int window_bits) {
  z_stream stream = {};
  require(deflateInit2(&stream, 9, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  Bytes packed(deflateBound(&stream, plain.size()));
  stream.next_in = const_cast<Bytef*>(plain.data());
  stream.avail_in = static_cast<uInt>(plain.size());
  stream.next_out = packed.data();
  stream.avail_out = static_cast<uInt>(packed.size());
  require(deflate(&stream, Z_FINISH) == Z_STREAM_END);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return packed;
}

Bytes gzip(const Bytes& plain) { return deflated(plain, 15 + 16); }
Bytes zlib(const Bytes& plain) { return deflated(plain, 15); }

Bytes bzip2(const Bytes& plain) {
  Bytes input = plain;
  input.push_back(0);  // the library wants a pointer
  Bytes packed(plain.size() + plain.size() / 100 + 600);
  auto size = static_cast<unsigned>(packed.size());
  require(BZ2_bzBuffToBuffCompress(reinterpret_cast<char*>(packed.data()), &size,
                                   reinterpret_cast<char*>(input.data()),
                                   static_cast<unsigned>(plain.size()), 9, 0, 0) == BZ_OK);
  packed.resize(size);
  return packed;
}

Bytes coded(lzma_stream& stream, const Bytes& plain) {
  Bytes packed(lzma_stream_buffer_bound(plain.size()));
  stream.next_in = plain.data();
  stream.avail_in = plain.size();
  stream.next_out = packed.data();
  stream.avail_out = packed.size();
  require(lzma_code(&stream, LZMA_FINISH) == LZMA_STREAM_END);
  packed.resize(stream.total_out);
  lzma_end(&stream);
  return packed;
}

Bytes xz(const Bytes& plain) {
  lzma_stream stream = LZMA_STREAM_INIT;
  require(lzma_easy_encoder(&stream, 1, LZMA_CHECK_CRC64) == LZMA_OK);
  return coded(stream, plain);
}

Bytes lzma(const Bytes& plain) {
  lzma_options_lzma options;
  require(!lzma_lzma_preset(&options, 1));
  lzma_stream stream = LZMA_STREAM_INIT;
  require(lzma_alone_encoder(&stream, &options) == LZMA_OK);
  return coded(stream, plain);
}

struct Wrapper {
  const char* name;
  Bytes (*pack)(const Bytes& plain);
  bool repeats;
  size_t padding;     // zero bytes that may follow
  size_t known_from;  // bytes: a shorter file is not known to be of the format
};

void PrintTo(const Wrapper& wrapper, std::ostream* out) { *out << wrapper.name; }

constexpr Wrapper kWrappers[] = {
    {"gzip", gzip, true, 1, 3},   {"bzip2", bzip2, true, 0, 4}, {"xz", xz, true, 4, 6},
    {"lzma", lzma, false, 0, 14}, {"zlib", zlib, false, 0, 3},
};

Checkpoint open(const Bytes& bytes, const Limits& limits = {}) {
  return open_checkpoint(std::make_shared<MemorySource>(bytes), limits);
}

Error refusal(const Bytes& bytes, const Limits& limits = {}) {
  return error_of([&] { open(bytes, limits); });
}

Bytes joined(Bytes first, const Bytes& second) {
  first.insert(first.end(), second.begin(), second.end());
  return first;
}

class Compressed : public ::testing::TestWithParam<Wrapper> {
 protected:
  Bytes pack(const Bytes& plain) const { return GetParam().pack(plain); }
  std::string name() const { return GetParam().name; }
};

INSTANTIATE_TEST_SUITE_P(Wrappers, Compressed, ::testing::ValuesIn(kWrappers),
                         [](const auto& wrapper) { return std::string(wrapper.param.name); });

TEST_P(Compressed, CutShortAnywhereIsAnError) {
  const Bytes whole = pack(legacy_checkpoint({"w"}));
  for (size_t size = 1; size < whole.size(); ++size) {
    const Error error = refusal(Bytes(whole.begin(), whole.begin() + static_cast<long>(size)));
    if (size < GetParam().known_from) continue;
    EXPECT_EQ(error.code(), ErrorCode::Corrupt) << size << ": " << error.what();
    EXPECT_THAT(error.what(),
                StartsWith(name() + ": byte " + std::to_string(size) + ": the file ends"));
  }
}

TEST_P(Compressed, NoticesDamage) {
  const Bytes whole = pack(legacy_checkpoint({"w"}));
  for (size_t i = 0; i < whole.size(); ++i) {
    Bytes damaged = whole;
    damaged[i] ^= 0x10;
    try {
      open(damaged);  // lzma has no checksum, and gzip's header holds what means nothing
    } catch (const Error& error) {
      EXPECT_NE(error.code(), ErrorCode::Io) << i;
    }
  }
}

TEST_P(Compressed, RefusesBytesBehindTheData) {
  const Bytes whole = pack(legacy_checkpoint({"w"}));
  const Error error = refusal(joined(whole, {'x'}));
  EXPECT_EQ(error.code(), ErrorCode::Corrupt);
  EXPECT_THAT(error.what(),
              HasSubstr("byte " + std::to_string(whole.size()) + ": bytes follow the " + name()));
}

TEST_P(Compressed, RefusesAnEmptyContent) {
  EXPECT_EQ(std::string(refusal(pack({})).what()), name() + ": is empty");
}

TEST_P(Compressed, BoundsTheUnpackedBytes) {
  const Bytes plain = legacy_checkpoint({"w"});
  Limits limits;
  limits.max_inflated_bytes = plain.size();
  open(pack(plain), limits);
  limits.max_inflated_bytes = plain.size() - 1;
  const Error error = refusal(pack(plain), limits);
  EXPECT_EQ(error.code(), ErrorCode::Limit);
  EXPECT_THAT(error.what(), HasSubstr("--limit max_inflated_bytes"));
}

TEST_P(Compressed, BoundsTheUnpackedBytesOfAllLayersTogether) {
  const Bytes plain = legacy_checkpoint({"w"});
  const Bytes inner = pack(plain);
  Limits limits;
  limits.max_inflated_bytes = plain.size() + inner.size();
  open(pack(inner), limits);
  --limits.max_inflated_bytes;
  EXPECT_EQ(refusal(pack(inner), limits).code(), ErrorCode::Limit);
}

TEST_P(Compressed, BoundsTheRatioBeyondWhatIsFree) {
  const Bytes zeros(1 << 20);
  Limits limits;
  limits.max_inflate_ratio = 2;
  EXPECT_NE(refusal(pack(zeros), limits).code(), ErrorCode::Limit);
  limits.free_output_bytes = zeros.size() - 1;
  const Error error = refusal(pack(zeros), limits);
  EXPECT_EQ(error.code(), ErrorCode::Limit);
  EXPECT_THAT(error.what(), HasSubstr("--limit max_inflate_ratio"));
}

TEST_P(Compressed, BoundsLayersInsideEachOther) {
  Bytes bytes = legacy_checkpoint({"w"});
  Limits limits;
  limits.max_nesting = 4;
  for (int i = 0; i < 3; ++i) bytes = pack(bytes);
  open(bytes, limits);
  EXPECT_EQ(refusal(pack(bytes), limits).code(), ErrorCode::Limit);
}

TEST_P(Compressed, IsReadAsWhatIsInside) {
  const Checkpoint checkpoint = open(pack(legacy_checkpoint({"a", "b"})));
  EXPECT_EQ(checkpoint.format, name() + "+torch-legacy");
  ASSERT_EQ(checkpoint.tensors.tensors().size(), 2u);
  const Storage& storage = checkpoint.tensors.storages()[1];
  const Bytes second = storage.source->read_all(storage.offset, storage.size);
  EXPECT_EQ(second, Bytes({0, 0, 0x80, 0x3f, 0, 0, 0xc0, 0x3f}));  // 1, 1.5
}

TEST_P(Compressed, JoinsStreamsWhereTheFormatDoes) {
  const Bytes plain = legacy_checkpoint({"w"});
  const auto middle = plain.begin() + static_cast<long>(plain.size() / 2);
  const Bytes packed = joined(pack(Bytes(plain.begin(), middle)), pack(Bytes(middle, plain.end())));
  if (GetParam().repeats)
    EXPECT_EQ(open(packed).tensors.tensors().size(), 1u);
  else
    EXPECT_EQ(refusal(packed).code(), ErrorCode::Corrupt);
}

TEST_P(Compressed, ToleratesZerosBehindTheDataWhereTheFormatDoes) {
  const Bytes packed = pack(legacy_checkpoint({"w"}));
  const size_t padding = GetParam().padding;
  for (const size_t zeros : {size_t{1}, size_t{4}, size_t{600'000}})
    if (padding != 0 && zeros % padding == 0)
      EXPECT_EQ(open(joined(packed, Bytes(zeros))).tensors.tensors().size(), 1u) << zeros;
    else
      EXPECT_EQ(refusal(joined(packed, Bytes(zeros))).code(), ErrorCode::Corrupt) << zeros;
}

TEST_P(Compressed, SpoolsWhatIsTooLongForMemory) {
  constexpr size_t kBytes = 17 << 20;
  Bytes plain = legacy_start(kBytes / 4);
  const size_t begin = plain.size();
  plain.resize(begin + kBytes);
  for (size_t i = begin; i < plain.size(); i += 1000) plain[i] = static_cast<uint8_t>(i >> 10);
  const Checkpoint checkpoint = open(pack(plain));
  const Storage& storage = checkpoint.tensors.storages().at(0);
  EXPECT_EQ(storage.source->read_all(0, plain.size()), plain);
}

// --- Checksums ---

TEST(Checksums, AreVerified) {
  const struct {
    Bytes (*pack)(const Bytes& plain);
    size_t behind;  // its place, from the end
  } codecs[] = {{gzip, 8}, {bzip2, 4}, {zlib, 4}};
  for (const auto& [pack, behind] : codecs) {
    Bytes damaged = pack(legacy_checkpoint({"w"}));
    damaged[damaged.size() - behind] ^= 1;
    EXPECT_EQ(refusal(damaged).code(), ErrorCode::Corrupt);
    EXPECT_THAT(refusal(damaged).what(), HasSubstr("its packed bytes are damaged"));
  }
}

TEST(Checksums, OfXzAreVerified) {
  Bytes noise;  // is stored as it is
  for (uint8_t i = 0; i < 64; ++i) noise.push_back(static_cast<uint8_t>(i * 37 ^ i >> 2));
  Bytes damaged = xz(noise);
  damaged[40] ^= 1;
  EXPECT_EQ(refusal(damaged).code(), ErrorCode::Corrupt);
  EXPECT_THAT(refusal(damaged).what(), HasSubstr("its packed bytes are damaged"));
}

// --- What is told from what ---

TEST(Codecs, TakeNoTextAndNoSafetensorsForZlib) {
  EXPECT_EQ(find_codec(as_bytes("x^2 + y^2 = z^2, as everybody knows")), nullptr);
  EXPECT_EQ(find_codec(as_bytes("(S'a'\np0\n.")), nullptr);
  EXPECT_EQ(find_codec(as_bytes({"\x78\x01\0\0\0\0\0\0{\"__metadata__\"", 22})), nullptr);
}

TEST(Codecs, TakeNoReservedFlagsForGzip) {
  EXPECT_EQ(find_codec(as_bytes({"\x1f\x8b\x08\x20\0\0\0\0\0\3", 10})), nullptr);
  EXPECT_EQ(find_codec(as_bytes({"\x1f\x8b\x08\0\0\0\0\0{\"", 10})), nullptr);
  EXPECT_EQ(find_codec(as_bytes({"\x1f\x8b\7\0\0\0\0\0\0\3", 10})), nullptr);
}

TEST(Codecs, TakeNoOddHeaderForLzma) {
  const Bytes packed = lzma({1, 2, 3});
  ASSERT_NE(find_codec(packed), nullptr);
  Bytes odd_dictionary = packed, odd_length = packed, odd_code = packed;
  odd_dictionary[1] = 1;
  odd_length[12] = 1;
  odd_code[13] = 1;
  EXPECT_EQ(find_codec(odd_dictionary), nullptr);
  EXPECT_EQ(find_codec(odd_length), nullptr);
  EXPECT_EQ(find_codec(odd_code), nullptr);
}

TEST(Codecs, TakeNoOtherMarksForBzip2) {
  EXPECT_EQ(find_codec(as_bytes("BZh0\x31\x41\x59\x26\x53\x59")), nullptr);
  EXPECT_EQ(find_codec(as_bytes("BZh is no mark alone")), nullptr);
}

TEST(Codecs, BoundTheMemoryOfXz) {
  Bytes packed = lzma({1, 2, 3});
  packed[1] = packed[2] = packed[3] = 0;
  packed[4] = 0x40;  // a dictionary of 1 GiB
  const Error error = refusal(packed);
  EXPECT_EQ(error.code(), ErrorCode::Limit);
  EXPECT_THAT(error.what(), HasSubstr("bytes of memory to unpack"));
}

}  // namespace
}  // namespace unbrine
