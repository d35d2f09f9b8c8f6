#include "formats/dtype.h"

#include <gtest/gtest.h>

namespace unbrine {
namespace {

TEST(DType, KnowsNoEmptyName) {
  EXPECT_FALSE(dtype_by_torch_name(""));
  EXPECT_FALSE(dtype_by_storage_class(""));
}

TEST(DType, IsFoundByTorchNameAndStorageClass) {
  EXPECT_EQ(dtype_by_torch_name("bfloat16"), DType::BF16);
  EXPECT_EQ(dtype_by_torch_name("float8_e8m0fnu"), DType::F8E8M0);
  EXPECT_EQ(dtype_by_storage_class("CharStorage"), DType::I8);
  EXPECT_EQ(dtype_by_storage_class("QUInt4x2Storage"), DType::QUInt4x2);
  EXPECT_FALSE(dtype_by_storage_class("UntypedStorage"));
}

TEST(DType, SwapsEachHalfOfAComplexNumber) {
  EXPECT_EQ(info(DType::C128).bits, 128);
  EXPECT_EQ(info(DType::C128).swap_unit, 8);
  EXPECT_EQ(info(DType::C32).swap_unit, 2);
}

TEST(DType, TakesOneSafetensorsNamePerRow) {
  for (const DTypeInfo& row : dtype_table()) EXPECT_FALSE(row.safetensors.empty());
}

TEST(DType, SplitsWhatSafetensorsCannotHold) {
  EXPECT_EQ(info(DType::C128).safetensors, "F64");
  EXPECT_EQ(info(DType::C128).packing, Packing::TrailingPair);
  EXPECT_EQ(info(DType::F4E2M1x2).packing, Packing::DoubledLast);
}

}  // namespace
}  // namespace unbrine
