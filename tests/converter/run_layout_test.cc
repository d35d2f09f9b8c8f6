#include "tests/converter/run_layout_test.h"

#include <sys/resource.h>

#include <csignal>
#include <numeric>

namespace unbrine {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST_F(RunLayoutTest, RefusesDamagedStorageByNameAndLeavesNothing) {
  auto damaged = source(1000);
  add(DType::U8, add_storage(10), {10});
  add(DType::F32, add_checked_storage(damaged, 1), {250});
  const Error error = error_of_write();
  EXPECT_EQ(error.code(), ErrorCode::Corrupt);
  EXPECT_THAT(error.what(),
              AllOf(HasSubstr("storage 'archive/data/7' (tensor 'layer.1'): CRC-32 "
                              "of its 1000 bytes is "),
                    HasSubstr(", the archive records "), HasSubstr(": the file is damaged")));
  EXPECT_THAT(folder_.names(), IsEmpty());
}

TEST_F(RunLayoutTest, SaysBothChecksumsInHexadecimal) {
  auto text = std::make_shared<WatchedSource>(Bytes{'1', '2', '3', '4', '5', '6', '7', '8', '9'});
  add(DType::U8, add_checked_storage(text, 0xcbf43926 ^ 0x00000abc), {9});
  EXPECT_THAT(error_of_write().what(), HasSubstr("is cbf43926, the archive records 00000abc"));
}

TEST_F(RunLayoutTest, RefusesDamagedStorageThatWorkersShare) {
  add(DType::F32, add_checked_storage(source(9 * kMiB), 1), {9 * kMiB / 4});
  EXPECT_EQ(error_of_write(3).code(), ErrorCode::Corrupt);
}

TEST_F(RunLayoutTest, RefusesDamageInAPartThatNoTensorReads) {
  add(DType::F32, add_checked_storage(source(6 * kMiB), 1), {10}, 100);
  EXPECT_EQ(error_of_write().code(), ErrorCode::Corrupt);
}

TEST_F(RunLayoutTest, RefusesDamagedStorageOfATransposedTensor) {
  add({.storage = add_checked_storage(source(24), 1), .shape = {2, 3}, .stride = {1, 2}});
  EXPECT_EQ(error_of_write().code(), ErrorCode::Corrupt);
}

TEST_F(RunLayoutTest, RefusesDamagedStorageOfAnEmptyTensor) {
  add(DType::F32, add_checked_storage(source(0), 1), {0});
  EXPECT_EQ(error_of_write().code(), ErrorCode::Corrupt);
}

TEST_F(RunLayoutTest, DoesNotReadDamagedStorageThatNoTensorUses) {
  add_checked_storage(source(1000), 1);
  add(DType::U8, add_storage(10), {10});
  EXPECT_EQ(write(), expected());
}

TEST_F(RunLayoutTest, ChecksStorageOnThePassThatCarriesIt) {
  auto whole = source(9 * kMiB);
  const uint32_t storage = add_checked_storage(whole);
  const uint64_t read_before = whole->bytes_read();
  add(DType::F32, storage, {9 * kMiB / 4});
  EXPECT_EQ(write().file.size(), 8 + 9 * kMiB);
  EXPECT_EQ(whole->bytes_read() - read_before, 9 * kMiB);
}

TEST_F(RunLayoutTest, ChecksSharedStorageOnce) {
  auto whole = source(kMiB);
  const uint32_t storage = add_checked_storage(whole);
  const uint64_t read_before = whole->bytes_read();
  add(DType::F32, storage, {kMiB / 8}, 0);         // the first half
  add(DType::F32, storage, {kMiB / 4});            // all: checked here
  add(DType::F32, storage, {kMiB / 8}, kMiB / 8);  // the second half
  EXPECT_EQ(write().file.size(), 8 + 2 * kMiB);
  EXPECT_EQ(whole->bytes_read() - read_before, 2 * kMiB);
}

TEST_F(RunLayoutTest, NamesTheStorageThatCannotBeRead) {
  auto failing = source(1000);
  failing->at_each_read([] { fail(ErrorCode::Io, "byte 0: cannot read: gone"); });
  add(DType::U8, add_storage(failing, 0, 1000), {1000});
  const Error error = error_of_write();
  EXPECT_EQ(error.code(), ErrorCode::Io);
  EXPECT_THAT(error.what(), HasSubstr("storage 'archive/data/0': byte 0: cannot read"));
  EXPECT_THAT(folder_.names(), IsEmpty());
}

TEST_F(RunLayoutTest, ReportsFailedWriteAndLeavesNothing) {
  add(DType::U8, add_storage(2 * kMiB), {2 * kMiB});
  const Layout layout = layout_behind("header!!");
  rlimit before = {};
  getrlimit(RLIMIT_FSIZE, &before);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit limit{kMiB, before.rlim_max};
  setrlimit(RLIMIT_FSIZE, &limit);
  {
    OutputFile output(folder_ / "out.bin", 0, false);
    EXPECT_THROW(run(layout, {&output}), Error);
  }
  setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  EXPECT_THAT(folder_.names(), IsEmpty());
}

TEST_F(RunLayoutTest, StopsWhenToldAndLeavesNothing) {
  for (const unsigned workers : {1u, 3u}) {
    std::atomic<bool> stop = false;
    auto watched = source(9 * kMiB);
    watched->at_each_read([&] { stop = true; });
    add(DType::U8, add_storage(watched, 0, watched->size()), {watched->size()});
    options_.stop = &stop;
    EXPECT_THROW(write(workers), Interrupted);
    EXPECT_LE(watched->reads(), workers);
    EXPECT_THAT(folder_.names(), IsEmpty());
  }
}

TEST_F(RunLayoutTest, StopsWithinAnExpandedTensorThatIsReadOnce) {
  std::atomic<bool> stop = false;
  auto watched = source(4);
  watched->at_each_read([&] { stop = true; });
  add({.storage = add_storage(watched, 0, 4), .shape = {uint64_t{1} << 40}, .stride = {0}});
  options_.stop = &stop;
  const Layout layout = layout_behind("");
  OutputFile output(folder_ / "out.bin", 0, false);  // a terabyte would be written
  EXPECT_THROW(run(layout, {&output}), Interrupted);
}

TEST_F(RunLayoutTest, WritesHeaderWithoutTensors) { EXPECT_EQ(write(), expected()); }

TEST_F(RunLayoutTest, WritesHeaderLargerThanABlock) {
  const std::string header(700'001, 'h');
  add(DType::U8, add_storage(3), {3});
  EXPECT_EQ(write(1, header), expected(header));
}

TEST_F(RunLayoutTest, CarriesContiguousTensors) {
  const uint32_t storage = add_storage(400'000);
  add(DType::F32, storage, {100'000});
  add(DType::F32, storage, {10, 7}, 99);
  EXPECT_EQ(write(), expected());
}

TEST_F(RunLayoutTest, CarriesScalarsAndEmptyTensors) {
  const uint32_t storage = add_storage(64);
  add(DType::F64, storage, {}, 3);
  add(DType::F64, storage, {3, 0, 2});
  add({.dtype = DType::F64, .storage = storage, .shape = {4, 0}, .stride = {1, 9}});
  add(DType::F64, storage, {0}, 1 << 20);  // nothing is read there
  add(DType::F64, storage, {1, 1, 1}, 7);
  const Written written = write();
  EXPECT_EQ(written, expected());
  EXPECT_EQ(written.digests[1], 0x2d06800538d394c2);
}

TEST_F(RunLayoutTest, CarriesStridedExpandedAndOverlappingViews) {
  const uint32_t storage = add_storage(120'000);
  add({.storage = storage, .shape = {100, 300}, .stride = {1, 100}});
  add({.storage = storage, .offset = 5, .shape = {50, 20}, .stride = {200, 3}});
  add({.storage = storage, .offset = 9, .shape = {40, 70, 11}, .stride = {0, 1, 0}});
  add({.storage = storage, .shape = {1000, 64}, .stride = {1, 1}});
  add({.storage = storage, .offset = 1, .shape = {3, 1, 5, 7}, .stride = {7, 99, 210, 1050}});
  add({.storage = storage, .offset = 77, .shape = {3000}, .stride = {0}});
  EXPECT_EQ(write(), expected());
}

// More than one slab each: by rows, by reads of parts of rows, within one row.
TEST_F(RunLayoutTest, CarriesViewsLargerThanTheStaging) {
  const uint32_t storage = add_storage(6 * kMiB);
  add({.storage = storage, .shape = {1536, 1024}, .stride = {1, 1536}});
  add({.storage = storage, .shape = {3, 1 << 19}, .stride = {1, 3}});
  add({.storage = storage, .shape = {1 << 19, 3}, .stride = {1, 1 << 19}});
  add({.storage = storage, .offset = 1, .shape = {2, (3 << 19) - 1}, .stride = {0, 1}});
  add({.dtype = DType::U8, .storage = storage, .shape = {150'001, 2}, .stride = {41, 7}});
  EXPECT_EQ(write(), expected());
}

TEST_F(RunLayoutTest, ReadsLargeTransposeInFewReads) {
  auto matrix = source(16 * kMiB);
  add({.storage = add_storage(matrix, 0, matrix->size()),
       .shape = {2048, 2048},
       .stride = {1, 2048}});
  write();
  EXPECT_EQ(matrix->bytes_read(), matrix->size());
  EXPECT_GE(matrix->bytes_read() / matrix->reads(), 1024u);
}

TEST_F(RunLayoutTest, CarriesEveryItemSizeContiguousAndTransposed) {
  for (const DType dtype : {DType::I8, DType::BF16, DType::I32, DType::C64, DType::C128}) {
    const uint32_t storage = add_storage(16 * 600);
    add(dtype, storage, {600});
    add({.dtype = dtype, .storage = storage, .shape = {20, 30}, .stride = {1, 20}});
  }
  EXPECT_EQ(write(), expected());
}

TEST_F(RunLayoutTest, ResolvesByteOrderConjNegAndBool) {
  const uint32_t big = table_.add_storage(
      {.name = "big", .source = source(800'000), .size = 800'000, .big_endian = true});
  const uint32_t little = add_storage(800'000);
  add({.storage = big, .shape = {200'000}, .stride = {1}});
  add({.storage = big, .shape = {300, 200}, .stride = {1, 300}, .neg = true});
  add({.dtype = DType::C64, .storage = little, .shape = {100'000}, .stride = {1}, .conj = true});
  add({.dtype = DType::C128,
       .storage = little,
       .shape = {90, 50},
       .stride = {1, 90},
       .conj = true,
       .neg = true});
  add({.dtype = DType::BF16, .storage = little, .shape = {7}, .stride = {2}, .neg = true});
  add(DType::Bool, little, {300'000});
  EXPECT_EQ(write(), expected());
}

// Elements then lie across the ends of blocks, and still are fixed up as a whole.
TEST_F(RunLayoutTest, TakesAnyHeaderLength) {
  const uint32_t big = table_.add_storage(
      {.name = "big", .source = source(800'000), .size = 800'000, .big_endian = true});
  add({.dtype = DType::C128, .storage = big, .shape = {50'000}, .stride = {1}, .conj = true});
  add({.dtype = DType::C128, .storage = big, .shape = {100, 200}, .stride = {1, 100}});
  for (const size_t length : {0u, 1u, 7u, 13u, 262'143u, 262'145u}) {
    const std::string header(length, 'x');
    EXPECT_EQ(write(1, header), expected(header)) << length;
  }
}

TEST_F(RunLayoutTest, GathersSmallTensorsWithFewReads) {
  auto members = source(3000 * 500);
  std::vector<uint64_t> order(3000);
  std::iota(order.begin(), order.end(), 0);
  std::ranges::shuffle(order, std::mt19937(1));
  for (const uint64_t i : order)
    add(DType::U8, add_storage(members, i * 500, 400 + i % 100), {400 + i % 100});
  EXPECT_EQ(write(), expected());
  EXPECT_LT(members->reads() - 3000, 1500u);  // 3000 of them for the expectation
}

TEST_F(RunLayoutTest, ChecksSmallTensorsThatAreReadTogether) {
  auto members = source(100 * 500);
  for (uint64_t i = 0; i < 100; ++i) {
    const uint32_t crc = crc32_update(0, members->read_all(i * 500, 400));
    add(DType::U8,
        table_.add_storage({.name = "member " + std::to_string(i),
                            .source = members,
                            .offset = i * 500,
                            .size = 400,
                            .has_crc = true,
                            .crc32 = i == 66 ? ~crc : crc}),
        {400});
  }
  EXPECT_THAT(error_of_write().what(), HasSubstr("storage 'member 66' (tensor 'layer.66')"));
}

TEST_F(RunLayoutTest, GathersSmallTensorsOfDifferentSources) {
  for (uint64_t i = 0; i < 50; ++i) add(DType::I16, add_storage(2 * i), {i});
  EXPECT_EQ(write(), expected());
}

TEST_F(RunLayoutTest, MixesSmallLargeAndStrided) {
  for (uint64_t i = 0; i < 40; ++i) {
    const uint64_t size = i % 5 == 0 ? 500'000 : 1000 * i;
    const uint32_t storage = add_storage(size * 2);
    add(DType::F16, storage, {size});
    if (i % 7 == 3)
      add({.dtype = DType::F16, .storage = storage, .shape = {2, 500}, .stride = {1, 2}});
  }
  EXPECT_EQ(write(), expected());
}

TEST_F(RunLayoutTest, GivesTheSameForAnyNumberOfWorkers) {
  const uint32_t large = add_checked_storage(source(11 * kMiB + 12));
  add(DType::F32, large, {11 * kMiB / 4 + 3});
  add({.storage = large, .shape = {1024, 512}, .stride = {1, 1024}});
  add(DType::U8, add_storage(5 * kMiB), {5 * kMiB - 1}, 1);
  for (uint64_t i = 0; i < 1000; ++i) add(DType::U8, add_checked_storage(source(i)), {i});
  const Written wanted = expected();
  for (const unsigned workers : {1u, 2u, 5u}) EXPECT_EQ(write(workers), wanted) << workers;
}

TEST_F(RunLayoutTest, FillsSeveralFiles) {
  add(DType::U8, add_storage(100), {100});
  add(DType::U8, add_storage(200), {200});
  Layout layout = layout_;
  layout.files = {{"first", 105}, {"no tensors", 10}, {"last", 204}};
  layout.slots[0].offset = 5;
  layout.slots[1].file = 2;
  layout.slots[1].offset = 4;
  OutputFile a(folder_ / "a", 105, false), b(folder_ / "b", 10, false),
      c(folder_ / "c", 204, false);
  run(layout, {&a, &b, &c});
  for (OutputFile* const output : {&a, &b, &c}) output->commit();
  const auto text = [&](size_t i) {
    return std::string(as_text(expected_of(selection_.tensors[i])));
  };
  EXPECT_EQ(folder_.read("a"), "first" + text(0));
  EXPECT_EQ(folder_.read("b"), "no tensors");
  EXPECT_EQ(folder_.read("c"), "last" + text(1));
}

TEST_F(RunLayoutTest, ReportsProgressUpToTheWhole) {
  add(DType::U8, add_storage(10 * kMiB), {10 * kMiB});
  for (const unsigned workers : {1u, 4u}) {
    std::atomic<uint64_t> furthest = 0;
    std::atomic<int> calls = 0;
    options_.progress = [&](uint64_t done) {
      ++calls;
      for (uint64_t seen = furthest; seen < done && !furthest.compare_exchange_weak(seen, done);) {
      }
    };
    write(workers);
    EXPECT_EQ(furthest, 10 * kMiB);
    EXPECT_LE(calls, 10 + static_cast<int>(workers));
    EXPECT_GE(calls, 4);
  }
}

}  // namespace
}  // namespace unbrine
