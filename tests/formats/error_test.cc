#include "formats/error.h"

#include "tests/support/error_of.h"

namespace unbrine {
namespace {

TEST(Error, JoinsTextAndNumbers) {
  const Error error =
      error_of([] { fail(ErrorCode::Corrupt, "byte ", uint64_t{7}, ": ", -1, '!'); });
  EXPECT_EQ(error.code(), ErrorCode::Corrupt);
  EXPECT_STREQ(error.what(), "byte 7: -1!");
}

TEST(Error, GainsContextOnTheWayUpAndKeepsItsCode) {
  const Error error = error_of([] {
    in_context("model.pt",
               [] { in_context("data.pkl", [] { fail(ErrorCode::Limit, "too many"); }); });
  });
  EXPECT_EQ(error.code(), ErrorCode::Limit);
  EXPECT_STREQ(error.what(), "model.pt: data.pkl: too many");
}

TEST(Error, ContextLetsResultsThrough) {
  EXPECT_EQ(in_context("anything", [] { return 42; }), 42);
}

}  // namespace
}  // namespace unbrine
