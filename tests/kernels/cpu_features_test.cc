#include "kernels/cpu_features.h"

#include <gtest/gtest.h>

#include "kernels/crc32_implementations.h"
#include "kernels/xxh3_implementations.h"

namespace unbrine {
namespace {

struct Row {
  bool (*supported)();
};
constexpr Row kLacking = {[] { return false; }};
constexpr Row kSupported = {[] { return true; }};
constexpr Row kFaster = {[] { return true; }};

TEST(FastestSupported, PassesOverWhatTheMachineLacks) {
  const Row* const rows[] = {&kSupported, &kFaster, &kLacking, &kLacking};
  EXPECT_EQ(&fastest_supported(rows), &kFaster);
}

TEST(FastestSupported, FallsBackToTheFirstRow) {
  const Row* const rows[] = {&kSupported, &kLacking};
  EXPECT_EQ(&fastest_supported(rows), &kSupported);
}

TEST(FastestSupported, TakesTheOnlyRow) {
  const Row* const rows[] = {&kSupported};
  EXPECT_EQ(&fastest_supported(rows), &kSupported);
}

TEST(Implementations, BeginWithOneThatRunsEverywhere) {
  EXPECT_TRUE(kCrc32Implementations[0]->supported());
  EXPECT_TRUE(kXxh3Implementations[0]->supported());
}

}  // namespace
}  // namespace unbrine
