// Casts on their way through all paths, and that what they lose is summed up. Values are the
// kernels' affair, so a backend stands in whose casts are easily foretold.
#include "tests/converter/run_layout_test.h"

namespace unbrine {
namespace {

using ::testing::HasSubstr;

// Casts by resized_elements. Of each element it reports one overflow, and its first byte as error.
class ResizingWorker final : public Worker {
 public:
  explicit ResizingWorker(std::atomic<int>& saturated) : saturated_(saturated) {}

  void run(const Job& job) override {
    if (job.cast == nullptr) return cpu_->run(job);
    const size_t from = info(job.cast->from).bits / 8, to = info(job.cast->to).bits / 8;
    ASSERT_EQ(job.item_size, from);
    ASSERT_EQ(job.target.size() % to, 0u);
    ASSERT_FALSE(overlap(job.source, job.target));
    Bytes prepared(job.target.size() / to * from);
    ASSERT_TRUE(!job.dims.empty() || job.source.size() == prepared.size());
    Job uncast = job;
    uncast.target = prepared;
    uncast.cast = nullptr;
    cpu_->run(uncast);
    std::ranges::copy(resized_elements(prepared, from, to), job.target.begin());
    count(job, prepared, from);
  }

 private:
  static bool overlap(ByteSpan a, ByteSpan b) {
    return a.data() < b.data() + b.size() && b.data() < a.data() + a.size();
  }
  void count(const Job& job, const Bytes& prepared, size_t from) {
    if (job.cast->overflow == Overflow::Saturate) ++saturated_;
    CastStatistics lost;
    for (size_t i = 0; i < prepared.size(); i += from)
      lost.add({1, 0, static_cast<double>(prepared[i]), 0});
    job.statistics->add(lost);
  }

  std::unique_ptr<Worker> cpu_ = available_backends().front()->worker();
  std::atomic<int>& saturated_;
};

class ResizingBackend final : public Backend {
 public:
  std::string_view name() const override { return "resizing"; }
  std::unique_ptr<Worker> worker() const override {
    return std::make_unique<ResizingWorker>(saturated);
  }
  mutable std::atomic<int> saturated = 0;  // jobs that were to saturate
};

class RunLayoutCastTest : public RunLayoutTest {
 protected:
  RunLayoutCastTest() { options_.backend = &backend_; }

  // One overflow for each element, and the largest first byte.
  CastStatistics lost_by(const SelectedTensor& selected) const {
    const Tensor& tensor = selection_.tensor(selected);
    const Bytes bytes = expected_bytes(tensor, table_.storage_of(tensor));
    CastStatistics lost;
    for (size_t i = 0; i < bytes.size(); i += info(tensor.dtype).bits / 8)
      lost.add({1, 0, static_cast<double>(bytes[i]), 0});
    return lost;
  }

  void expect_statistics(const std::vector<SlotResult>& results) const {
    for (size_t i = 0; i < results.size(); ++i) {
      const SelectedTensor& selected = selection_.tensors[i];
      const CastStatistics lost = selected.cast ? lost_by(selected) : CastStatistics{};
      EXPECT_EQ(results[i].cast.overflowed, lost.overflowed) << i;
      EXPECT_EQ(results[i].cast.max_abs_error, lost.max_abs_error) << i;
    }
  }

  void expect_same_for_workers() {
    const Written wanted = expected();
    for (const unsigned workers : {1u, 2u, 3u, 4u, 5u}) EXPECT_TRUE(write(workers) == wanted);
    for (const unsigned workers : {1u, 3u})
      expect_statistics(run(layout_behind("header!!"), {nullptr}, workers));
  }

  ResizingBackend backend_;
};

TEST_F(RunLayoutCastTest, RefusesDamagedStorageOfACastTensor) {
  add(DType::F32, add_checked_storage(source(9 * kMiB), 1), {9 * kMiB / 4}, 0, DType::BF16);
  EXPECT_THAT(error_of_write(3).what(), HasSubstr("storage 'archive/data/7' (tensor 'layer.0')"));
}

TEST_F(RunLayoutCastTest, RefusesDamagedStorageOfASmallCastTensor) {
  add(DType::BF16, add_checked_storage(source(100), 1), {50}, 0, DType::F64);
  EXPECT_EQ(error_of_write().code(), ErrorCode::Corrupt);
}

TEST_F(RunLayoutCastTest, ChecksTheStoredBytesOnThePassThatCarriesThem) {
  for (const DType to : {DType::F8E5M2, DType::BF16, DType::F64}) {
    auto whole = source(9 * kMiB);
    const uint32_t storage = add_checked_storage(whole);
    const uint64_t read_before = whole->bytes_read();
    add(DType::F32, storage, {9 * kMiB / 4}, 0, to);
    run(layout_behind(""), {nullptr}, 2);
    EXPECT_EQ(whole->bytes_read() - read_before, 9 * kMiB);
    selection_.tensors.clear();
    layout_.slots.clear();
    end_ = 0;
  }
}

TEST_F(RunLayoutCastTest, StopsWhenTold) {
  std::atomic<bool> stop = false;
  auto watched = source(9 * kMiB);
  watched->at_each_read([&] { stop = true; });
  add(DType::F32, add_storage(watched, 0, watched->size()), {9 * kMiB / 4}, 0, DType::F16);
  options_.stop = &stop;
  EXPECT_THROW(write(2), Interrupted);
  EXPECT_THAT(folder_.names(), ::testing::IsEmpty());
}

TEST_F(RunLayoutCastTest, CastsBetweenAllWidthsContiguousAndStrided) {
  for (const DType from : {DType::F64, DType::F32, DType::F16, DType::F8E4M3FN})
    for (const DType to : {DType::I64, DType::I32, DType::BF16, DType::U8}) {
      const uint32_t storage = add_storage(8 * 60'000);
      add(from, storage, {60'000}, 0, to);
      add(from, storage, {11}, 7, to);
      add({.dtype = from, .storage = storage, .shape = {200, 300}, .stride = {1, 200}}, to);
      add({.dtype = from, .storage = storage, .shape = {3, 100, 7}, .stride = {0, 9, 2}}, to);
    }
  expect_same_for_workers();
}

TEST_F(RunLayoutCastTest, CutsLargeTensorsAtPiecesOfTheTarget) {
  add(DType::F32, add_storage(20 * kMiB), {5 * kMiB}, 0, DType::BF16);
  add(DType::BF16, add_storage(6 * kMiB), {3 * kMiB - 1}, 1, DType::F64);
  add(DType::F32, add_storage(20 * kMiB), {5 * kMiB}, 0, DType::F8E5M2);
  add(DType::U8, add_storage(5 * kMiB), {5 * kMiB});
  expect_same_for_workers();
}

TEST_F(RunLayoutCastTest, CastsViewsLargerThanTheStaging) {
  const uint32_t storage = add_storage(12 * kMiB);
  add({.storage = storage, .shape = {1536, 1024}, .stride = {1, 1536}}, DType::BF16);
  add({.storage = storage, .shape = {1 << 19, 3}, .stride = {1, 1 << 19}}, DType::F64);
  add({.dtype = DType::U8, .storage = storage, .shape = {150'001, 2}, .stride = {41, 7}},
      DType::F64);
  expect_same_for_workers();
}

TEST_F(RunLayoutCastTest, GathersSmallTensorsWithFewReads) {
  auto members = source(1000 * 500);
  for (uint64_t i = 0; i < 1000; ++i)
    add(DType::F32, add_storage(members, i * 500, 400), {i % 100}, 0,
        i % 3 == 0   ? std::optional(DType::F16)
        : i % 3 == 1 ? std::optional(DType::F64)
                     : std::nullopt);
  run(layout_behind(""), {nullptr});
  EXPECT_LT(members->reads(), 100u);
  expect_same_for_workers();
}

TEST_F(RunLayoutCastTest, FixesUpBeforeTheCast) {
  const uint32_t big = table_.add_storage(
      {.name = "big", .source = source(800'000), .size = 800'000, .big_endian = true});
  add({.storage = big, .shape = {200'000}, .stride = {1}}, DType::BF16);
  add({.storage = big, .shape = {300, 200}, .stride = {1, 300}, .neg = true}, DType::F64);
  add(DType::Bool, add_storage(300), {300}, 0, DType::F32);
  expect_same_for_workers();
}

TEST_F(RunLayoutCastTest, TakesAnyHeaderLength) {
  add(DType::F32, add_storage(1'200'000), {300'000}, 0, DType::BF16);
  add(DType::BF16, add_storage(300'000), {100'000}, 3, DType::F64);
  for (const size_t length : {0u, 1u, 7u, 262'143u, 262'145u}) {
    const std::string header(length, 'x');
    EXPECT_EQ(write(1, header), expected(header)) << length;
  }
}

TEST_F(RunLayoutCastTest, CastsScalarsAndEmptyTensors) {
  const uint32_t storage = add_storage(64);
  add(DType::F64, storage, {}, 3, DType::F16);
  add(DType::F64, storage, {3, 0, 2}, 0, DType::F16);
  add({.dtype = DType::F64, .storage = storage, .shape = {4, 0}, .stride = {1, 9}}, DType::F16);
  expect_same_for_workers();
}

TEST_F(RunLayoutCastTest, TakesTheOwnDTypeForNoCast) {
  add(DType::F32, add_storage(400), {100}, 0, DType::F32);
  EXPECT_EQ(write(), expected());
  EXPECT_EQ(run(layout_behind(""), {nullptr}).front().cast.overflowed, 0u);
}

TEST_F(RunLayoutCastTest, HandsTheOverflowModeDown) {
  add(DType::F32, add_storage(400), {100}, 0, DType::F16);
  write();
  EXPECT_EQ(backend_.saturated, 0);
  options_.overflow = Overflow::Saturate;
  write();
  EXPECT_GE(backend_.saturated, 1);
}

// Blocks of source and target both stay in the cache, however wide the elements.
TEST_F(RunLayoutCastTest, ReadsAtMostABlockAtOnce) {
  auto wide = source(8 * kMiB);
  add(DType::F64, add_storage(wide, 0, wide->size()), {kMiB}, 0, DType::F8E5M2);
  run(layout_behind(""), {nullptr});
  EXPECT_GE(wide->reads(), 32u);
}

}  // namespace
}  // namespace unbrine
