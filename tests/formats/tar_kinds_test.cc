#include "formats/tar_kinds.h"

#include <gmock/gmock.h>

#include "tests/support/error_of.h"
#include "tests/support/tar_builder.h"

namespace unbrine {
namespace {

using ::testing::HasSubstr;

Error refusal(const TarBuilder& tar) {
  return error_of([&] { open_checkpoint(tar.source(), Limits{}); });
}

TEST(TarKinds, ListsATarThatIsNoCheckpoint) {
  const Error error = refusal(TarBuilder().add("a\x1b", "").add("b", "").add("c", "").add("d", ""));
  EXPECT_EQ(error.code(), ErrorCode::Unsupported);
  EXPECT_STREQ(error.what(),
               "is a tar of 4 files but no checkpoint: it holds 'a\\x1b', 'b', 'c', ...; unpack it "
               "first");
}

TEST(TarKinds, SaysThatThereIsNoFile) {
  EXPECT_STREQ(refusal(TarBuilder().add({.name = "a/", .type = '5'})).what(),
               "is a tar without files");
}

TEST(TarKinds, RefusesATarOfBothKinds) {
  const Error error = refusal(TarBuilder()
                                  .add("storages", "")
                                  .add("tensors", "")
                                  .add("pickle", "")
                                  .add("model_config.yaml", "")
                                  .add("model_weights.ckpt", ""));
  EXPECT_EQ(error.code(), ErrorCode::Corrupt);
  EXPECT_STREQ(error.what(), "is a tar of both kinds, torch-tar and nemo");
}

TEST(TarKinds, TakesATorchTarWithoutTensorsForNone) {
  EXPECT_EQ(refusal(TarBuilder().add("storages", "").add("pickle", "")).code(),
            ErrorCode::Unsupported);
}

}  // namespace
}  // namespace unbrine
