// What a writer puts between the tensors: texts, gaps, and CRC-32s that are known only at the end.
#include <mutex>

#include "tests/converter/run_layout_test.h"

namespace unbrine {
namespace {

using ::testing::Each;

// Counts how often each byte is written.
class MemorySink final : public Sink {
 public:
  explicit MemorySink(uint64_t size) : bytes(size), times(size) {}
  void write_at(uint64_t offset, ByteSpan from) override {
    const std::scoped_lock lock(mutex_);
    ++writes;
    ASSERT_LE(offset + from.size(), bytes.size());
    std::ranges::copy(from, bytes.begin() + static_cast<ptrdiff_t>(offset));
    for (size_t i = 0; i < from.size(); ++i) ++times[offset + i];
  }
  Bytes bytes;
  Bytes times;
  uint64_t writes = 0;

 private:
  std::mutex mutex_;
};

class FailingSink final : public Sink {
 public:
  void write_at(uint64_t, ByteSpan) override { fail(ErrorCode::Io, "cannot write: full"); }
};

// Each tensor between texts with a place for its CRC-32, as in a zip, and one list of all at the
// end.
class RunLayoutTextTest : public RunLayoutTest {
 protected:
  static constexpr std::string_view kBefore = "crc=____;";
  static constexpr size_t kPlace = 4;  // in it

  static std::string zeroed(std::string_view text) {
    std::string zeroed(text);
    zeroed.replace(kPlace, 4, 4, 0);
    return zeroed;
  }

  Layout layout_with_texts() const {
    Layout layout = layout_;
    LayoutFile file{"header", 0};
    uint64_t end = file.header.size();
    std::string list;
    std::vector<uint64_t> places;
    for (uint32_t i = 0; i < layout.slots.size(); ++i) {
      file.texts.push_back({end, zeroed(kBefore)});
      layout.crc_places.push_back({i, end + kPlace});
      layout.slots[i].offset = end + kBefore.size();
      end = layout.slots[i].offset + layout.slots[i].size;
      list += zeroed(kBefore);
    }
    for (uint32_t i = 0; i < layout.slots.size(); ++i)
      layout.crc_places.insert(layout.crc_places.begin() + 2 * i + 1,
                               {i, end + i * kBefore.size() + kPlace});
    file.texts.push_back({end, list});
    file.size = end + list.size();
    layout.files = {file};
    return layout;
  }

  static std::string with_crc(const Bytes& bytes) {
    std::string text(kBefore);
    const uint32_t crc = crc32_update(0, bytes);
    for (int i = 0; i < 4; ++i) text[kPlace + i] = static_cast<char>(crc >> 8 * i);
    return text;
  }

  Bytes expected_with_texts() const {
    std::string file = "header", list;
    for (const SelectedTensor& selected : selection_.tensors) {
      const Bytes bytes = expected_of(selected);
      file += with_crc(bytes) + std::string(as_text(bytes));
      list += with_crc(bytes);
    }
    file += list;
    return {file.begin(), file.end()};
  }
};

TEST_F(RunLayoutTextTest, ReportsASinkThatFails) {
  FailingSink sink;
  add(DType::U8, add_storage(10), {10});
  EXPECT_EQ(error_of([&] { run(layout_with_texts(), {&sink}, 2); }).code(), ErrorCode::Io);
}

TEST_F(RunLayoutTextTest, PutsTextsAndCrcsIntoTheirPlacesForAnyNumberOfWorkers) {
  const uint32_t large = add_checked_storage(source(11 * kMiB + 12));
  add(DType::F32, large, {11 * kMiB / 4 + 3});
  add({.storage = large, .shape = {1024, 512}, .stride = {1, 1024}});
  add(DType::U8, add_storage(9 * kMiB), {9 * kMiB - 1}, 1);
  add(DType::Bool, add_checked_storage(source(500)), {500});
  add(DType::F32, large, {0});
  for (uint64_t i = 0; i < 100; ++i) add(DType::U8, add_checked_storage(source(i)), {i});
  const Bytes wanted = expected_with_texts();
  for (const unsigned workers : {1u, 2u, 5u}) {
    const Layout layout = layout_with_texts();
    MemorySink sink(layout.files[0].size);
    const std::vector<SlotResult> results = run(layout, {&sink}, workers);
    EXPECT_TRUE(sink.bytes == wanted) << workers;
    for (size_t i = 0; i < results.size(); ++i)
      EXPECT_EQ(results[i].crc32, crc32_update(0, expected_of(selection_.tensors[i]))) << i;
  }
}

TEST_F(RunLayoutTextTest, WritesEachByteOnceButCrcsTwice) {
  add(DType::U8, add_storage(9 * kMiB), {9 * kMiB});
  add(DType::U8, add_storage(100), {100});
  const Layout layout = layout_with_texts();
  MemorySink sink(layout.files[0].size);
  run(layout, {&sink}, 3);
  for (const CrcPlace& place : layout.crc_places)
    for (uint64_t i = 0; i < 4; ++i) EXPECT_EQ(sink.times[place.offset + i]--, 2);
  EXPECT_EQ(std::ranges::count(sink.times, 1), std::ssize(sink.times));
}

TEST_F(RunLayoutTextTest, TakesTheCrcOfWrittenBytesAndNotOfStoredOnes) {
  const auto stored = source(4000);
  const uint32_t crc = crc32_update(0, stored->bytes());
  add(DType::F32,
      table_.add_storage({.name = "big",
                          .source = stored,
                          .size = 4000,
                          .big_endian = true,
                          .has_crc = true,
                          .crc32 = crc}),
      {1000});
  const Layout layout = layout_with_texts();
  MemorySink sink(layout.files[0].size);
  EXPECT_NE(run(layout, {&sink}).front().crc32, crc);
  EXPECT_EQ(sink.bytes, expected_with_texts());
}

TEST_F(RunLayoutTextTest, TakesNoCrcWithoutAPlaceForIt) {
  add(DType::U8, add_checked_storage(source(10)), {10});
  EXPECT_EQ(run(layout_behind(""), {nullptr}).front().crc32, 0u);
}

TEST_F(RunLayoutTextTest, WritesTextsOfAFileWithoutTensors) {
  Layout layout;
  layout.files = {{"head", 20, "", {{6, "one"}, {17, "two"}}}};
  MemorySink sink(20);
  run(layout, {&sink});
  EXPECT_EQ(as_text(sink.bytes), std::string_view("head\0\0one\0\0\0\0\0\0\0\0two", 20));
}

TEST_F(RunLayoutTextTest, WritesTextsOfSeveralFiles) {
  add(DType::U8, add_storage(5 * kMiB), {5 * kMiB});
  add(DType::U8, add_storage(3), {3});
  Layout layout = layout_;
  layout.files = {{"a", 5 * kMiB + 4, "", {{1, "b"}, {5 * kMiB + 2, "cd"}}},
                  {"", 7, "", {{0, "ef"}, {5, "gh"}}}};
  layout.slots[0].offset = 2;
  layout.slots[1] = {1, 1, 2, 3};
  layout.crc_places = {{1, 0}};
  MemorySink first(layout.files[0].size), second(7);
  run(layout, {&first, &second}, 2);
  EXPECT_EQ(as_text(ByteSpan(first.bytes).first(2)), "ab");
  EXPECT_EQ(as_text(ByteSpan(first.bytes).last(2)), "cd");
  EXPECT_EQ(as_text(ByteSpan(second.bytes).last(2)), "gh");
  EXPECT_EQ(first.bytes.size(), 5 * kMiB + 4);
}

// Small tensors in a blob: each at a multiple of 4096, and yet not a write of its own.
TEST_F(RunLayoutTextTest, JoinsTensorsOverShortGaps) {
  Layout layout;
  for (uint32_t i = 0; i < 200; ++i) add(DType::U8, add_storage(100 + i), {100 + i});
  layout = layout_;
  for (uint32_t i = 0; i < 200; ++i) layout.slots[i].offset = 4096 * i;
  layout.files = {{"", 4096 * 200}};
  MemorySink sink(4096 * 200);
  run(layout, {&sink});
  EXPECT_LE(sink.writes, 4u);
  EXPECT_EQ(std::ranges::count(sink.times, 0) + std::ranges::count(sink.times, 1),
            std::ssize(sink.times));
}

TEST_F(RunLayoutTextTest, LeavesWideGapsAlone) {
  add(DType::U8, add_storage(100), {100});
  add(DType::U8, add_storage(100), {100});
  Layout layout = layout_;
  layout.slots[1].offset = 3 * kMiB;
  layout.files = {{"", 3 * kMiB + 100}};
  MemorySink sink(3 * kMiB + 100);
  run(layout, {&sink});
  EXPECT_EQ(sink.times[kMiB], 0);
  EXPECT_THAT(ByteSpan(sink.times).last(100), Each(1));
}

TEST_F(RunLayoutTextTest, ComputesForNullSinksWhatItComputesForOthers) {
  add(DType::U8, add_storage(9 * kMiB), {9 * kMiB});
  for (uint64_t i = 0; i < 50; ++i) add(DType::U8, add_storage(i), {i});
  const Layout layout = layout_with_texts();
  MemorySink sink(layout.files[0].size);
  const std::vector<SlotResult> written = run(layout, {&sink});
  const std::vector<SlotResult> computed = run(layout, {nullptr}, 3);
  for (size_t i = 0; i < written.size(); ++i) {
    EXPECT_EQ(computed[i].digest, written[i].digest);
    EXPECT_EQ(computed[i].crc32, written[i].crc32);
  }
}

TEST_F(RunLayoutTextTest, MixesNullSinksWithOthersOfAnySize) {
  Layout layout;
  for (uint32_t i = 0; i < 6; ++i) {
    add(DType::U8, add_storage(100'000), {100'000});
    layout_.slots[i] = {i, i, 100'000 * (i % 2), 100'000};
    layout.files.push_back({"", i < 3 ? 100'000 * (1 + i % 2) : uint64_t{1} << 32});
  }
  layout.slots = layout_.slots;
  MemorySink kept(100'000);
  const std::vector<SlotResult> results =
      run(layout, {nullptr, nullptr, &kept, nullptr, nullptr, nullptr});
  for (size_t i = 0; i < 6; ++i)
    EXPECT_EQ(results[i].digest, digest_bytes(expected_of(selection_.tensors[i])));
  EXPECT_EQ(kept.bytes, expected_of(selection_.tensors[2]));
}

}  // namespace
}  // namespace unbrine
