#include "converter/diff.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "converter/run_layout.h"
#include "formats/error.h"
#include "tests/support/error_of.h"
#include "tests/support/pickle_builder.h"
#include "tests/support/safetensors_builder.h"
#include "tests/support/scratch_folder.h"
#include "tests/support/zip_builder.h"

namespace unbrine {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class Diffing : public ::testing::Test {
 protected:
  void write(const std::string& file, const std::vector<SafetensorsRecord>& records) const {
    folder.write(file, safetensors_file(records));
  }

  DiffReport run(const DiffOptions& options = {}) const {
    return diff(folder / "a", folder / "b", options);
  }

  static std::vector<std::string> names_of(const DiffReport& report) {
    std::vector<std::string> names;
    for (const TensorDiff& difference : report.differences) names.push_back(difference.name);
    return names;
  }

  ScratchFolder folder;
};

TEST_F(Diffing, PassesOnWhatItsReadersFind) {
  write("a", {});
  folder.write("b", "PK");
  const Error error = error_of([&] { run(); });
  EXPECT_THAT(error.what(), HasSubstr((folder / "b").native()));
}

TEST_F(Diffing, BoundsBothSides) {
  write("a", {});
  write("b", {{"w", "U8", {1}, "x"}});
  DiffOptions options;
  options.limits.max_tensors = 0;
  EXPECT_EQ(error_of([&] { run(options); }).code(), ErrorCode::Limit);
}

TEST_F(Diffing, InterruptStopsIt) {
  write("a", {{"w", "U8", {1}, "x"}});
  write("b", {{"w", "U8", {1}, "y"}});
  const std::atomic<bool> stop = true;
  DiffOptions options;
  options.stop = &stop;
  EXPECT_THROW(run(options), Interrupted);
}

TEST_F(Diffing, ListsDifferencesByName) {
  write("a", {{"b", "U8", {1}, "x"}, {"a", "U8", {1}, "x"}, {"d", "U8", {1}, "x"}});
  write("b", {{"d", "U8", {1}, "y"}, {"b", "U8", {2}, "xx"}, {"c", "U8", {1}, "x"}});
  const DiffReport report = run();
  EXPECT_THAT(names_of(report), ElementsAre("a", "b", "c", "d"));
  EXPECT_EQ(report.differences[0].kind, DiffKind::OnlyInA);
  EXPECT_EQ(report.differences[1].kind, DiffKind::Shape);
  EXPECT_EQ(report.differences[2].kind, DiffKind::OnlyInB);
  EXPECT_EQ(report.differences[3].kind, DiffKind::Values);
  EXPECT_EQ(report.tensors, 2U);
  EXPECT_FALSE(report.equal());
}

TEST_F(Diffing, OrderInTheFileIsNoDifference) {
  write("a", {{"b", "U8", {1}, "x"}, {"a", "U8", {1}, "y"}});
  write("b", {{"a", "U8", {1}, "y"}, {"b", "U8", {1}, "x"}});
  EXPECT_TRUE(run().equal());
}

TEST_F(Diffing, EmptyInputsAreEqual) {
  write("a", {});
  write("b", {});
  EXPECT_TRUE(run().equal());
}

TEST_F(Diffing, ComplexNumbersEqualTheFormInWhichTheyAreWritten) {
  PickleBuilder pickle;
  pickle.protocol(2).empty_dict().string("w");
  pickle.tensor_v2("ComplexDoubleStorage", "0", 1, 0, {1}, {1}).setitem().stop();
  folder.write("a",
               torch_zip({{"data.pkl", pickle.bytes()}, {"data/0", bytes_of<double>({1, 2})}}));
  write("b", {{"w", "F64", {1, 2}, bytes_of<double>({1, 2})}});
  EXPECT_TRUE(run().equal());
  write("b", {{"w", "F64", {1, 2}, bytes_of<double>({1, 3})}});
  EXPECT_THAT(names_of(run()), ElementsAre("w"));
}

TEST_F(Diffing, RoundingTellsItsDType) {
  write("a", {{"w", "F64", {1}, bytes_of<double>({0.1})}});
  write("b", {{"w", "F32", {1}, bytes_of<float>({0.1F})}});
  const DiffReport report = run();
  EXPECT_TRUE(report.equal());
  ASSERT_THAT(names_of(report), ElementsAre("w"));
  EXPECT_EQ(report.differences[0].kind, DiffKind::Rounded);
  EXPECT_EQ(report.differences[0].rounded_to, "F32");
}

TEST_F(Diffing, ValuesThatNeedNoRoundingNameTheNarrowerDType) {
  write("a", {{"w", "F32", {1}, bytes_of<float>({0.5F})}});
  write("b", {{"w", "F64", {1}, bytes_of<double>({0.5})}});
  EXPECT_EQ(run().differences.at(0).rounded_to, "F32");
}

TEST_F(Diffing, IntegersAreComparedWithFloatsByCastsOfTheirOwn) {
  write("a", {{"w", "I64", {1}, bytes_of<int64_t>({(int64_t{1} << 53) + 1})}});
  write("b", {{"w", "F64", {1}, bytes_of<double>({9007199254740992.0})}});
  const DiffReport report = run();
  EXPECT_EQ(report.differences.at(0).kind, DiffKind::Rounded);
  EXPECT_EQ(report.differences.at(0).rounded_to, "F64");
}

TEST_F(Diffing, CastsOfTheRulesComeFirst) {
  write("a", {{"w", "F32", {1}, bytes_of<float>({1.00001F})}});
  write("b", {{"w", "F32", {1}, bytes_of<float>({1})}});
  EXPECT_FALSE(run().equal());
  DiffOptions options;
  options.rules.dtypes.push_back(parse_dtype_rule("BF16"));
  const DiffReport report = run(options);
  EXPECT_TRUE(report.equal());
  EXPECT_THAT(report.differences, IsEmpty());
}

TEST_F(Diffing, MetadataCountsOnlyIfAskedFor) {
  const SafetensorsRecord tensor = {"w", "U8", {1}, "x"};
  folder.write("a", safetensors_file({tensor}, {{"format", "pt"}}));
  folder.write("b", safetensors_file({tensor}, {{"format", "np"}, {"k", "v"}}));
  EXPECT_TRUE(run().equal());
  DiffOptions options;
  options.metadata = true;
  const DiffReport report = run(options);
  EXPECT_FALSE(report.equal());
  EXPECT_THAT(report.metadata, ElementsAre("format", "k"));
}

}  // namespace
}  // namespace unbrine
