#include "formats/limits.h"

#include <gmock/gmock.h>

#include <set>

#include "tests/support/error_of.h"

namespace unbrine {
namespace {

TEST(Limits, AllowTheBoundAndRefuseOneMore) {
  check_limit("tensors:", 10, "max_tensors", 10);
  const Error error = error_of([] { check_limit("tensors:", 11, "max_tensors", 10); });
  EXPECT_EQ(error.code(), ErrorCode::Limit);
  EXPECT_STREQ(error.what(), "tensors: 11 needed, 10 allowed (--limit max_tensors=11 allows it)");
}

TEST(Limits, HaveDistinctNamesAndMembers) {
  std::set<std::string_view> names;
  std::set<const void*> members;
  const Limits limits;
  for (const LimitName& row : limit_names()) {
    names.insert(row.name);
    members.insert(&(limits.*row.member));
  }
  EXPECT_EQ(names.size(), limit_names().size());
  EXPECT_EQ(members.size(), limit_names().size());
}

}  // namespace
}  // namespace unbrine
