#include "converter/progress.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace unbrine {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class ProgressLineTest : public ::testing::Test {
 protected:
  ProgressLine line(std::string_view label, uint64_t total, bool enabled = true) {
    return ProgressLine(
        label, total, enabled, [this] { return now_; },
        [this](std::string_view text) { printed_.emplace_back(text); });
  }

  double now_ = 1000;
  std::vector<std::string> printed_;
};

TEST_F(ProgressLineTest, StaysSilentWhereItIsNotWanted) {
  {
    ProgressLine progress = line("a.pt", 100, false);
    now_ += 5;
    progress.update(50);
  }
  EXPECT_THAT(printed_, IsEmpty());
}

TEST_F(ProgressLineTest, StaysSilentDuringShortWork) {
  {
    ProgressLine progress = line("a.pt", 100);
    now_ += 0.25;
    progress.update(100);
  }
  EXPECT_THAT(printed_, IsEmpty());
}

TEST_F(ProgressLineTest, TellsShareRateAndTimeLeft) {
  ProgressLine progress = line("a.pt", 4'000'000'000);
  now_ += 1;
  progress.update(1'000'000'000);
  ASSERT_EQ(printed_.size(), 1u);
  EXPECT_THAT(printed_[0], ::testing::StartsWith("\ra.pt  25 %  "));
  EXPECT_THAT(printed_[0], HasSubstr("GB/s  0:03 left\x1b[K"));
}

TEST_F(ProgressLineTest, TellsMinutesAndHours) {
  ProgressLine progress = line("a.pt", 4000);
  now_ += 1;
  progress.update(1);
  EXPECT_THAT(printed_.back(), HasSubstr("1:06:39 left"));
  now_ += 1;
  progress.update(20);
  EXPECT_THAT(printed_.back(), HasSubstr("6:38 left"));
}

TEST_F(ProgressLineTest, CutsAGuessOfYears) {
  ProgressLine progress = line("a.pt", UINT64_MAX);
  now_ += 1;
  progress.update(1);
  EXPECT_THAT(printed_.back(), HasSubstr("99:59:59 left"));
}

TEST_F(ProgressLineTest, PrintsAtMostTenTimesASecond) {
  ProgressLine progress = line("a.pt", 1000);
  for (uint64_t i = 0; i < 1000; ++i) {
    now_ += 0.001;
    progress.update(i);
  }
  EXPECT_GE(printed_.size(), 6u);
  EXPECT_LE(printed_.size(), 8u);
}

TEST_F(ProgressLineTest, NeverGoesBack) {
  ProgressLine progress = line("a.pt", 100);
  now_ += 1;
  progress.update(60);
  now_ += 1;
  progress.update(40);
  EXPECT_THAT(printed_.back(), HasSubstr(" 60 %"));
}

TEST_F(ProgressLineTest, IsClearedAtTheEnd) {
  {
    ProgressLine progress = line("a.pt", 100);
    now_ += 1;
    progress.update(50);
  }
  EXPECT_EQ(printed_.back(), "\r\x1b[K");
}

TEST_F(ProgressLineTest, SurvivesWorkWithoutBytes) {
  ProgressLine progress = line("a.pt", 0);
  now_ += 1;
  progress.update(0);
  EXPECT_THAT(printed_.back(), HasSubstr("100 %"));
}

TEST_F(ProgressLineTest, EscapesItsLabel) {
  ProgressLine progress = line("a\x1b[31m", 100);
  now_ += 1;
  progress.update(50);
  EXPECT_THAT(printed_.back(), HasSubstr("a\\x1b[31m"));
}

TEST_F(ProgressLineTest, TakesUpdatesFromSeveralThreads) {
  ProgressLine progress = line("a.pt", 100);
  now_ += 1;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i)
      threads.emplace_back([&] {
        for (uint64_t n = 0; n <= 100; ++n) progress.update(n);
      });
  }
  EXPECT_EQ(printed_.size(), 1u);
}

}  // namespace
}  // namespace unbrine
